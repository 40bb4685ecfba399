#include "load/load_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace icingest::load {
namespace {

// Two streams keep a server busy while one of them waits for its commit; more only share its processors.
constexpr int kStreams = 2;

std::string obstacle(const pg::TableLayout& layout, const LoadSituation& situation) {
  if (layout.hypertable) return "the table is a hypertable";
  if (!layout.partitioned) return "the table is not partitioned by year";
  if (layout.has_triggers) return "the table has triggers";
  if (layout.has_foreign_keys) return "the table has foreign keys";
  if (situation.quota_bound) return "the quota sets the pace: rows are visible as they come";
  return {};
}

template <class Each>
void for_years(const UnitYears& unit, Each each) {
  for (int year = unit.first; year <= unit.last; ++year) each(year);
}

}  // namespace

Way LoadPlan::way_of(const UnitYears& unit) const {
  if (unit.staged) return Way::table;
  if (unit.first == unit.last && sort.contains(unit.first)) return Way::sorted;
  bool all = true;
  for_years(unit, [&](int year) { all = all && build.contains(year); });
  return all ? Way::aside : Way::table;
}

std::string describe(const LoadPlan& plan) {
  const auto span = [](const std::set<int>& years) {
    return years.size() == 1 ? fmt::format("{}", *years.begin())
                             : fmt::format("{} … {}", *years.begin(), *years.rbegin());
  };
  std::string text;
  const auto say = [&](const std::set<int>& years, std::string_view how) {
    if (!years.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", span(years), how);
  };
  say(plan.sort, "sorted and shown when whole");
  say(plan.build, "built aside and shown when whole");
  say(plan.keyed, plan.why_not.empty() ? "with the key in place"
                                       : fmt::format("with the key in place ({})", plan.why_not));
  return fmt::format("{}{}{} stream{}", text, text.empty() ? "" : "; ", plan.streams,
                     plan.streams == 1 ? "" : "s");
}

LoadPlan plan_load(const pg::TableLayout& layout, const std::vector<UnitYears>& units,
                   const LoadSituation& situation) {
  LoadPlan plan;
  plan.why_not = obstacle(layout, situation);
  std::set<int> touched;
  std::set<int> barred;
  for (const UnitYears& unit : units) {
    for_years(unit,
              [&](int year) { touched.insert(year), unit.staged ? void(barred.insert(year)) : void(); });
  }
  for (const int year : touched) {
    // Rows that are compared are compared with the table, so what is aside has to be in it.
    if (plan.why_not.empty() && !barred.contains(year) && !layout.attached.contains(year))
      plan.build.insert(year);
  }
  // Rows of a unit that spans years would come in more than one transaction; and the rows of a year under construction,
  // and of one where a row can be refused, go with their unit.
  if (!layout.has_checks && !layout.order.empty()) {
    std::set_difference(plan.build.begin(), plan.build.end(), layout.building.begin(), layout.building.end(),
                        std::inserter(plan.sort, plan.sort.end()));
  }
  for (const UnitYears& unit : units) {
    if (unit.first != unit.last) for_years(unit, [&](int year) { plan.sort.erase(year); });
  }
  for (const int year : plan.sort) plan.build.erase(year);
  // COPY has one target, so a unit goes aside with all its years or with none.
  for (bool changed = true; changed;) {
    changed = false;
    for (const UnitYears& unit : units) {
      if (plan.way_of(unit) != Way::table) continue;
      for_years(unit, [&](int year) { changed = plan.build.erase(year) > 0 || changed; });
    }
  }
  if (plan.why_not.empty() && plan.build.empty() && plan.sort.empty())
    plan.why_not = touched.empty() ? "there is nothing to load" : "the years are there already";
  for (const int year : touched) {
    if (!plan.build.contains(year) && !plan.sort.contains(year)) plan.keyed.insert(year);
  }
  std::set_difference(layout.building.begin(), layout.building.end(), plan.build.begin(), plan.build.end(),
                      std::inserter(plan.finish, plan.finish.end()));
  const bool alone = touched.empty() || situation.quota_bound;
  plan.streams = situation.streams > 0 ? situation.streams : alone ? 1 : kStreams;
  return plan;
}

}  // namespace icingest::load
