// prices.cpp: daily bars of US stocks and funds.
//
// Routes    grouped: the whole market of one session in one request, about 12,400 rows, 0.35 MB compressed
//           flat-files: the same session as a gzip CSV object of an S3 store, 0.2 MB: prices as they were
//           traded, no vwap, so the splits are applied here and the newest sessions are left to grouped
//           per-ticker: one symbol's whole history in one request, at most 50,000 bars
// Units     prices in USD, split-adjusted as of the day of asking; volume in shares, fractions rounded
//           half-even; `time` is 00:00 New York of the session
// Source    massive.com/docs/rest/stocks/aggregates (read 2026-11). `t` of a grouped bar is the session's
//           end, of a range bar its start, so the date is the one that was asked for and `t` only has to
//           agree with it. massive.com/docs/flat-files/stocks/day-aggregates (read 2026-11): window_start is
//           in nanoseconds
#include <fmt/format.h>

#include "core/text.h"
#include "icingest/csv.h"
#include "icingest/massive.h"
#include "icingest/pipeline.h"

namespace icingest {
namespace {

struct Bar {
  Instant time;
  std::string_view ticker;
  Decimal open, high, low, close, volume;
  std::optional<Decimal> vwap;
  std::int64_t stamp = 0;  // `t`, ms since 1970; `window_start`, ns
  Date session{};          // the New York date of `time`
};

constexpr int kPriceScale = 6;  // decimals of the price columns

// Sessions that readers see with a vwap, and that a rewritten file or a late one would not reach in time: a
// month and a half of grouped requests.
constexpr int kSessionsWithVwap = 30;

std::int64_t session_bucket(const Bar& bar) { return bar.session.time_since_epoch().count(); }

constexpr auto kStockPrices =
    table<Bar>("stock_prices", key("time", &Bar::time, "timestamptz"),
               key("ticker", &Bar::ticker, "varchar(32)"), column("open", &Bar::open, "numeric(20,6)"),
               column("high", &Bar::high, "numeric(20,6)"), column("low", &Bar::low, "numeric(20,6)"),
               column("close", &Bar::close, "numeric(20,6)"), column("volume", &Bar::volume, "int8"),
               column("vwap", &Bar::vwap, "numeric(20,6)"),
               constant_key<Bar>("interval", "1day", "varchar(10)"))
        .proved_by(BucketKind::session, &session_bucket,
                   R"((("time" AT TIME ZONE 'America/New_York')::date - DATE '1970-01-01')::bigint)")
        .partitioned_by_year("time");

constexpr std::string_view kSchema = R"sql(
CREATE TABLE stock_prices (
  "time" timestamptz NOT NULL,
  ticker varchar(32) NOT NULL,
  open numeric(20,6),
  high numeric(20,6),
  low numeric(20,6),
  close numeric(20,6),
  volume bigint,
  vwap numeric(20,6),
  "interval" varchar(10) NOT NULL DEFAULT '1day'
) PARTITION BY RANGE ("time");
CREATE UNIQUE INDEX stock_prices_key ON stock_prices (ticker, "time", "interval");
)sql";

constexpr auto kRangeBar = json::object<Bar>(
    json::required("v", &Bar::volume), json::optional("vw", &Bar::vwap), json::required("o", &Bar::open),
    json::required("c", &Bar::close), json::required("h", &Bar::high), json::required("l", &Bar::low),
    json::required("t", &Bar::stamp));
constexpr auto kGroupedBar = json::object<Bar>(
    json::required("T", &Bar::ticker), json::required("v", &Bar::volume), json::optional("vw", &Bar::vwap),
    json::required("o", &Bar::open), json::required("c", &Bar::close), json::required("h", &Bar::high),
    json::required("l", &Bar::low), json::required("t", &Bar::stamp));

constexpr auto kFileBar = csv::record<Bar>(
    csv::required("ticker", &Bar::ticker), csv::required("volume", &Bar::volume),
    csv::required("open", &Bar::open), csv::required("close", &Bar::close), csv::required("high", &Bar::high),
    csv::required("low", &Bar::low), csv::required("window_start", &Bar::stamp));

// What the members of a bar are called where it came from.
struct Names {
  std::string_view ticker, open, high, low, close, volume, vwap;
};
constexpr Names kJsonNames = {"T", "o", "h", "l", "c", "v", "vw"};
constexpr Names kFileNames = {"ticker", "open", "high", "low", "close", "volume", {}};

// A price or volume below zero is no market's; everything else about a bar is the source's word.
std::string_view negative_field(const Bar& bar, const Names& names) {
  if (bar.open.negative()) return names.open;
  if (bar.high.negative()) return names.high;
  if (bar.low.negative()) return names.low;
  if (bar.close.negative()) return names.close;
  if (bar.volume.negative()) return names.volume;
  if (bar.vwap && bar.vwap->negative()) return names.vwap;
  return {};
}

template <class Raw>
void take(RowSink<kStockPrices>& rows, const Bar& bar, Raw& raw, const Names& names = kJsonNames) {
  if (bar.ticker.empty()) rows.reject(Fault::empty_text, names.ticker, raw());
  else if (const auto field = negative_field(bar, names); !field.empty())
    rows.reject(Fault::out_of_range, field, raw());
  else rows.emit(bar, raw);
}

// Puts a bar of that session on the basis: prices times the ratio of the splits since, volume divided by it.
Fault adjust(Bar& bar, const Basis& basis, Date session) {
  const Ratio price = basis.price_ratio(bar.ticker, session);
  if (price.is_one()) return Fault::none;
  for (Decimal* const value : {&bar.open, &bar.high, &bar.low, &bar.close}) {
    if (const Fault fault = price.apply(*value, kPriceScale, *value); fault != Fault::none) return fault;
  }
  return price.inverse().apply(bar.volume, 0, bar.volume);
}

Result<void> decode_grouped(Document& document, const Unit& unit, RowSink<kStockPrices>& rows) {
  const Instant midnight = new_york::midnight(unit.from);
  std::int64_t foreign = 0;
  std::int64_t taken = 0;
  ICINGEST_TRY(massive::each_row<kGroupedBar>(
      document, rows, [&](const Bar& bar) { return bar.ticker.empty() || rows.wants(bar.ticker); },
      [&](Bar& bar, auto& raw) {
        if (new_york::date_of(from_unix_ms(bar.stamp)) != unit.from) {
          ++foreign;
          rows.reject(Fault::wrong_session, "t", raw());
          return;
        }
        ++taken;
        bar.session = unit.from;
        bar.time = midnight;
        take(rows, bar, raw);
      }));
  // Another day's answer, out of a cache on the way: every row is sound and none belongs here.
  if (foreign > 0 && taken == 0) return document.malformed("the bars are of another session");
  return {};
}

Result<void> decode_file(Document& document, const Unit& unit, RowSink<kStockPrices>& rows) {
  const Instant midnight = new_york::midnight(unit.from);
  std::int64_t foreign = 0;
  std::int64_t taken = 0;
  ICINGEST_TRY(csv::each_row<kFileBar>(
      document, rows, [&](const Bar& bar) { return bar.ticker.empty() || rows.wants(bar.ticker); },
      [&](Bar& bar, auto& raw) {
        if (new_york::date_of(from_unix_ms(bar.stamp / 1'000'000)) != unit.from) {
          ++foreign;
          rows.reject(Fault::wrong_session, "window_start", raw());
          return;
        }
        ++taken;
        bar.session = unit.from;
        bar.time = midnight;
        if (const Fault fault = adjust(bar, *unit.basis, unit.from); fault != Fault::none) {
          rows.reject(fault, "split", raw());
        } else {
          take(rows, bar, raw, kFileNames);
        }
      }));
  if (foreign > 0 && taken == 0) return document.malformed("the bars are of another session");
  return {};
}

Result<void> decode_range(Document& document, const Unit& unit, RowSink<kStockPrices>& rows) {
  ICINGEST_TRY_LET(const massive::Envelope envelope, massive::each_row<kRangeBar>(
                                                         document, rows, [](const Bar&) { return true; },
                                                         [&](Bar& bar, auto& raw) {
                                                           const Date session =
                                                               new_york::date_of(from_unix_ms(bar.stamp));
                                                           if (session < unit.from || session > unit.to) {
                                                             rows.reject(Fault::wrong_session, "t", raw());
                                                             return;
                                                           }
                                                           bar.session = session;
                                                           bar.time = new_york::midnight(session);
                                                           bar.ticker = unit.symbol;
                                                           take(rows, bar, raw);
                                                         }));
  if (!envelope.ticker.empty() && envelope.ticker != unit.symbol) {
    return document.malformed("the bars are of another ticker");
  }
  rows.next_page(envelope.next_url);
  return {};
}

// `historical_adjustment_factor` is a rounded number; the two shares give the same factor exactly.
struct Split {
  std::string_view ticker;
  Date execution_date{};
  Decimal from, to;
};
constexpr auto kSplit = json::object<Split>(
    json::required("ticker", &Split::ticker), json::required("execution_date", &Split::execution_date),
    json::required("split_from", &Split::from), json::required("split_to", &Split::to));

Result<void> decode_splits(Document& document, std::vector<Restatement>& found, std::string& next_page) {
  ICINGEST_TRY_LET(
      massive::Envelope envelope,
      massive::read_envelope(document, [&](simdjson::ondemand::value& value) -> Result<void> {
        simdjson::ondemand::object object;
        Split split;
        if (value.get_object().get(object) != simdjson::SUCCESS)
          return document.malformed("split is no object");
        const json::Outcome outcome = json::read<kSplit>(object, split);
        // A split that cannot be read cannot be skipped either: some ticker's history would stay on the old
        // basis.
        if (outcome.error != simdjson::SUCCESS || outcome.fault != Fault::none) {
          return document.malformed(fmt::format("split: {} {}", to_string(outcome.fault), outcome.field));
        }
        found.push_back({std::string(split.ticker), split.execution_date, Ratio::of(split.from, split.to)});
        return {};
      }));
  next_page = std::move(envelope.next_url);
  return {};
}

}  // namespace

