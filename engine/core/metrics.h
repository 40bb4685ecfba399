// metrics.h: what a run has done so far, counted where it happens and read by progress, report and metrics.
//
// Units     plain counts, bytes and microseconds; all only grow, but the gauges at the end
// Threads   any
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace icingest {

class Counter {
 public:
  void add(std::int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// How a request ended: as its answer was judged (icingest/source.h, in that order), or without one.
inline constexpr std::size_t kVerdicts = 10;
inline constexpr std::size_t kRedirected = kVerdicts;
inline constexpr std::size_t kNoAnswer = kVerdicts + 1;

// What happens between this process and one source.
struct SourceMetrics {
  explicit SourceMetrics(std::string_view source) : name(source) {}

  const std::string name;
  std::array<Counter, kVerdicts + 2> outcomes;
  Counter bytes_received;
  Counter permits;
  Gauge waiting;  // requests that wait for a permit
  Gauge in_flight;
  Gauge limit_permits;    // at most so many
  Gauge limit_window_us;  // in any window of that length
  Gauge is_away;          // 1 while it fails whoever asks
};

// Those of all sources that were named so far. What source() gave stays where it is.
class SourceMetricsList {
 public:
  [[nodiscard]] SourceMetrics& source(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    for (SourceMetrics& one : sources_) {
      if (one.name == name) return one;
    }
    return sources_.emplace_back(name);
  }
  [[nodiscard]] std::vector<const SourceMetrics*> all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<const SourceMetrics*> found;
    for (const SourceMetrics& one : sources_) found.push_back(&one);
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::list<SourceMetrics> sources_;
};

struct Metrics {
  // fetch
  SourceMetricsList sources;
  Counter requests;
  Counter retries;
  Counter status_429;
  Counter bytes_received;
  // decode
  Counter rows_decoded;
  Counter decode_us;
  Counter rounded;
  Counter duplicates;
  // load
  Counter rows_written;
  Counter rows_unchanged;
  Counter rows_rejected;
  Counter rows_removed;  // that followed from what was known before, and do not any more
  Counter bytes_copied;
  Counter commits;
  Counter load_us;
  Counter reconnects;
  // units
  Counter units_done;
  Counter units_empty;
  Counter units_unavailable;
  Counter units_failed;
  Gauge units_planned;  // of this run, skipped ones included
  Gauge units_skipped;
  Gauge units_sorted;  // whose rows wait for the rest of their year
  // now
  Gauge in_flight;
  Gauge waiting_for_permit;
  Gauge decoding;
  Gauge loading;  // loaders that wait for the database
};

}  // namespace icingest
