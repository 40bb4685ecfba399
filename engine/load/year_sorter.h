// year_sorter.h: between the decoders and the loaders: keeps the rows of a sorted year until all of it has come, or
// until it has waited long enough.
//
// Memory    one run of rows in memory for each year that comes (sorted_rows.h), the rest on disk; when two whole years
//           wait for a loader besides those being loaded, nothing more is taken in
// Threads   run() is one thread's body
// Errors    where there is no disk for a run, its year is loaded as far as it came and the rest of it unsorted
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/clock.h"
#include "core/stop.h"
#include "load/loader.h"

namespace icingest::load {

struct SorterSettings {
  KeyOrder order;
  std::string directory;  // of temporary files
  std::size_t run_bytes = std::size_t{12} << 20;
  // A kill loses no more of the source's time than this.
  std::chrono::milliseconds patience{60'000};
  int years_ahead = 3;
};

class YearSorter {
 public:
  YearSorter(SorterSettings settings, LoadQueue& in, LoadQueue& out, const Clock& clock, Stop& stop);

  // Passes on what comes until `in` ends.
  void run();

 private:
  struct Year {
    std::unique_ptr<YearJob> job;
    Tick since{};
  };

  void take(std::unique_ptr<LoadJob> job);
  void take(std::unique_ptr<YearJob> job);
  void pass_on(std::unique_ptr<LoadJob> job);
  void load(std::unique_ptr<YearJob> job);
  void load_old();
  // A year, and in whose name: what a worker lost is not mixed with what it got again.
  using Key = std::pair<std::string, int>;
  static Key key_of(const LoadJob& job);
  void load_early(Key key);  // by value: the one in years_ goes
  void wait_for_loaders() const;

  const SorterSettings settings_;
  LoadQueue& in_;
  std::optional<LoadQueue::Producer> out_;  // while run() runs: the loaders wait for its end
  const Clock& clock_;
  Stop& stop_;
  std::map<Key, Year> years_;
  SortedRows::Memory spare_;  // of the year that went last, for the next one
  // Years loaded before all of them had come, and whether they are there by now: their other units follow them.
  std::map<Key, std::shared_ptr<std::atomic<bool>>> early_;
  std::atomic<int> loading_{0};
};

}  // namespace icingest::load
