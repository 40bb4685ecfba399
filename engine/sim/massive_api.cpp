#include "sim/massive_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "core/text.h"
#include "icingest/calendar.h"
#include "sim/render.h"

namespace icingest::sim {
namespace {

SimAnswer refuse(int status, std::string_view word, std::string_view member, std::string_view message,
                 const std::string& target) {
  return json_answer(fmt::format(R"({{"status":"{}","request_id":"{}","{}":{}}})", word, request_id(target),
                                 member, text::json_quote(message)),
                     status);
}

SimAnswer wrong_path() { return text_answer("text/plain; charset=utf-8", "404 page not found\n", 404); }

std::string query_of(const SimRequest& request, const char* name, std::string fallback = {}) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? fallback : found->second;
}

// The segments of a path, the leading slash left out.
std::vector<std::string_view> segments(std::string_view path) { return text::split(path.substr(1), '/'); }

// A date or a stamp in milliseconds.
std::optional<Date> parse_bound(std::string_view text) {
  if (const auto date = parse_date(text)) return date;
  if (const auto ms = text::parse_int(text)) return new_york::date_of(from_unix_ms(*ms));
  return std::nullopt;
}

// {"…":…,"results":[…],"status":"OK",…,"count":n}, `results` left out when there are none.
std::string aggregates(std::string_view head, std::int64_t rows, const std::string& results, bool adjusted,
                       const std::string& target) {
  std::string body =
      fmt::format(R"({{{}"queryCount":{},"resultsCount":{},"adjusted":{},)", head, rows, rows, adjusted);
  if (rows > 0) body += R"("results":[)" + results + "],";
  fmt::format_to(std::back_inserter(body), R"("status":"OK","request_id":"{}","count":{}}})",
                 request_id(target), rows);
  return body;
}

std::string next_page_url(const SimRequest& request, std::string_view path, std::string_view cursor) {
  // As the provider does: its own host name, an explicit port, the key left out.
  const bool old_host = request.host.starts_with("api.polygon.io");
  return fmt::format("https://{}:443{}?cursor={}", old_host ? "api.polygon.io" : "api.massive.com", path,
                     text::percent_encode(cursor));
}

// Cursors are opaque to clients: hexadecimal of the parameters they stand for.
std::string seal(std::string_view text) {
  std::string cursor;
  for (const char c : text)
    fmt::format_to(std::back_inserter(cursor), "{:02x}", static_cast<unsigned char>(c));
  return cursor;
}
std::string unseal(std::string_view cursor) {
  std::string encoded;
  for (std::size_t i = 0; i + 1 < cursor.size(); i += 2) (encoded += '%') += cursor.substr(i, 2);
  return parse_target("/" + encoded).path.substr(1);
}

}  // namespace

std::optional<MassivePlan> massive_plan(std::string_view name) {
  if (name == "basic") return MassivePlan{.years = 2, .todays_data = false, .flat_files = false};
  if (name == "starter") return MassivePlan{.years = 5};
  if (name == "developer") return MassivePlan{.years = 10};
  if (name == "advanced") return MassivePlan{.years = 30};
  return std::nullopt;
}

MassiveApi::MassiveApi(const Market& market, MassiveOptions options, const Clock& clock)
    : market_(market), options_(std::move(options)), clock_(clock) {
  by_symbol_.resize(market.listings().size());
  std::iota(by_symbol_.begin(), by_symbol_.end(), std::size_t{0});
  grouped_order_ = by_symbol_;
  std::sort(by_symbol_.begin(), by_symbol_.end(), [&](std::size_t a, std::size_t b) {
    return market.listings()[a].symbol < market.listings()[b].symbol;
  });
  std::sort(grouped_order_.begin(), grouped_order_.end(), [&](std::size_t a, std::size_t b) {
    return draw(market.seed(), 200, a) < draw(market.seed(), 200, b);
  });
}

std::string MassiveApi::key_of(const SimRequest& request, bool& in_url) {
  in_url = false;
  if (request.authorization.starts_with("Bearer ")) return request.authorization.substr(7);
  for (const char* name : {"apiKey", "apikey"}) {
    if (const auto found = request.query.find(name); found != request.query.end()) {
      in_url = true;
      return found->second;
    }
  }
  return {};
}

