// year_book.h: which years of a run are whole: those sorted or built aside, by the units that are still to come.
//
// Threads   any; the caller's lock guards it
#pragma once

#include <map>
#include <string>
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
  // A year, and the worker in whose name its units are done.
  using Key = std::pair<std::string, int>;
  using Years = std::vector<std::pair<Key, Entry>>;

  void expect(const Unit& unit, const std::string& fence, load::Way way, const TableInfo& table) {
    if (way == load::Way::table) return;
    for (int year = year_of(unit.from); year <= year_of(unit.to); ++year) {
      Entry& entry = years_[Key(fence, year)];
      entry = {.units = entry.units + 1, .way = way, .table = &table};
    }
  }

  // The unit's rows came; gives the years that are whole by it, and forgets them.
  Years came(const Unit& unit, const std::string& fence) {
    Years whole;
    for (int year = year_of(unit.from); year <= year_of(unit.to); ++year) {
      const auto found = years_.find(Key(fence, year));
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
    for (const auto& [key, entry] : rest) years_.erase(key);
    return rest;
  }

 private:
  std::map<Key, Entry> years_;
};

}  // namespace icingest::run
