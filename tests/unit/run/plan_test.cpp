// What is still missing, and the cheapest way to it.
#include "run/plan.h"

#include <gtest/gtest.h>

#include "cli/context.h"
#include "icingest/calendar.h"

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;
using checkpoint::UnitState;

const Instant kNow = *parse_instant("2026-11-22T18:00:00Z");  // a Sunday
const Window kWindow{make_date(2026, 9, 1), make_date(2026, 11, 20)};

class Planning : public ::testing::Test {
 protected:
  void have_symbols(int count) {
    std::vector<std::string> symbols;
    for (int i = 0; i < count; ++i) symbols.push_back("S" + std::to_string(10'000 + i));
    universe_ = Universe::of(symbols);
  }
  void have_members(int epoch, int first, int count) {
    for (int i = first; i < first + count; ++i) standing_.members["S" + std::to_string(10'000 + i)] = epoch;
  }
  void have_day(Date day, int epoch = 1, const std::string& scope = "", UnitState state = UnitState::done,
                Instant asked_at = *parse_instant("2026-11-21T00:00:00Z")) {
    const std::string key = session_key("day", day, scope);
    standing_.units[key] = {.unit = key,
                            .state = state,
                            .from = day,
                            .to = day,
                            .basis = new_york::date_of(asked_at),
                            .scope = scope,
                            .epoch = epoch,
                            .rows = state == UnitState::done ? 10 : 0,
                            .generation = 1,
                            .asked_at = asked_at};
  }
  void have_ticker(const std::string& symbol, Date from, Date to,
                   Instant asked_at = *parse_instant("2026-11-21T00:00:00Z")) {
    const std::string key = "ticker/" + symbol;
    standing_.units[key] = {.unit = key,
                            .symbol = symbol,
                            .from = from,
                            .to = to,
                            .basis = new_york::date_of(asked_at),
                            .rows = 10,
                            .generation = 1,
                            .asked_at = asked_at};
  }
  void have_all_days() {
    for (const Date day : nyse::sessions(kWindow.from, kWindow.to)) have_day(day);
  }
  Plan plan() {
    auto made = make_plan(prices(), options_, limits_, universe_, standing_, kWindow, kNow);
    EXPECT_TRUE(made.has_value()) << made.error().describe();
    return std::move(*made);
  }
  static const Pipeline& prices() {
    static const std::vector<Pipeline> all = cli::all_pipelines();
    return *find_pipeline(all, "prices");
  }
  static const Pipeline* find_pipeline(const std::vector<Pipeline>& all, std::string_view name) {
    for (const Pipeline& one : all) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  Universe universe_ = Universe::of({});
  Standing standing_;
  IngestOptions options_{.resume = true};
  SourceLimits limits_{{"massive", {.permits = 100}}};
};

TEST_F(Planning, TheMarketGoesBySessionAndAFewTickersByTicker) {
  have_symbols(12'000);
  EXPECT_EQ(plan().strategy, "grouped");
  EXPECT_EQ(plan().main.size(), 58U);
  have_symbols(3);
  EXPECT_EQ(plan().strategy, "per-ticker");
  EXPECT_EQ(plan().main.size(), 3U);
}

TEST_F(Planning, AForcedStrategyIsKept) {
  have_symbols(3);
  options_.strategy = "grouped";
  EXPECT_EQ(plan().strategy, "grouped");
  EXPECT_EQ(plan().main.front().unit.key, "day/2026-11-20") << "newest first";
}

TEST_F(Planning, WhatIsDoneIsSkipped) {
  have_symbols(100);
  have_members(1, 0, 100);
  have_all_days();
  EXPECT_EQ(plan().main.size(), 0U);
  EXPECT_EQ(plan().skipped, 58);
  EXPECT_EQ(plan().strategy, "grouped");
  options_.resume = false;
  EXPECT_EQ(plan().skipped, 0);
}

TEST_F(Planning, FailedAndUnavailableUnitsAreNotDone) {
  have_symbols(12'000);
  have_members(1, 0, 12'000);
  have_all_days();
  have_day(make_date(2026, 9, 2), 1, "", UnitState::failed);
  have_day(make_date(2026, 9, 3), 1, "", UnitState::unavailable);
  have_day(make_date(2026, 9, 4), 1, "", UnitState::empty);
  const Plan made = plan();
  ASSERT_EQ(made.main.size(), 2U);
  EXPECT_EQ(made.main[0].unit.key, "day/2026-09-03");
  EXPECT_EQ(made.main[0].expected_generation, 1);
}

TEST_F(Planning, ALatecomerGetsItsHistoryByAUnitOfItsOwn) {
  have_symbols(12'000);
  have_members(1, 0, 11'999);
  have_all_days();
  const Plan made = plan();
  EXPECT_EQ(made.main.size(), 0U);
  ASSERT_EQ(made.gaps.size(), 1U);
  EXPECT_EQ(made.gaps[0].unit.key, "ticker/S21999");
  EXPECT_EQ(made.gaps[0].unit.from, kWindow.from);
  EXPECT_TRUE(made.gaps[0].staged);
}

TEST_F(Planning, AndIsNeverFetchedAgain) {
  have_symbols(12'000);
  have_members(1, 0, 11'999);
  have_all_days();
  have_ticker("S21999", kWindow.from, kWindow.to);
  standing_.units["ticker/S21999"].state = UnitState::empty;  // listed last week: the source has nothing yet
  standing_.units["ticker/S21999"].rows = 0;
  EXPECT_EQ(plan().main.size() + plan().gaps.size(), 0U);
}

TEST_F(Planning, AWiderWindowIsNotMistakenForDone) {
  have_symbols(3);
  for (const char* symbol : {"S10000", "S10001", "S10002"})
    have_ticker(symbol, make_date(2026, 10, 1), kWindow.to);
  EXPECT_EQ(plan().main.size(), 3U);
  EXPECT_TRUE(plan().main[0].staged);
  EXPECT_EQ(plan().main[0].unit.from, kWindow.from);
}

TEST_F(Planning, ANewSessionAfterATickerLoadGoesBySession) {
  have_symbols(100);
  for (const std::string& symbol : universe_.symbols())
    have_ticker(symbol, kWindow.from, make_date(2026, 11, 19), *parse_instant("2026-11-20T23:00:00Z"));
  const Plan made = plan();
  EXPECT_EQ(made.strategy, "grouped");
  ASSERT_EQ(made.main.size(), 1U);
  EXPECT_EQ(made.main[0].unit.key, "day/2026-11-20");
}

TEST_F(Planning, TheNewestSessionsAreReadAgainOnceTheMarketHasClosedSince) {
  have_symbols(12'000);
  have_members(1, 0, 12'000);
  have_all_days();
  // Read on Thursday evening; the market has closed since, so the newest five are due again, the others not.
  for (const Date day : nyse::sessions(kWindow.from, make_date(2026, 11, 19)))
    have_day(day, 1, "", UnitState::done, *parse_instant("2026-11-19T23:00:00Z"));
  have_day(make_date(2026, 11, 20));
  EXPECT_EQ(plan().main.size(), 4U);
  options_.refresh = 0;
  EXPECT_EQ(plan().main.size(), 0U);
  options_.refresh = 2;
  EXPECT_EQ(plan().main.size(), 2U) << "asked for by name, it is done in any case";
}

TEST_F(Planning, ARestrictedRunDoesNotPassForTheWholeMarket) {
  have_symbols(12'000);
  options_.limit = 12'000;
  const std::string scope = scope_of(options_, universe_);
  for (const Date day : nyse::sessions(kWindow.from, kWindow.to)) have_day(day, 0, scope);
  EXPECT_EQ(plan().main.size(), 0U) << "the same restriction is done";
  options_.limit.reset();
  EXPECT_EQ(plan().main.size(), 58U);
}

TEST_F(Planning, EverythingIsMoreThanTheListedOnes) {
  have_symbols(100);
  have_members(1, 0, 100);
  have_all_days();
  options_.everything = true;
  universe_ = Universe::everything();
  EXPECT_EQ(plan().main.size(), 58U);
  for (const Date day : nyse::sessions(kWindow.from, kWindow.to)) have_day(day, 0, "all");
  EXPECT_EQ(plan().main.size(), 0U);
}

TEST_F(Planning, FirstLoadsGoStraightInAndWhatMayMeetRowsIsStaged) {
  have_symbols(12'000);
  EXPECT_FALSE(plan().main[0].staged);
  standing_.adopted = true;
  EXPECT_TRUE(plan().main[0].staged);
  standing_.adopted = false;
  have_members(1, 0, 12'000);
  have_day(make_date(2026, 11, 20), 1, "", UnitState::done, *parse_instant("2026-11-19T23:00:00Z"));
  const Plan made = plan();
  EXPECT_EQ(made.main[0].unit.key, "day/2026-11-20");
  EXPECT_TRUE(made.main[0].staged) << "read again";
  EXPECT_FALSE(made.main[1].staged) << "never read";
}

TEST_F(Planning, SplitsAfterTheBasisReadATickerAgainOnce) {
  have_symbols(3);
  have_members(1, 0, 3);
  have_all_days();  // read on 20 November
  const std::vector<Restatement> split = {{"S10001", make_date(2026, 11, 21)},
                                          {"S10002", make_date(2026, 11, 20)},
                                          {"OTHER", make_date(2026, 11, 21)}};
  auto units = plan_restatements(prices(), standing_, universe_, split);
  ASSERT_EQ(units.size(), 1U) << "one executed after the day of reading, one before, one is nobody's";
  EXPECT_EQ(units[0].unit.key, "ticker/S10001");
  EXPECT_EQ(units[0].unit.from, make_date(2026, 9, 1));
  EXPECT_EQ(units[0].unit.to, make_date(2026, 11, 20));
  have_ticker("S10001", units[0].unit.from, units[0].unit.to, *parse_instant("2026-11-22T12:00:00Z"));
  EXPECT_TRUE(plan_restatements(prices(), standing_, universe_, split).empty());
}

TEST_F(Planning, AFewTickersByTickerAreRestatedToo) {
  have_symbols(1);
  have_ticker("S10000", kWindow.from, kWindow.to);
  EXPECT_EQ(plan_restatements(prices(), standing_, universe_, {{"S10000", make_date(2026, 11, 21)}}).size(),
            1U);
  EXPECT_EQ(plan_restatements(prices(), standing_, universe_, {{"S10000", make_date(2026, 11, 20)}}).size(),
            0U);
}

TEST(Windows, AreCalendarYearsUpToTheLastClosedSession) {
  const auto ten = window_of({}, kNow);
  ASSERT_TRUE(ten);
  EXPECT_EQ(ten->from, make_date(2016, 11, 22));
  EXPECT_EQ(ten->to, make_date(2026, 11, 20));
  EXPECT_FALSE(window_of({.from = make_date(2026, 2, 1), .to = make_date(2026, 1, 1)}, kNow));
  EXPECT_FALSE(window_of({.to = make_date(2026, 11, 23)}, kNow));
  EXPECT_FALSE(window_of({.years = 0}, kNow));
}

// With the keys of the flat files there is a second way by session.
class PlanningWithFiles : public Planning {
 protected:
  PlanningWithFiles() { limits_.emplace("massive-files", RateLimit{.permits = 100}); }
  static std::map<std::string, int> by_route(const Plan& plan) {
    std::map<std::string, int> counts;
    for (const PlannedUnit& planned : plan.main) ++counts[std::string(planned.route->name)];
    return counts;
  }
  void have_file(Date day, const std::string& etag = "\"e\"") {
    have_day(day);
    UnitRecord& unit = standing_.units[session_key("day", day, "")];
    unit.route = "flat-files";
    unit.etag = etag;
  }
};

TEST_F(PlanningWithFiles, HistoryGoesByFilesAndTheNewestSessionsDoNot) {
  have_symbols(12'000);
  const Plan made = plan();
  EXPECT_EQ(made.strategy, "flat-files");
  EXPECT_EQ(by_route(made), (std::map<std::string, int>{{"flat-files", 28}, {"grouped", 30}}));
  EXPECT_EQ(made.main.front().route->name, "grouped") << "newest first";
  EXPECT_EQ(made.main.back().fallback->name, "grouped");
  ASSERT_EQ(made.costs.size(), 3U) << "each strategy once";
  EXPECT_LT(made.costs[1].floor_seconds(), made.costs[0].floor_seconds());
}

TEST_F(PlanningWithFiles, TheLimitOfTheApiDoesNotCountFiles) {
  have_symbols(12'000);
  limits_["massive"] = {.permits = 5, .window = std::chrono::minutes(1)};
  const Plan made = plan();
  EXPECT_EQ(made.strategy, "flat-files");
  EXPECT_EQ(made.quota_seconds, 30 * 12.0);
}

TEST_F(PlanningWithFiles, AFewTickersStillGoByTicker) {
  have_symbols(3);
  EXPECT_EQ(plan().strategy, "per-ticker");
  options_.strategy = "flat-files";
  EXPECT_EQ(plan().strategy, "flat-files");
}

TEST_F(PlanningWithFiles, WithoutKeysItCannotBeForced) {
  have_symbols(3);
  limits_.erase("massive-files");
  options_.strategy = "flat-files";
  const auto made = make_plan(prices(), options_, limits_, universe_, standing_, kWindow, kNow);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().exit, ExitCode::usage);
}

TEST_F(PlanningWithFiles, FilesNeverTakeAVwapAway) {
  have_symbols(100);
  have_members(1, 0, 100);
  have_day(make_date(2026, 9, 2));
  have_file(make_date(2026, 9, 3));
  have_ticker("S10007", make_date(2026, 9, 8), make_date(2026, 9, 11));
  options_.resume = false;
  options_.strategy = "flat-files";
  std::map<Date, std::string_view> route;
  for (const PlannedUnit& planned : plan().main) route[planned.unit.from] = planned.route->name;
  EXPECT_EQ(route.at(make_date(2026, 9, 1)), "flat-files");
  EXPECT_EQ(route.at(make_date(2026, 9, 2)), "grouped") << "it was brought by grouped";
  EXPECT_EQ(route.at(make_date(2026, 9, 3)), "flat-files");
  EXPECT_EQ(route.at(make_date(2026, 9, 8)), "grouped") << "one ticker has a vwap there";
  EXPECT_EQ(route.at(make_date(2026, 9, 11)), "grouped");
  EXPECT_EQ(route.at(make_date(2026, 9, 14)), "flat-files");
  standing_.adopted = true;
  EXPECT_EQ(by_route(plan()).count("flat-files"), 0U) << "nobody knows what others brought";
}

TEST_F(PlanningWithFiles, ARefreshAsksOnlyForWhatWasRewritten) {
  have_symbols(100);
  have_members(1, 0, 100);
  for (const Date day : nyse::sessions(kWindow.from, kWindow.to)) {
    if (day < make_date(2026, 10, 12)) have_file(day);
    else have_day(day);
  }
  options_.refresh = 40;
  options_.strategy = "flat-files";
  const Plan made = plan();
  EXPECT_EQ(by_route(made), (std::map<std::string, int>{{"flat-files", 10}, {"grouped", 30}}));
  for (const PlannedUnit& planned : made.main)
    EXPECT_EQ(planned.etag, planned.route->name == "flat-files" ? "\"e\"" : "");
  // Somebody new has not been read from the file, changed or not.
  have_symbols(101);
  for (const PlannedUnit& planned : plan().main) EXPECT_EQ(planned.etag, "");
  // Without --resume everything is read, whatever the ledger says.
  have_symbols(100);
  options_.resume = false;
  for (const PlannedUnit& planned : plan().main) EXPECT_EQ(planned.etag, "");
}

TEST(FullScale, PlansTwentyThreeThousandTickersOverTenYears) {
  std::vector<std::string> symbols;
  for (int i = 0; i < 23'000; ++i) symbols.push_back("S" + std::to_string(i));
  const auto pipelines = cli::all_pipelines();
  const Pipeline& prices =
      *std::find_if(pipelines.begin(), pipelines.end(), [](const Pipeline& p) { return p.name == "prices"; });
  const auto made = make_plan(prices, {.resume = true}, SourceLimits{{"massive", {.permits = 100}}},
                              Universe::of(symbols), {}, *window_of({}, kNow), kNow);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->strategy, "grouped");
  EXPECT_EQ(made->main.size(), 2513U);
  EXPECT_EQ(made->expected_rows, 23'000 * 2513LL);
}

}  // namespace
}  // namespace icingest::run
