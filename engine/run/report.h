// report.h: what a run did, for --json, the ledger and people.
#pragma once

#include <optional>
#include <string>

#include "core/metrics.h"
#include "icingest/time.h"
#include "run/plan.h"

namespace icingest::run {

struct Report {
  std::string command;
  std::string run_id;
  ExitCode exit = ExitCode::complete;
  std::string strategy;
  Date from{};
  Date to{};
  std::int64_t planned = 0;
  std::int64_t skipped = 0;
  std::int64_t done = 0;
  std::int64_t empty = 0;
  std::int64_t unavailable = 0;
  std::int64_t failed = 0;
  std::int64_t rows_written = 0;
  std::int64_t rows_unchanged = 0;
  std::int64_t rows_rejected = 0;
  std::int64_t rows_rounded = 0;
  std::int64_t rows_removed = 0;
  std::int64_t requests = 0;
  std::int64_t retries = 0;
  std::int64_t status_429 = 0;
  std::int64_t bytes = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  std::int64_t peak_rss_bytes = 0;
  double quota_floor_seconds = 0;
  double copy_floor_seconds = 0;
  // Of the whole run, where processes share it; not in the report's JSON.
  std::int64_t crew_failed = 0;
  std::int64_t crew_unavailable = 0;
  std::int64_t crew_rejected = 0;
  std::string message;  // why the exit code is not 0, with what to do

  // Adds what the counters say.
  void take(const Metrics& metrics);
  [[nodiscard]] std::string to_json() const;
  // A few lines for a person.
  [[nodiscard]] std::string to_text() const;
};

// CPU seconds and peak resident bytes of this process so far.
struct ProcessUsage {
  double cpu_seconds = 0;
  std::int64_t peak_rss_bytes = 0;
};
[[nodiscard]] ProcessUsage process_usage();

}  // namespace icingest::run