SimAnswer MassiveApi::too_many(const RateLimit& limit) {
  const bool per_minute = limit.window >= std::chrono::minutes(1);
  return refuse(
      429, "ERROR", "error",
      fmt::format("You've exceeded the maximum requests per {}, please wait or upgrade your subscription to "
                  "continue. https://massive.com/pricing",
                  per_minute ? "minute" : "second"),
      "429");
}

const MassivePlan* MassiveApi::plan_of(const std::string& key) const {
  if (key.empty()) return nullptr;
  if (options_.keys.empty()) return &options_.plan;
  const auto found = options_.keys.find(key);
  return found == options_.keys.end() ? nullptr : &found->second;
}

std::optional<SimAnswer> MassiveApi::answer(const SimRequest& request) const {
  const auto parts = segments(request.path);
  const bool ours =
      !parts.empty() && (parts[0] == "v1" || parts[0] == "v2" || parts[0] == "v3" || parts[0] == "stocks");
  if (!ours) return std::nullopt;
  bool in_url = false;
  const MassivePlan* const plan = plan_of(key_of(request, in_url));
  if (plan == nullptr) return refuse(401, "ERROR", "error", "Unknown API Key", request.target);
  const std::string& path = request.path;
  if (path.starts_with("/v2/aggs/grouped/locale/us/market/stocks/") && parts.size() == 8)
    return grouped(request, *plan);
  if (path.starts_with("/v2/aggs/ticker/") && parts.size() == 9 && parts[4] == "range")
    return range(request, *plan);
  if (path.starts_with("/v2/aggs/ticker/") && parts.size() == 5 && parts[4] == "prev")
    return previous(request);
  if (path == "/v3/reference/tickers") return tickers(request);
  if (path.starts_with("/v3/reference/tickers/") && parts.size() == 4) return details(request);
  if (path == "/stocks/v1/splits") return splits(request, false);
  if (path == "/v3/reference/splits") return splits(request, true);
  return wrong_path();
}

SimAnswer MassiveApi::grouped(const SimRequest& request, const MassivePlan& plan) const {
  const auto session = parse_date(segments(request.path)[7]);
  if (!session)
    return refuse(400, "ERROR", "error", "Could not parse the time parameter: 'date'. Use YYYY-MM-DD",
                  request.target);
  const bool adjusted = query_of(request, "adjusted", "true") != "false";
  if (!plan.todays_data && *session >= today() && nyse::close_of(today()) > clock_.now()) {
    return refuse(403, "NOT_AUTHORIZED", "message",
                  "Attempted to request today's data before end of day. Please upgrade your plan.",
                  request.target);
  }
  const bool below_floor = *session < floor_of(plan);
  if (below_floor && options_.floor == FloorMode::reject) {
    return refuse(403, "NOT_AUTHORIZED", "message",
                  "Your plan doesn't include this data timeframe. "
                  "Please upgrade your plan at https://massive.com/pricing",
                  request.target);
  }
  std::string results;
  std::int64_t rows = 0;
  if (!below_floor && nyse::is_session(*session)) {
    results.reserve(market_.listings().size() * 110);
    for (const std::size_t ticker : grouped_order_) {
      const auto bar = market_.bar(ticker, *session);
      if (!bar) continue;
      if (rows++ > 0) results += ',';
      append_bar(results, market_, ticker, *session, *bar, adjusted, today(), Stamp::session_end, true);
    }
  }
  return json_answer(aggregates("", rows, results, adjusted, request.target));
}

