#include <gtest/gtest.h>

#include <set>

#include "icingest/calendar.h"
#include "sim/faults.h"
#include "sim/massive_api.h"
#include "sim/rate_gate.h"
#include "sim/render.h"
#include "support/manual_clock.h"

namespace icingest::sim {
namespace {

TEST(Market, IsAFunctionOfItsSeed) {
  const Market one(1, 50, make_date(2020, 1, 2), make_date(2026, 11, 20));
  const Market same(1, 50, make_date(2020, 1, 2), make_date(2026, 11, 20));
  const Market other(2, 50, make_date(2020, 1, 2), make_date(2026, 11, 20));
  int bars = 0;
  int differing = 0;
  for (std::size_t ticker = 0; ticker < 50; ++ticker) {
    const auto a = one.bar(ticker, make_date(2024, 3, 5));
    const auto b = same.bar(ticker, make_date(2024, 3, 5));
    const auto c = other.bar(ticker, make_date(2024, 3, 5));
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) continue;
    ++bars;
    EXPECT_EQ(a->close, b->close);
    EXPECT_LE(a->low, std::min(a->open, a->close));
    EXPECT_GE(a->high, std::max(a->open, a->close));
    if (c && c->close != a->close) ++differing;
  }
  EXPECT_GT(bars, 35);
  EXPECT_GT(differing, 25);
}

TEST(Render, SpellsNumbersAsTheProviderDoes) {
  std::string out;
  append_decimal(out, 125'000, 4);
  append_decimal(out += ' ', 120'000, 4);
  append_decimal(out += ' ', 1, 4);
  EXPECT_EQ(out, "12.5 12 0.0001");
  EXPECT_EQ(scaled_ratio(5, 1, 2), 2);
  EXPECT_EQ(scaled_ratio(7, 1, 2), 4);
  EXPECT_EQ(scaled_ratio(10, 1, 3), 3);
}

class Api : public ::testing::Test {
 protected:
  Api() { clock_.set(*parse_instant("2026-11-22T18:00:00Z")); }
  SimAnswer get(const std::string& target, const std::string& key = "k") {
    SimRequest request = parse_target(target);
    if (!key.empty()) request.authorization = "Bearer " + key;
    return *api_.answer(request);
  }
  test::ManualClock clock_;
  Market market_{1, 100, make_date(2016, 11, 22), make_date(2026, 11, 20)};
  MassiveOptions options_{.keys = {{"k", *massive_plan("advanced")}, {"free", *massive_plan("basic")}}};
  MassiveApi api_{market_, options_, clock_};
};

TEST_F(Api, BothRoutesGiveTheSamePrices) {
  const Date session = make_date(2019, 5, 7);
  const std::string grouped = *get("/v2/aggs/grouped/locale/us/market/stocks/2019-05-07").body;
  int compared = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    const auto bar = market_.bar(i, session);
    if (!bar) continue;
    const std::string range =
        *get("/v2/aggs/ticker/" + market_.listings()[i].symbol + "/range/1/day/2019-05-07/2019-05-07").body;
    const std::size_t begin = range.find("\"v\":");
    const std::string values = range.substr(begin, range.find(",\"t\":") - begin);
    EXPECT_NE(grouped.find("{\"T\":\"" + market_.listings()[i].symbol + "\"," + values), std::string::npos)
        << range;
    ++compared;
  }
  EXPECT_GT(compared, 70);
}

TEST_F(Api, RefusesAsTheProviderDoes) {
  EXPECT_EQ(get("/v2/aggs/grouped/locale/us/market/stocks/2019-05-07", "").status, 401);
  EXPECT_EQ(get("/v2/aggs/grouped/locale/us/market/stocks/2019-05-07", "unknown").status, 401);
  EXPECT_EQ(get("/v2/aggs/grouped/locale/us/market/stocks/2019-05-07", "free").status, 403);
  EXPECT_EQ(get("/v2/aggs/grouped/locale/us/market/stocks/nonsense").status, 400);
  EXPECT_EQ(get("/v2/aggs/ticker/AA/range/1/day/2020-02-02/2020-01-01").status, 400);
  EXPECT_EQ(get("/v3/reference/tickers/NOSUCH").status, 404);
  EXPECT_EQ(get("/v2/nothing").status, 404);
  EXPECT_FALSE(api_.answer(parse_target("/v9/nothing"))) << "not this provider's";
}

TEST_F(Api, HolidaysAreLegalEmpties) {
  const SimAnswer answer = get("/v2/aggs/grouped/locale/us/market/stocks/2025-01-09");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body->find("results\""), std::string::npos);
  EXPECT_NE(answer.body->find("\"resultsCount\":0"), std::string::npos);
}

TEST_F(Api, PagesNeverCarryTheKeyAndEndWithoutNext) {
  std::set<std::string> symbols;
  std::string target = "/v3/reference/tickers?active=true&limit=30&apiKey=k";
  int pages = 0;
  for (;;) {
    ++pages;
    const std::string body = *get(target).body;
    for (std::size_t at = body.find("\"ticker\":\""); at != std::string::npos;
         at = body.find("\"ticker\":\"", at + 1)) {
      symbols.insert(body.substr(at + 10, body.find('"', at + 10) - at - 10));
    }
    const std::size_t next = body.find("\"next_url\":\"");
    if (next == std::string::npos) break;
    const std::string url = body.substr(next + 12, body.find('"', next + 12) - next - 12);
    EXPECT_EQ(url.find("apiKey"), std::string::npos);
    target = url.substr(url.find("/v3"));
  }
  EXPECT_EQ(pages, 3);
  EXPECT_GT(symbols.size(), 80U);
}

TEST(RateGate, CountsWhoOverruns) {
  test::ManualClock clock;
  RateGate gate({.permits = 2, .window = std::chrono::seconds(1)});
  EXPECT_TRUE(gate.admit("k", clock.tick()));
  EXPECT_TRUE(gate.admit("k", clock.tick()));
  EXPECT_FALSE(gate.admit("k", clock.tick()));
  EXPECT_TRUE(gate.admit("other", clock.tick()));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(gate.admit("k", clock.tick()));
  EXPECT_EQ(gate.usage().at("k").violations, 1);
  EXPECT_EQ(gate.usage().at("k").most_in_window, 3);
}

TEST(RateGate, CountsThoseThatAreToldOfLate) {
  using std::chrono::milliseconds;
  const Tick start{std::chrono::hours(1)};
  RateGate gate({.permits = 2, .window = std::chrono::seconds(1)});
  EXPECT_TRUE(gate.admit("k", start));
  EXPECT_TRUE(gate.admit("k", start + milliseconds(1'050)));
  EXPECT_TRUE(gate.admit("k", start + milliseconds(1'010))) << "the first one is out of both windows";
  EXPECT_FALSE(gate.admit("k", start + milliseconds(500))) << "in the window of those that came after it";
  EXPECT_EQ(gate.usage().at("k").violations, 1);
  EXPECT_EQ(gate.usage().at("k").most_in_window, 3);
}

TEST(Faults, AreReadAndDrawnFromTheirSeed) {
  auto faults = Faults::parse("http_503=0.5,latency=0.1:50ms;seed=9");
  ASSERT_TRUE(faults);
  EXPECT_EQ(faults->latency(), std::chrono::milliseconds(50));
  int failures = 0;
  for (int i = 0; i < 1000; ++i) failures += faults->next() == FaultKind::http_503 ? 1 : 0;
  EXPECT_NEAR(failures, 500, 60);
  for (const char* bad : {"nonsense=1", "http_503", "http_503=2", "http_503=x", "latency=0.1:x", "seed=x"})
    EXPECT_FALSE(Faults::parse(bad)) << bad;
  EXPECT_TRUE(Faults::parse("all=0.05"));
  EXPECT_TRUE(Faults::parse(""));
}

}  // namespace
}  // namespace icingest::sim