Pipeline pipeline_prices() {
  return {
      .name = "prices",
      .about = "Daily bars of every listed ticker into stock_prices",
      .source = massive::source(),
      .schema = kSchema,
      .routes = {{.name = "grouped",
                  .unit_prefix = "day",
                  .grain = Grain::session,
                  .requests = [](const Unit& unit, const Options&) -> std::vector<std::string> {
                    return {fmt::format("/v2/aggs/grouped/locale/us/market/stocks/{}?adjusted=true",
                                        to_string(unit.from))};
                  },
                  .load = into<kStockPrices>(decode_grouped),
                  .bytes_per_row = 28,
                  .rows_per_answer = 12'400},
                 {.name = "flat-files",
                  .unit_prefix = "day",
                  .grain = Grain::session,
                  .requests = [](const Unit& unit, const Options&) -> std::vector<std::string> {
                    const std::string session = to_string(unit.from);
                    return {fmt::format("/us_stocks_sip/day_aggs_v1/{}/{}/{}.csv.gz", session.substr(0, 4),
                                        session.substr(5, 2), session)};
                  },
                  .load = into<kStockPrices>(decode_file),
                  .bytes_per_row = 18,
                  .rows_per_answer = 12'400,
                  .source = massive::files(),
                  .as_traded = true,
                  .leaves_newest = kSessionsWithVwap},
                 {.name = "per-ticker",
                  .unit_prefix = "ticker",
                  .grain = Grain::symbol,
                  .requests = [](const Unit& unit, const Options&) -> std::vector<std::string> {
                    return {fmt::format(
                        "/v2/aggs/ticker/{}/range/1/day/{}/{}?adjusted=true&sort=asc&limit=50000",
                        text::percent_encode(unit.symbol), to_string(unit.from), to_string(unit.to))};
                  },
                  .load = into<kStockPrices>(decode_range),
                  .bytes_per_row = 30}},
      .universe =
          UniverseRule{.filled_by = "tickers",
                       .sql = "SELECT DISTINCT symbol FROM tickers WHERE asset_type IN ('CS', 'ETF', 'ADRC', "
                              "'FUND', 'ETN', 'stock', 'etf', 'adr', 'fund', 'etn')"},
      .restatements =
          RestatementRule{.request =
                              [](Date from, Date to) {
                                return fmt::format(
                                    "/stocks/v1/splits?execution_date.gt={}&execution_date.lte={}&limit=5000"
                                    "&sort=execution_date.asc",
                                    to_string(from), to_string(to));
                              },
                          .decode = decode_splits},
      .refresh_sessions = 5,
  };
}

}  // namespace icingest