SimAnswer MassiveApi::range(const SimRequest& request, const MassivePlan& plan) const {
  const auto parts = segments(request.path);
  auto from = parse_bound(parts[7]);
  const auto to = parse_bound(parts[8]);
  if (!from || !to) {
    return refuse(
        400, "ERROR", "error",
        fmt::format("Could not parse the time parameter: '{}'. Use YYYY-MM-DD or Unix MS Timestamps",
                    from ? "to" : "from"),
        request.target);
  }
  if (*to < *from) {
    return refuse(400, "ERROR", "error", "The parameter 'to' cannot be a time that occurs before 'from'",
                  request.target);
  }
  if (parts[5] != "1" || parts[6] != "day") {
    return refuse(400, "ERROR", "error", "the simulator has bars of one day only", request.target);
  }
  const bool adjusted = query_of(request, "adjusted", "true") != "false";
  const Date floor = floor_of(plan);
  if (*from < floor) {
    if (options_.floor == FloorMode::reject) {
      return refuse(403, "NOT_AUTHORIZED", "message",
                    "Your plan doesn't include this data timeframe. "
                    "Please upgrade your plan at https://massive.com/pricing",
                    request.target);
    }
    from = floor;
  }
  const auto limit =
      std::clamp<std::int64_t>(text::parse_int(query_of(request, "limit", "5000")).value_or(5000), 1, 50'000);
  const std::string symbol(parts[3]);
  const auto ticker = market_.find(symbol);
  std::string results;
  std::string next;
  std::int64_t rows = 0;
  if (ticker) {
    for (const Date session : nyse::sessions(std::max(*from, market_.from()), std::min(*to, market_.to()))) {
      if (rows == limit) {
        const auto start = new_york::midnight(session).time_since_epoch().count() / 1000;
        next = next_page_url(request,
                             fmt::format("/v2/aggs/ticker/{}/range/1/day/{}/{}", text::percent_encode(symbol),
                                         start, parts[8]),
                             seal(fmt::format("adjusted={}&limit={}", adjusted, limit)));
        break;
      }
      const auto bar = market_.bar(*ticker, session);
      if (!bar) continue;
      if (rows++ > 0) results += ',';
      append_bar(results, market_, *ticker, session, *bar, adjusted, today(), Stamp::session_start, false);
    }
  }
  std::string body = aggregates(fmt::format(R"("ticker":{},)", text::json_quote(symbol)), rows, results,
                                adjusted, request.target);
  if (!next.empty()) body.insert(body.size() - 1, fmt::format(R"(,"next_url":"{}")", next));
  return json_answer(std::move(body));
}

SimAnswer MassiveApi::previous(const SimRequest& request) const {
  const std::string symbol(segments(request.path)[3]);
  const Date session = nyse::last_closed_session(clock_.now());
  const auto ticker = market_.find(symbol);
  std::string results;
  const auto bar = ticker ? market_.bar(*ticker, session) : std::nullopt;
  if (bar) append_bar(results, market_, *ticker, session, *bar, true, today(), Stamp::session_end, true);
  return json_answer(aggregates(fmt::format(R"("ticker":{},)", text::json_quote(symbol)), bar ? 1 : 0,
                                results, true, request.target));
}

SimAnswer MassiveApi::tickers(const SimRequest& request) const {
  SimRequest effective = request;
  std::string after;
  if (const std::string cursor = query_of(request, "cursor"); !cursor.empty()) {
    effective.query = parse_target("/?" + unseal(cursor)).query;
    after = query_of(effective, "ap");
  }
  const bool active = query_of(effective, "active", "true") != "false";
  const std::string market = query_of(effective, "market");
  const std::string type = query_of(effective, "type");
  const std::string only = query_of(effective, "ticker");
  const auto limit =
      std::clamp<std::int64_t>(text::parse_int(query_of(effective, "limit", "100")).value_or(100), 1, 1000);
  std::string results;
  std::string last;
  std::string next;
  std::int64_t rows = 0;
  for (const std::size_t ticker : by_symbol_) {
    const Listing& listing = market_.listings()[ticker];
    const bool listed = !listing.listed || *listing.listed <= today();
    const bool is_active = !listing.delisted || *listing.delisted > today();
    if (!listed || is_active != active || listing.symbol <= after || (!market.empty() && market != "stocks"))
      continue;
    if ((!type.empty() && type != listing.type) || (!only.empty() && only != listing.symbol)) continue;
    if (rows == limit) {
      next = next_page_url(request, "/v3/reference/tickers",
                           seal(fmt::format("active={}&limit={}&market={}&type={}&sort=ticker&ap={}", active,
                                            limit, market, type, text::percent_encode(last))));
      break;
    }
    if (rows++ > 0) results += ',';
    append_ticker(results, market_, ticker, today());
    last = listing.symbol;
  }
  std::string body = fmt::format(R"({{"results":[{}],"status":"OK","request_id":"{}","count":{})", results,
                                 request_id(request.target), rows);
  if (!next.empty()) body += fmt::format(R"(,"next_url":"{}")", next);
  return json_answer(body + "}");
}

SimAnswer MassiveApi::details(const SimRequest& request) const {
  const std::string symbol(segments(request.path)[3]);
  const auto ticker = market_.find(symbol);
  if (!ticker || (market_.listings()[*ticker].delisted && *market_.listings()[*ticker].delisted <= today())) {
    return refuse(404, "NOT_FOUND", "message", "Ticker not found.", request.target);
  }
  std::string row;
  append_ticker(row, market_, *ticker, today());
  row.pop_back();
  fmt::format_to(
      std::back_inserter(row),
      R"(,"market_cap":{},"phone_number":"555-0100","address":{{"address1":"1 Example Way","city":"Springfield",)"
      R"("state":"IL","postal_code":"62701"}},"description":"A made-up company.","sic_code":"3571",)"
      R"("sic_description":"ELECTRONIC COMPUTERS","homepage_url":"https://example.com","total_employees":{},)"
      R"("list_date":"{}","share_class_shares_outstanding":{}}})",
      1'000'000 + *ticker * 1'000, 10 + *ticker,
      to_string(market_.listings()[*ticker].listed.value_or(make_date(1990, 1, 2))), 50'000 + *ticker);
  return json_answer(
      fmt::format(R"({{"results":{},"status":"OK","request_id":"{}"}})", row, request_id(request.target)));
}

SimAnswer MassiveApi::splits(const SimRequest& request, bool legacy) const {
  SimRequest effective = request;
  std::size_t skip = 0;
  if (const std::string cursor = query_of(request, "cursor"); !cursor.empty()) {
    effective.query = parse_target("/?" + unseal(cursor)).query;
    skip = static_cast<std::size_t>(text::parse_int(query_of(effective, "skip", "0")).value_or(0));
  }
  const auto bound = [&](const char* name, Date fallback) {
    return parse_date(query_of(effective, name)).value_or(fallback);
  };
  const Date first =
      std::max(bound("execution_date.gte", Date{}),
               bound("execution_date.gt", Date{} - std::chrono::days(1)) + std::chrono::days(1));
  const Date last =
      std::min(bound("execution_date.lte", today() + std::chrono::days(400)),
               bound("execution_date.lt", today() + std::chrono::days(401)) - std::chrono::days(1));
  const std::string only = query_of(effective, "ticker");
  const auto limit = static_cast<std::size_t>(std::clamp<std::int64_t>(
      text::parse_int(query_of(effective, "limit", legacy ? "10" : "100")).value_or(100), 1,
      legacy ? 1000 : 5000));
  std::vector<std::pair<Split, std::size_t>> found;
  for (std::size_t ticker = 0; ticker < market_.listings().size(); ++ticker) {
    const Listing& listing = market_.listings()[ticker];
    if (!only.empty() && only != listing.symbol) continue;
    for (const Split& split : listing.splits) {
      if (split.execution >= first && split.execution <= last) found.emplace_back(split, ticker);
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.execution, a.second) < std::pair(b.first.execution, b.second);
  });
  std::string results;
  for (std::size_t i = skip; i < std::min(found.size(), skip + limit); ++i) {
    const auto& [split, ticker] = found[i];
    if (i > skip) results += ',';
    fmt::format_to(std::back_inserter(results),
                   R"({{"ticker":"{}","execution_date":"{}","split_from":{},"split_to":{})",
                   market_.listings()[ticker].symbol, to_string(split.execution), split.from, split.to);
    if (!legacy) {
      fmt::format_to(std::back_inserter(results), R"(,"adjustment_type":"{}","id":"{}")",
                     split.to > split.from ? "forward_split" : "reverse_split",
                     request_id(fmt::format("{}{}", ticker, i)));
    }
    results += '}';
  }
  std::string body = fmt::format(R"({{"results":[{}],"status":"OK","request_id":7)", results);
  if (found.size() > skip + limit) {
    std::string parameters = fmt::format("limit={}&skip={}", limit, skip + limit);
    for (const auto& [name, value] : effective.query) {
      if (name.starts_with("execution_date") || name == "ticker")
        parameters += fmt::format("&{}={}", name, value);
    }
    body += fmt::format(R"(,"next_url":"{}")", next_page_url(request, request.path, seal(parameters)));
  }
  return json_answer(body + "}");
}

}  // namespace icingest::sim
