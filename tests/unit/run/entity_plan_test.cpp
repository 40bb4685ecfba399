#include "run/entity_plan.h"

#include <gtest/gtest.h>

#include "support/decoding.h"

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;
using checkpoint::UnitState;

constexpr const char* kBuilt = "Tue, 24 Nov 2026 04:33:40 GMT";  // 23:33 of the 23rd in New York

class EntityPlan : public ::testing::Test {
 protected:
  EntityPlan() : pipeline_(test::pipeline("financials")), limits_{{"sec", {.permits = 8}}} {}

  void companies(int count) {
    for (int i = 1; i <= count; ++i) entities_.entities.push_back({i, {"T" + std::to_string(i)}});
  }
  UnitRecord& record(std::int64_t id, UnitState state = UnitState::done) {
    const Entity& entity = entities_.entities.at(static_cast<std::size_t>(id - 1));
    const std::string key = unit_key(*entity_routes(pipeline_).single, *pipeline_.entities, entity);
    UnitRecord& unit = standing_.units[key];
    unit.unit = key;
    unit.state = state;
    unit.rows = state == UnitState::done ? 100 : 0;
    unit.generation = 1;
    unit.digest = "d";
    unit.scope = scope_of(*pipeline_.entities, entity);
    unit.asked_at = now_ - std::chrono::hours(30);
    return unit;
  }
  Plan plan(const IngestOptions& options) {
    auto made = make_entity_plan(pipeline_, options, limits_, entities_, standing_, now_);
    EXPECT_TRUE(made.has_value());
    return *made;
  }
  std::vector<PlannedUnit> units(const IngestOptions& options, const std::optional<ArchiveVersion>& archive) {
    skipped_ = 0;
    return plan_entities(pipeline_, *entity_routes(pipeline_).archive, options, entities_, standing_, archive,
                         skipped_);
  }

  const Pipeline& pipeline_;
  SourceLimits limits_;
  Entities entities_;
  Standing standing_;
  Instant now_ = *parse_instant("2026-11-25T15:00:00Z");
  std::int64_t skipped_ = 0;
};

TEST_F(EntityPlan, AFewCompaniesGoOneByOneAndAMarketByTheArchive) {
  companies(100);
  const Plan few = plan({});
  EXPECT_EQ(few.strategy, "live");
  EXPECT_EQ(few.requests(), 100);
  EXPECT_EQ(few.units(), 100);
  companies(8'000 - 100);
  entities_.entities.clear();
  companies(8'000);
  const Plan market = plan({});
  EXPECT_EQ(market.strategy, "bulk");
  EXPECT_LT(market.requests(), 1'000);
  EXPECT_EQ(market.costs.size(), 2U);
  EXPECT_EQ(plan({.strategy = "live"}).strategy, "live");
}

TEST_F(EntityPlan, TheDailyRunAsksForWhatHasChanged) {
  companies(8'000);
  for (int i = 1; i <= 8'000; ++i) record(i);
  const Plan daily = plan({.resume = true});
  EXPECT_EQ(daily.strategy, "live");
  EXPECT_EQ(daily.main.size(), 0U);
  EXPECT_EQ(daily.skipped, 8'000);
  EXPECT_EQ(daily.requests(), 802) << "two days' indexes and what they may name";
  EXPECT_EQ(plan({}).strategy, "bulk") << "without --resume everything is read again";
}

TEST_F(EntityPlan, WhatAnotherVersionOfTheArchiveBroughtIsReadAgain) {
  companies(6);
  record(1).etag = "\"new\"";                                   // this one
  record(2).etag = "\"old\"";                                   // an earlier one
  record(3).asked_at = *parse_instant("2026-11-24T18:00:00Z");  // alone, later than it was built
  record(4).asked_at = *parse_instant("2026-11-23T18:00:00Z");  // alone, before
  record(5, UnitState::failed).etag = "\"new\"";
  record(6).etag = "\"new\"";
  record(6).scope = "rules 0";  // by other rules or for other tickers
  const auto wanted = units({.resume = true}, ArchiveVersion{"\"new\"", kBuilt});
  std::string keys;
  for (const PlannedUnit& unit : wanted) keys += std::to_string(unit.unit.entity);
  EXPECT_EQ(keys, "2456");
  EXPECT_EQ(skipped_, 2);
  EXPECT_EQ(wanted[0].before, "d") << "the same facts change nothing";
  EXPECT_EQ(wanted[3].before, "") << "by other rules they do";
  EXPECT_TRUE(wanted[0].staged);
  EXPECT_EQ(units({}, ArchiveVersion{"\"new\"", kBuilt}).size(), 6U);
}

TEST_F(EntityPlan, KnowsSinceWhenChangesMatter) {
  companies(3);
  EXPECT_EQ(changes_since(pipeline_, entities_, standing_), std::nullopt);
  record(1).asked_at = *parse_instant("2026-11-25T14:00:00Z");
  EXPECT_EQ(changes_since(pipeline_, entities_, standing_), make_date(2026, 11, 25));
  UnitRecord& archived = record(2);
  archived.etag = "\"a\"";
  archived.last_modified = kBuilt;
  EXPECT_EQ(changes_since(pipeline_, entities_, standing_), make_date(2026, 11, 23)) << "its day in New York";
  record(3, UnitState::failed).asked_at = *parse_instant("2020-01-01T00:00:00Z");
  EXPECT_EQ(changes_since(pipeline_, entities_, standing_), make_date(2026, 11, 23))
      << "failed ones are asked anyway";
  EXPECT_EQ(weekdays(make_date(2026, 11, 20), make_date(2026, 11, 24)),
            (std::vector<Date>{make_date(2026, 11, 20), make_date(2026, 11, 23), make_date(2026, 11, 24)}));
}

TEST_F(EntityPlan, NothingToDoCostsNothing) {
  const Plan none = plan({.resume = true});
  EXPECT_EQ(none.requests(), 0);
  EXPECT_EQ(none.units(), 0);
}

}  // namespace
}  // namespace icingest::run
