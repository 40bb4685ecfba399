#include "sim/sec_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/text.h"
#include "sim/byte_ranges.h"
#include "sim/recorded.h"
#include "sim/render.h"
#include "sim/sec_landing.h"
#include "sim/sec_pages.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kFacts = "/api/xbrl/companyfacts/";
constexpr std::string_view kSubmissions = "/submissions/";
constexpr std::string_view kArchives = "/Archives/edgar/";
constexpr std::string_view kFactsZip = "/Archives/edgar/daily-index/xbrl/companyfacts.zip";
constexpr std::string_view kSubmissionsZip = "/Archives/edgar/daily-index/bulkdata/submissions.zip";

// A company and a contact: "Example Company AdminContact@example.com". What looks like a browser is none.
bool declares_itself(std::string_view agent) {
  const std::size_t at = agent.find('@');
  return at != std::string_view::npos && at > 0 && agent.find('.', at) != std::string_view::npos &&
         !agent.starts_with("Mozilla/");
}

// "CIK0000320193.json" → 320193.
std::optional<std::int64_t> cik_of(std::string_view name) {
  if (name.size() != 18 || !name.starts_with("CIK") || !name.ends_with(".json")) return std::nullopt;
  const std::string_view digits = name.substr(3, 10);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return text::parse_int(digits);
}

FaultScope scope_of(const SimRequest& request, bool is_bulk) {
  if (request.method == "HEAD") return is_bulk ? FaultScope::sec_bulk_head : FaultScope::sec_head;
  return is_bulk ? FaultScope::sec_bulk : FaultScope::sec_text;
}

}  // namespace

SecApi::SecApi(const Market& market, const SecOptions& options, std::vector<RecordedCompany> recorded,
               const Clock& clock)
    : clock_(clock),
      maintenance_page_(options.recorded
                            ? read_recorded(*options.recorded / "sec" / "errors" / "browse_edgar_503.html.gz")
                            : ""),
      filers_(market, options, std::move(recorded)),
      submissions_(filers_, options.recorded),
      index_(filers_, options.recorded),
      bulk_(filers_, submissions_, options),
      gate_(options.limit, options.penalty) {}

bool SecApi::is_ours(const SimRequest& request) {
  const std::string& path = request.path;
  return path.starts_with("/api/xbrl/") || path.starts_with(kSubmissions) || path.starts_with("/files/") ||
         path.starts_with("/Archives/") || path.starts_with("/data-research/");
}

std::optional<BulkKind> SecApi::bulk_of(const SimRequest& request) const {
  if (request.path == kFactsZip) return BulkKind::companyfacts;
  if (request.path == kSubmissionsZip) return BulkKind::submissions;
  return std::nullopt;
}

SimAnswer SecApi::answer(const SimRequest& request, Faults& faults, std::optional<FaultKind>& fault) {
  fault.reset();
  SimAnswer answer;
  if (!gate_.admit(request.client, request.arrived.value_or(clock_.tick()))) {
    answer = sec_rate_page(gate_.while_blocked() % 8 == 7 ? 429 : 403);
  } else if (!declares_itself(header_of(request, "user-agent"))) {
    ++counts_.undeclared;
    answer = sec_agent_page();
  } else if (request.method != "GET" && request.method != "HEAD") {
    answer = sec_firewall_page(request.target);
    answer.status = 405;
  } else {
    const auto kind = bulk_of(request);
    fault = faults.next(scope_of(request, kind.has_value()));
    if (fault == FaultKind::replaced) bulk_.replace();
    auto wrong = fault ? said_wrong(request, *fault) : std::nullopt;
    if (wrong) answer = std::move(*wrong);
    else if (kind) answer = bulk(request, *kind, fault == FaultKind::range_ignored);
    else answer = content(request);
    if (fault == FaultKind::corrupt && answer.stream)
      answer.stream =
          std::make_shared<const FlippedByte>(answer.stream, answer.stream_from + answer.stream_size / 2);
  }
  answer.head_only = request.method == "HEAD";
  return answer;
}

