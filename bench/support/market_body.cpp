#include "bench/support/market_body.h"

#include <fmt/format.h>

#include "core/text.h"
#include "icingest/calendar.h"
#include "sim/massive_api.h"
#include "support/manual_clock.h"

namespace icingest::bench {
namespace {

constexpr int kListings = 14'000;
const Date kFrom = make_date(2016, 1, 4);
const Date kTo = make_date(2025, 12, 31);

std::string ask(const std::string& target) {
  static const test::ManualClock clock(new_york::midnight(make_date(2026, 2, 2)));
  static const sim::Market market(3, kListings, kFrom, kTo);
  static const sim::MassiveApi api(market, {}, clock);
  sim::SimRequest request = sim::parse_target(target);
  request.authorization = "Bearer bench";
  return *api.answer(request)->body;
}

MarketBody with_rows(Unit unit, std::string json) {
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = json.find("\"t\":", at)) != std::string::npos; ++at) ++rows;
  return {std::move(unit), std::move(json), rows};
}

}  // namespace

const MarketBody& grouped_body() {
  const Date day = make_date(2024, 3, 14);
  static const MarketBody body = with_rows(
      {.key = "day/2024-03-14", .grain = Grain::session, .from = day, .to = day},
      ask(fmt::format("/v2/aggs/grouped/locale/us/market/stocks/{}?adjusted=true", to_string(day))));
  return body;
}

const MarketBody& range_body() {
  // The first symbol that trades over the whole window.
  static const MarketBody body = [] {
    for (const char* symbol : {"AA", "AB", "AC", "AD", "AE", "AF", "AG", "AH"}) {
      MarketBody one =
          with_rows({.key = "", .grain = Grain::symbol, .from = kFrom, .to = kTo, .symbol = symbol},
                    ask(fmt::format("/v2/aggs/ticker/{}/range/1/day/{}/{}?adjusted=true&sort=asc&limit=50000",
                                    symbol, to_string(kFrom), to_string(kTo))));
      if (one.rows > 2'500) return one;
    }
    return MarketBody{};
  }();
  return body;
}

}  // namespace icingest::bench
