// metrics.h: what a run has done so far, counted where it happens and read by progress, report and metrics.
//
// Units     plain counts, bytes and microseconds; all only grow, but the gauges at the end
// Threads   any
#pragma once

#include <atomic>
#include <cstdint>

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

struct Metrics {
  // fetch
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
  // now
  Gauge in_flight;
  Gauge waiting_for_permit;
  Gauge decoding;
};

}  // namespace icingest