std::optional<SimAnswer> SecApi::said_wrong(const SimRequest& request, FaultKind fault) {
  const auto html = [](int status, std::string_view title) {
    SimAnswer page = json_answer(fmt::format("<html><head><title>{0}</title></head><body><center><h1>{0}</h1>"
                                             "</center></body></html>\n",
                                             title),
                                 status);
    page.content_type = "text/html";
    return page;
  };
  switch (fault) {
    case FaultKind::storm_429: return sec_rate_page(429);
    case FaultKind::retry_after:
    case FaultKind::retry_after_date: {
      SimAnswer page = sec_rate_page(429);
      page.headers.emplace_back("Retry-After",
                                fault == FaultKind::retry_after
                                    ? "1"
                                    : http_date(std::chrono::floor<std::chrono::seconds>(
                                          std::chrono::system_clock::now() + std::chrono::seconds(1))));
      return page;
    }
    case FaultKind::empty_429: return json_answer("", 429);
    case FaultKind::http_500: return html(500, "500 Internal Server Error");
    case FaultKind::http_502: return html(502, "502 Bad Gateway");
    case FaultKind::http_503: return maintenance(503);
    case FaultKind::http_504: return html(504, "504 Gateway Time-out");
    case FaultKind::html_200: return maintenance(200);
    case FaultKind::firewall: return sec_firewall_page(request.target);
    case FaultKind::stale:
      if (last_document_.body) return last_document_;
      return std::nullopt;
    case FaultKind::malformed:
    case FaultKind::trailing:
    case FaultKind::truncated_gzip:
    case FaultKind::wrong_type: break;
    default: return std::nullopt;
  }
  SimRequest plain = request;
  plain.accepts_gzip = fault == FaultKind::truncated_gzip;
  SimAnswer answer = content(plain);
  if (answer.status != 200) return answer;
  const std::string& body = *answer.body;
  const auto with = [&](std::string changed) {
    answer.body = std::make_shared<const std::string>(std::move(changed));
    return answer;
  };
  if (fault == FaultKind::malformed) return with(body.substr(0, body.size() / 2));
  if (fault == FaultKind::trailing) return with(body + "{\"more\":1}");
  if (fault == FaultKind::truncated_gzip && answer.gzipped) return with(body.substr(0, body.size() - 5));
  if (fault == FaultKind::wrong_type) answer.content_type = "text/html";
  return answer;
}

SimAnswer SecApi::content(const SimRequest& request) {
  const std::string& path = request.path;
  SimAnswer answer;
  if (path.starts_with(kFacts)) answer = companyfacts(request);
  else if (path.starts_with(kSubmissions))
    answer = document(request,
                      submissions_.find(path.substr(kSubmissions.size()), SecFilers::live_day(clock_.now())));
  else if (path.starts_with("/files/")) answer = tickers(request);
  else if (path.starts_with(kArchives)) answer = archive(request);
  else if (const auto page = sec_landing_page(path, new_york::date_of(clock_.now())))
    answer = text_answer("text/html", *page, 200);
  else answer = sec_no_key(path);
  if (answer.status == 403 || answer.status == 404) ++counts_.absent;
  return answer;
}

// data.sec.gov sends no validators and no length.
SimAnswer SecApi::document(const SimRequest& request, const std::optional<SplitText>& text) {
  SimAnswer answer;
  if (text) {
    answer.body = std::make_shared<const std::string>(request.accepts_gzip ? text->gzip() : text->plain());
    answer.gzipped = request.accepts_gzip;
  } else {
    answer = sec_no_key(request.path);
  }
  answer.chunked = text.has_value();
  answer.headers.emplace_back("Access-Control-Allow-Origin", "*");
  answer.headers.emplace_back("Cache-Control", "max-age=0, no-cache, no-store");
  answer.headers.emplace_back("x-amzn-requestid", request_id(request.target));
  return answer;
}

SimAnswer SecApi::companyfacts(const SimRequest& request) {
  const auto cik = cik_of(std::string_view(request.path).substr(kFacts.size()));
  const Filer* const filer = cik ? filers_.find(*cik) : nullptr;
  SimAnswer answer = document(
      request, filer ? filers_.companyfacts(*filer, SecFilers::live_day(clock_.now())) : std::nullopt);
  if (answer.status == 200) {
    ++counts_.documents;
    last_document_ = answer;
  }
  return answer;
}

