// http_table.h: what HTTP status codes and curl codes ask us to do, when the provider's own words say
// nothing.
//
// Exact codes come before classes. Every row is held by a table test.
//
// Threads   pure functions
// Source    RFC 9110; curl.se/libcurl/c/libcurl-errors.html (7.88)
#pragma once

#include "icingest/source.h"

namespace icingest::fetch {

[[nodiscard]] Judgement judge_status(long http_status);

// What to do when the transfer itself ended with a curl code other than CURLE_OK.
struct TransferVerdict {
  Action action = Action::retry;
  ExitCode exit = ExitCode::later;
  std::string_view reason;  // stable word: "connect_failed", "timeout"
  std::string_view remedy;
};
[[nodiscard]] TransferVerdict judge_transfer(int curl_code);

}  // namespace icingest::fetch
