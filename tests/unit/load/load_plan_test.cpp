#include "load/load_plan.h"

#include <gtest/gtest.h>

namespace icingest::load {
namespace {

using Years = std::set<int>;

pg::TableLayout partitioned(Years attached = {}, Years building = {}) {
  return {.schema = "public",
          .partitioned = true,
          .indexes = 1,
          .order = {"ticker", "time", "interval"},
          .attached = std::move(attached),
          .building = std::move(building)};
}
std::vector<UnitYears> sessions(int first, int last) {
  std::vector<UnitYears> units;
  for (int year = first; year <= last; ++year)
    units.insert(units.end(), 3, UnitYears{.first = year, .last = year});
  return units;
}

std::vector<UnitYears> histories(int first, int last) { return {3, UnitYears{.first = first, .last = last}}; }

TEST(LoadPlan, SortsYearsThatAreNotThere) {
  const LoadPlan plan = plan_load(partitioned(), sessions(2024, 2026), {});
  EXPECT_EQ(plan.sort, (Years{2024, 2025, 2026}));
  EXPECT_TRUE(plan.build.empty());
  EXPECT_TRUE(plan.keyed.empty());
  EXPECT_EQ(plan.streams, 2);
  EXPECT_EQ(plan.way_of({.first = 2024, .last = 2024}), Way::sorted);
  EXPECT_EQ(plan.way_of({.first = 2024, .last = 2024, .staged = true}), Way::table);
  EXPECT_EQ(plan.way_of({.first = 2023, .last = 2023}), Way::table);
  EXPECT_EQ(describe(plan), "2024 … 2026 sorted and shown when whole; 2 streams");
}

TEST(LoadPlan, BuildsYearsAsideWhereUnitsSpanThem) {
  const LoadPlan plan = plan_load(partitioned(), histories(2024, 2026), {});
  EXPECT_EQ(plan.build, (Years{2024, 2025, 2026}));
  EXPECT_TRUE(plan.sort.empty());
  EXPECT_TRUE(plan.keyed.empty());
  EXPECT_EQ(plan.way_of({.first = 2024, .last = 2026}), Way::aside);
  EXPECT_EQ(plan.way_of({.first = 2024, .last = 2026, .staged = true}), Way::table);
  EXPECT_EQ(plan.way_of({.first = 2023, .last = 2024}), Way::table);
  EXPECT_EQ(describe(plan), "2024 … 2026 built aside and shown when whole; 2 streams");
}

TEST(LoadPlan, SortsNothingWhereARowMayBeRefused) {
  pg::TableLayout layout = partitioned();
  layout.has_checks = true;
  const LoadPlan plan = plan_load(layout, sessions(2024, 2025), {});
  EXPECT_EQ(plan.build, (Years{2024, 2025}));
  EXPECT_TRUE(plan.sort.empty());
}

TEST(LoadPlan, KeepsTheKeyWhereAPartitionIsThere) {
  const LoadPlan plan = plan_load(partitioned({2026}), sessions(2025, 2026), {});
  EXPECT_EQ(plan.sort, Years{2025});
  EXPECT_EQ(plan.keyed, Years{2026});
  EXPECT_EQ(describe(plan), "2025 sorted and shown when whole, 2026 with the key in place; 2 streams");
}

TEST(LoadPlan, AUnitOfManyYearsGoesAsideWithAllOrNone) {
  const LoadPlan plan =
      plan_load(partitioned({2026}), {{.first = 2024, .last = 2026}, {.first = 2022, .last = 2022}}, {});
  EXPECT_EQ(plan.sort, Years{2022});
  EXPECT_EQ(plan.keyed, (Years{2024, 2025, 2026}));
}

TEST(LoadPlan, WhatMayMeetRowsNeedsTheTable) {
  const LoadPlan plan =
      plan_load(partitioned({}, {2024, 2025}),
                {{.first = 2024, .last = 2024, .staged = true}, {.first = 2025, .last = 2025}}, {});
  EXPECT_EQ(plan.finish, Years{2024}) << "rows are compared with the table, so the year has to be in it";
  EXPECT_EQ(plan.build, Years{2025}) << "goes on where an earlier run stopped";
}

TEST(LoadPlan, FinishesWhatAnEarlierRunLeftAndThisOneDoesNotTouch) {
  const LoadPlan plan = plan_load(partitioned({2026}, {2024, 2025}), {}, {});
  EXPECT_EQ(plan.finish, (Years{2024, 2025}));
  EXPECT_EQ(plan.streams, 1);
}

TEST(LoadPlan, AQuotaBoundRunShowsItsRowsAsTheyCome) {
  const LoadPlan plan = plan_load(partitioned({}, {2025}), sessions(2025, 2026), {.quota_bound = true});
  EXPECT_TRUE(plan.build.empty());
  EXPECT_EQ(plan.finish, Years{2025});
  EXPECT_EQ(plan.streams, 1);
  EXPECT_NE(describe(plan).find("quota"), std::string::npos);
}

TEST(LoadPlan, TablesOfOthersAreUsedAsTheyAre) {
  pg::TableLayout plain{.schema = "public", .indexes = 4};
  pg::TableLayout hyper = plain;
  hyper.hypertable = true;
  pg::TableLayout triggers = partitioned();
  triggers.has_triggers = true;
  pg::TableLayout keys = partitioned();
  keys.has_foreign_keys = true;
  for (const pg::TableLayout& layout : {plain, hyper, triggers, keys}) {
    const LoadPlan plan = plan_load(layout, sessions(2025, 2026), {});
    EXPECT_TRUE(plan.build.empty());
    EXPECT_FALSE(plan.why_not.empty());
  }
}

TEST(LoadPlan, StreamsCanBeAskedFor) {
  EXPECT_EQ(plan_load(partitioned(), sessions(2025, 2026), {.streams = 4}).streams, 4);
}

}  // namespace
}  // namespace icingest::load