// A file with validators, which are honoured.
SimAnswer SecApi::stored(const SimRequest& request, ArchiveFile file) {
  const std::string etag =
      fmt::format("\"{}:{}\"", request_id(fmt::format("{} {}", request.path, file.bytes)),
                  std::chrono::floor<std::chrono::seconds>(file.modified).time_since_epoch().count());
  if (!header_of(request, "range").empty()) {
    SimAnswer part =
        ranged(request, std::make_shared<const HeldBytes>(std::move(file.bytes)), etag, file.modified);
    if (part.stream) part.content_type = file.content_type;
    return part;
  }
  SimAnswer answer;
  if (header_of(request, "if-none-match") == etag) {
    answer.status = 304;
    answer.body = std::make_shared<const std::string>();
  } else if (request.accepts_gzip && file.is_text) {
    answer.body = std::make_shared<const std::string>(SplitText{"", pack(file.bytes)}.gzip());
    answer.gzipped = true;
  } else {
    answer.body = std::make_shared<const std::string>(std::move(file.bytes));
  }
  answer.content_type = file.content_type;
  answer.headers = {{"ETag", etag}, {"Last-Modified", http_date(file.modified)}, {"Accept-Ranges", "bytes"}};
  return answer;
}

SimAnswer SecApi::maintenance(int status) const {
  SimAnswer answer = sec_maintenance_page(status);
  if (!maintenance_page_.empty()) answer.body = std::make_shared<const std::string>(maintenance_page_);
  return answer;
}

SimAnswer SecApi::tickers(const SimRequest& request) const {
  const bool with_exchange = request.path == "/files/company_tickers_exchange.json";
  if (!with_exchange && request.path != "/files/company_tickers.json") return sec_no_key(request.path);
  std::string out = with_exchange ? R"({"fields":["cik","name","ticker","exchange"],"data":[)" : "{";
  int row = 0;
  for (const Filer& filer : filers_.all()) {
    for (const std::string& symbol : filer.symbols) {
      if (row > 0) out += ',';
      const std::string name = text::json_quote(filers_.name(filer));
      const std::string ticker = text::json_quote(sec_symbol(symbol));
      if (with_exchange)
        fmt::format_to(std::back_inserter(out), R"([{},{},{},{}])", filer.cik, name, ticker,
                       row % 50 == 49 ? "null"
                       : row % 2 == 0 ? "\"NYSE\""
                                      : "\"Nasdaq\"");
      else
        fmt::format_to(std::back_inserter(out), R"("{}":{{"cik_str":{},"ticker":{},"title":{}}})", row,
                       filer.cik, ticker, name);
      ++row;
    }
  }
  out += with_exchange ? "]}" : "}";
  const Instant midnight = new_york::midnight(new_york::date_of(clock_.now()));
  return stored(request, {std::move(out), midnight, "application/json"});
}

SimAnswer SecApi::archive(const SimRequest& request) {
  auto file = index_.find(std::string_view(request.path).substr(kArchives.size()), clock_.now());
  if (!file) return sec_no_object(request.target);
  return stored(request, std::move(*file));
}

void SecApi::prerender() {
  for (const BulkKind kind : {BulkKind::companyfacts, BulkKind::submissions})
    static_cast<void>(bulk_.zip(kind, clock_.now()));
}

// If-None-Match and If-Modified-Since are ignored here, as they are there.
SimAnswer SecApi::bulk(const SimRequest& request, BulkKind kind, bool ignore_range) {
  const BulkZip& zip = bulk_.zip(kind, clock_.now());
  SimAnswer answer = ranged(request, zip.bytes, zip.etag, zip.modified, ignore_range);
  if (answer.stream) answer.content_type = "application/zip";
  if (request.method == "HEAD") {
    ++counts_.bulk_heads;
  } else {
    ++counts_.bulk;
    counts_.bulk_partial += answer.status == 206 ? 1 : 0;
  }
  return answer;
}

}  // namespace icingest::sim
