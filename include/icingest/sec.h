// sec.h: what every dataset of the SEC shares: hosts, contact, the one limit, refusals, indexes.
//
// Units     one limit for all hosts: ten requests per second is the SEC's law, eight are used
// Errors    a 403 is four different things, told apart by its body (judge)
// Source    sec.gov/search-filings/edgar-search-assistance/accessing-edgar-data (read 2026-11); recorded answers in
//           the tests
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/result.h"
#include "icingest/source.h"
#include "icingest/time.h"

namespace icingest::sec {

[[nodiscard]] Source source();

//   404 with the store's NoSuchKey, 403 with its AccessDenied   there is no such object: "no_xbrl", "absent"
//   403 "Request Rate Threshold Exceeded"                      blocked
//   403 "Undeclared Automated Tool"                            stop_source: the User-Agent names nobody
//   any other 403                                              suspect
[[nodiscard]] Judgement judge(const AnswerHead& answer);

// Path of a day's index of filings. Weekends have none, nor have holidays and days to come.
[[nodiscard]] std::string daily_index(Date day);
// Companies that filed a report with financial statements, from a day's or quarter's form.idx; each once, ascending.
// retry when the text is no index.
[[nodiscard]] Result<std::vector<std::int64_t>> reporting_companies(std::string_view index);

// "CIK0000320193.json" → 320193; nothing for any other name.
[[nodiscard]] std::optional<std::int64_t> cik_of_member(std::string_view name);

}  // namespace icingest::sec
