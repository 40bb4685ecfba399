// measured.h: what every case reports, and its refusal to time a wrong answer.
//
//   if (!same) return refuse(state, "differs from the slow encoder");
//   Measured measured(state, rows_per_round, bytes_per_round);
//   while (state.KeepRunning()) …
//
// Units     rows/s, bytes/s, time/row (seconds in JSON), allocations/row; a row is whatever the case handles
//           one by one
#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "bench/support/allocations.h"

namespace icingest::bench {

// Ends the case without a figure, and the program with code 1.
void refuse(benchmark::State& state, const std::string& why);
[[nodiscard]] bool anything_refused();

class Measured {
 public:
  Measured(benchmark::State& state, std::size_t rows, std::size_t bytes)
      : state_(state), rows_(rows), bytes_(bytes), allocations_(allocations()) {}
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;
  ~Measured() {
    const auto allocated = static_cast<double>(allocations() - allocations_);
    const auto rounds = static_cast<double>(state_.iterations());
    const double rows = rounds * static_cast<double>(rows_);
    using benchmark::Counter;
    state_.counters["rows/s"] = Counter(rows, Counter::kIsRate);
    state_.counters["time/row"] = Counter(rows, Counter::kIsRate | Counter::kInvert);
    state_.counters["allocations/row"] = Counter(rows > 0 ? allocated / rows : 0);
    if (bytes_ > 0)
      state_.SetBytesProcessed(static_cast<std::int64_t>(rounds) * static_cast<std::int64_t>(bytes_));
  }

 private:
  benchmark::State& state_;
  const std::size_t rows_;
  const std::size_t bytes_;
  const std::int64_t allocations_;
};

}  // namespace icingest::bench
