// load_plan.h: how a run's rows go into the table, decided from what the server says of it.
//
// COPY into a bare table and one index build when it is whole cost a third of keeping the key during the load, and
// less still when the rows come in the order of the index (docs/performance.md). So a year that is not there yet is
// sorted by the client and made in one transaction, where each unit lies within one year; where units span years, it
// is built aside. That needs a run which is limited by the database and not by the source's quota: a year that takes
// an hour to come should be visible as it comes. Everything else goes into the table as it is, by way of staging
// where it may meet rows.
//
// Threads   pure functions
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "pg/year_partitions.h"

namespace icingest::load {

// The way of a unit's rows into their table.
enum class Way : std::uint8_t {
  table,   // into it, with its key in place
  aside,   // into a year that is built aside
  sorted,  // into a year that is made when all of it has come
};

// Years a unit touches, and whether it may meet existing rows.
struct UnitYears {
  int first = 0;
  int last = 0;
  bool staged = false;
};

struct LoadPlan {
  std::set<int> build;   // built aside
  std::set<int> sort;    // made when all of it has come, from sorted rows
  std::set<int> finish;  // wait from an earlier run and get nothing more: to be finished first
  std::set<int> keyed;   // rows go into the table with its key in place
  int streams = 1;       // connections that COPY at once
  std::string why_not;   // why nothing is sorted or built aside; empty when something is

  [[nodiscard]] Way way_of(const UnitYears& unit) const;
};

struct LoadSituation {
  bool quota_bound = false;  // the source's quota is what takes the time
  int streams = 0;           // asked for; 0: as the plan sees fit
};

// "2016 … 2026 sorted and shown when whole; 2 streams"
[[nodiscard]] std::string describe(const LoadPlan& plan);

[[nodiscard]] LoadPlan plan_load(const pg::TableLayout& layout, const std::vector<UnitYears>& units,
                                 const LoadSituation& situation);

}  // namespace icingest::load
