// load_plan.h: how a run's rows go into the table, decided from what the server says of it.
//
// A year that is not there yet is built aside: COPY into a bare table and one index build when it is whole cost a
// third of keeping the key during the load (docs/performance.md). That needs a run which is limited by the database
// and not by the source's quota: a year that takes an hour to come should be visible as it comes. Everything else
// goes into the table as it is, by way of staging where it may meet rows.
//
// Threads   pure functions
#pragma once

#include <set>
#include <string>
#include <vector>

#include "pg/year_partitions.h"

namespace icingest::load {

// Years a unit touches, and whether it may meet existing rows.
struct UnitYears {
  int first = 0;
  int last = 0;
  bool staged = false;
};

struct LoadPlan {
  std::set<int> build;   // built aside
  std::set<int> finish;  // wait from an earlier run and get nothing more: to be finished first
  std::set<int> keyed;   // rows go into the table with its key in place
  int streams = 1;       // connections that COPY at once
  std::string why_not;   // why nothing is built aside; empty when something is

  // Whether all rows of the unit go to years that are built aside.
  [[nodiscard]] bool builds(const UnitYears& unit) const;
};

struct LoadSituation {
  bool quota_bound = false;  // the source's quota is what takes the time
  int streams = 0;           // asked for; 0: as the plan sees fit
};

// "2016 … 2026 built aside, 2 streams"
[[nodiscard]] std::string describe(const LoadPlan& plan);

[[nodiscard]] LoadPlan plan_load(const pg::TableLayout& layout, const std::vector<UnitYears>& units,
                                 const LoadSituation& situation);

}  // namespace icingest::load
