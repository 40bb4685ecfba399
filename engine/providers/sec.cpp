#include "icingest/sec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/text.h"
#include "fetch/http_table.h"

namespace icingest::sec {
namespace {

// Reports that bring financial statements, amendments ("/A") aside. What 8-K and registration statements restate comes
// with the next archive: there are too many to ask for each.
constexpr std::array<std::string_view, 8> kReports = {"10-K",  "10-KT", "10-K405", "10-Q",
                                                      "10-QT", "20-F",  "40-F",    "6-K"};

constexpr std::size_t kFormWidth = 12;  // of the first column

bool is_report(std::string_view form) {
  if (form.ends_with("/A")) form.remove_suffix(2);
  return std::find(kReports.begin(), kReports.end(), form) != kReports.end();
}

// The company in "edgar/data/320193/0000320193-25-000079.txt". The column before it can be shifted by names that are
// not ASCII.
std::optional<std::int64_t> company_of(std::string_view line) {
  constexpr std::string_view kMark = "edgar/data/";
  const std::size_t at = line.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  std::int64_t cik = 0;
  const char* const begin = line.data() + at + kMark.size();
  const auto [end, error] = std::from_chars(begin, line.data() + line.size(), cik);
  if (error != std::errc{} || end == line.data() + line.size() || *end != '/') return std::nullopt;
  return cik;
}

Failure no_index(std::string_view why) {
  return Failure(Error{.action = Action::retry,
                       .exit = ExitCode::later,
                       .message = fmt::format("the text is no index of filings: {}", why)});
}

Judgement judge_forbidden(std::string_view body) {
  if (text::contains_ignoring_case(body, "Request Rate Threshold Exceeded"))
    return {Verdict::blocked, "rate_blocked", "Request Rate Threshold Exceeded"};
  if (text::contains_ignoring_case(body, "Undeclared Automated Tool"))
    return {Verdict::stop_source, "bad_contact", "Your Request Originates from an Undeclared Automated Tool"};
  if (body.find("<Code>AccessDenied") != std::string_view::npos) return {Verdict::empty, "absent"};
  return {Verdict::suspect, "forbidden_page"};
}

}  // namespace

Source source() {
  return {
      .name = "sec",
      .base_url = "https://data.sec.gov",
      .base_url_env = {"SEC_DATA_URL"},
      // Ten per second over all hosts; blocks have been seen at a steady 9.7.
      .limit = {.permits = 8, .window = std::chrono::seconds{1}, .paced = true},
      .in_flight = 8,
      // HTTP/2 has been seen to stall there.
      .judge = &judge,
      .hosts =
          {{.path_prefix = "/Archives/", .base_url = "https://www.sec.gov", .base_url_env = {"SEC_WWW_URL"}},
           {.path_prefix = "/files/", .base_url = "https://www.sec.gov", .base_url_env = {"SEC_WWW_URL"}}},
      .contact_env = {"SEC_USER_AGENT"},
      .penalty = std::chrono::minutes{10}};
}

Judgement judge(const AnswerHead& answer) {
  if (answer.http_status == 403) return judge_forbidden(answer.body);
  if (answer.http_status == 404) {
    // A page instead of the store's XML or the gateway's JSON is not the word of the one who would know.
    const std::string_view body = text::trim(answer.body);
    const bool store = body.find("<Code>NoSuchKey") != std::string_view::npos || body.starts_with('{');
    return store ? Judgement{Verdict::empty, "no_xbrl"} : Judgement{Verdict::retry, "not_found_page"};
  }
  return fetch::judge_status(answer.http_status);
}

std::string daily_index(Date day) {
  const auto date = civil(day);
  const auto month = static_cast<unsigned>(date.month());
  return fmt::format("/Archives/edgar/daily-index/{0}/QTR{1}/form.{0}{2:02}{3:02}.idx",
                     static_cast<int>(date.year()), (month + 2) / 3, month,
                     static_cast<unsigned>(date.day()));
}

Result<std::vector<std::int64_t>> reporting_companies(std::string_view index) {
  std::vector<std::int64_t> companies;
  bool in_rows = false;
  for (const std::string_view raw : text::split(index, '\n')) {
    const std::string_view line = text::trim(raw);
    if (!in_rows) {
      in_rows = line.size() > 20 && line.find_first_not_of('-') == std::string_view::npos;
      continue;
    }
    if (line.empty()) continue;
    const auto company = company_of(line);
    // The last line of a text that was cut has no end.
    if (!company || !line.ends_with(".txt")) return no_index(text::printable(line, 120));
    if (is_report(text::trim(line.substr(0, kFormWidth)))) companies.push_back(*company);
  }
  if (!in_rows) return no_index("it has no line of dashes");
  std::sort(companies.begin(), companies.end());
  companies.erase(std::unique(companies.begin(), companies.end()), companies.end());
  return companies;
}

std::optional<std::int64_t> cik_of_member(std::string_view name) {
  if (!name.starts_with("CIK") || !name.ends_with(".json")) return std::nullopt;
  const std::string_view digits = name.substr(3, name.size() - 8);
  std::int64_t cik = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cik);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || cik <= 0)
    return std::nullopt;
  return cik;
}

}  // namespace icingest::sec
