// year_book.h: which years of a run are whole: those sorted or built aside, by the units that are still to come.
//
// Threads   any; the caller's lock guards it
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "icingest/pipeline.h"
#include "load/load_plan.h"

namespace icingest::run {

class YearBook {
 public:
  struct Entry {
    int units = 0;  // still to come
    load::Way way = load::Way::table;
    const TableInfo* table = nullptr;
  };
  using Years = std::vector<std::pair<int, Entry>>;

  void expect(const Unit& unit, load::Way way, const TableInfo& table) {
    if (way == load::Way::table) return;
    for (int year = year_of(unit.from); year <= year_of(unit.to); ++year) {
      Entry& entry = years_[year];
      entry = {.units = entry.units + 1, .way = way, .table = &table};
    }
  }

  // The unit's rows came; gives the years that are whole by it, and forgets them.
  Years came(const Unit& unit) {
    Years whole;
    for (int year = year_of(unit.from); year <= year_of(unit.to); ++year) {
      const auto found = years_.find(year);
      if (found == years_.end() || --found->second.units > 0) continue;
      whole.emplace_back(*found);
      years_.erase(found);
    }
    return whole;
  }

  // Years of that way that are not whole; forgets them.
  Years take_rest(load::Way way) {
    Years rest;
    for (const auto& entry : years_) {
      if (entry.second.way == way) rest.emplace_back(entry);
    }
    for (const auto& [year, entry] : rest) years_.erase(year);
    return rest;
  }

 private:
  std::map<int, Entry> years_;
};

}  // namespace icingest::run
