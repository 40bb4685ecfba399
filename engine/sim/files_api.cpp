#include "sim/files_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <numeric>

#include "core/text.h"
#include "icingest/calendar.h"
#include "sim/render.h"
#include "sim/sigv4.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kFolder = "us_stocks_sip/day_aggs_v1/";
constexpr std::chrono::hours kPublishedAt{11};  // New York, the day after
constexpr std::chrono::minutes kMostSkew{15};

SimAnswer refuse(int status, std::string_view code, std::string_view message, const SimRequest& request) {
  return text_answer(
      "application/xml",
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>"
                  "<Resource>{}</Resource><RequestId>{}</RequestId></Error>",
                  code, message, request.path, request_id(request.target)),
      status);
}

// "20261120T153000Z" within a quarter of an hour of the machine's own time, which is what clients sign.
bool is_current(std::string_view stamp) {
  if (stamp.size() != 16) return false;
  const auto part = [&](std::size_t from, std::size_t count) {
    return std::string(stamp.substr(from, count));
  };
  const auto at = parse_instant(fmt::format("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 2), part(6, 2),
                                            part(9, 2), part(11, 2), part(13, 2)));
  if (!at) return false;
  const auto apart =
      *at - std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return apart < kMostSkew && apart > -kMostSkew;
}

}  // namespace

FilesApi::FilesApi(const Market& market, FilesOptions options, const MassivePlan& plan, const Clock& clock)
    : market_(market),
      options_(std::move(options)),
      plan_(plan),
      clock_(clock),
      root_("/" + options_.bucket + "/"),
      by_symbol_(market.listings().size()) {
  std::iota(by_symbol_.begin(), by_symbol_.end(), std::size_t{0});
  std::sort(by_symbol_.begin(), by_symbol_.end(), [&](std::size_t a, std::size_t b) {
    return market.listings()[a].symbol < market.listings()[b].symbol;
  });
}

std::string FilesApi::path_of(Date session) const {
  const std::string date = to_string(session);
  return fmt::format("{}{}{}/{}/{}.csv.gz", root_, kFolder, date.substr(0, 4), date.substr(5, 2), date);
}

std::optional<Date> FilesApi::session_of(const std::string& path) const {
  constexpr std::string_view kEnding = "YYYY-MM-DD.csv.gz";
  if (path.size() < kEnding.size()) return std::nullopt;
  const auto date = parse_date(std::string_view(path).substr(path.size() - kEnding.size(), 10));
  return date && path == path_of(*date) ? date : std::nullopt;
}

std::string FilesApi::etag_of(Date session) const {
  return fmt::format(
      "\"{}\"", request_id(fmt::format("{} {} {} {} {} {}", market_.seed(), market_.listings().size(),
                                       to_string(market_.from()), to_string(market_.to()), to_string(session),
                                       market_.is_corrected(session))));
}

std::optional<SimAnswer> FilesApi::refuse_signature(const SimRequest& request) const {
  if (request.authorization.empty()) return refuse(403, "AccessDenied", "Access Denied", request);
  const auto authorization = parse_authorization(request.authorization);
  if (!authorization) {
    return refuse(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.", request);
  }
  if (authorization->access_key != options_.access_key) {
    return refuse(403, "InvalidAccessKeyId", "The access key Id you provided does not exist in our records.",
                  request);
  }
  if (!is_current(header_of(request, "x-amz-date"))) {
    return refuse(403, "RequestTimeTooSkewed",
                  "The difference between the request time and the server's time is too large.", request);
  }
  const std::size_t question = request.target.find('?');
  const SignedRequest what{.method = request.method,
                           .path = request.target.substr(0, question),
                           .query = question == std::string::npos ? "" : request.target.substr(question + 1),
                           .headers = request.headers};
  if (signature_of(what, *authorization, options_.secret) != authorization->signature) {
    return refuse(403, "SignatureDoesNotMatch",
                  "The request signature we calculated does not match the signature you provided.", request);
  }
  return std::nullopt;
}

SimAnswer FilesApi::head(const SimRequest& request) const {
  if (auto refused = refuse_signature(request)) return *refused;
  if (request.method != "GET") {
    return refuse(405, "MethodNotAllowed", "The specified method is not allowed.", request);
  }
  const auto session = session_of(request.path);
  const Date today = new_york::date_of(clock_.now());
  const bool covered = plan_.flat_files && (!session || *session >= years_before(today, plan_.years));
  if (!covered) return refuse(403, "AccessDenied", "Access Denied", request);
  const bool published = session && nyse::is_session(*session) && *session >= market_.from() &&
                         *session <= market_.to() &&
                         clock_.now() >= new_york::midnight(*session + std::chrono::days(1)) + kPublishedAt;
  if (!published) return refuse(404, "NoSuchKey", "The specified key does not exist.", request);
  const std::string etag = etag_of(*session);
  const bool known = header_of(request, "if-none-match") == etag;
  SimAnswer answer{.status = known ? 304 : 200,
                   .content_type = "application/gzip",
                   .body = std::make_shared<const std::string>()};
  answer.headers.emplace_back("ETag", etag);
  return answer;
}

std::string FilesApi::object(const std::string& path) const {
  const Date session = session_of(path).value();
  const std::int64_t start = new_york::midnight(session).time_since_epoch().count() * 1000;
  std::string csv = "ticker,volume,open,close,high,low,window_start,transactions\n";
  csv.reserve(market_.listings().size() * 72);
  for (const std::size_t ticker : by_symbol_) {
    const auto bar = market_.bar(ticker, session);
    if (!bar) continue;
    csv += market_.listings()[ticker].symbol;
    append_decimal(csv += ',', bar->volume, 2);
    for (const std::int64_t price : {bar->open, bar->close, bar->high, bar->low})
      append_decimal(csv += ',', price, 4);
    fmt::format_to(std::back_inserter(csv), ",{},{}\n", start, bar->trades.value_or(1));
  }
  return csv;
}

}  // namespace icingest::sim
