// view.h: one moment of this process and its database, as plain values: what the exposition is made of.
//
// Units     counts, bytes, seconds; all counters since the run's begin
// Threads   values
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics.h"
#include "run/limits.h"
#include "run/status.h"

namespace icingest::monitor {

struct SourceView {
  std::string source;
  std::array<std::int64_t, kVerdicts + 2> outcomes{};
  std::int64_t bytes_received = 0;
  std::int64_t permits = 0;
  std::int64_t waiting = 0;
  std::int64_t in_flight = 0;
  std::int64_t limit_permits = 0;  // 0: it was not asked yet
  double limit_window_seconds = 0;
  bool is_away = false;
};

// One run of this process, under way or over.
struct RunView {
  std::string pipeline;
  std::string run_id;
  Instant started{};
  bool active = true;
  run::Limit limit = run::Limit::network;
  std::vector<SourceView> sources;
  std::int64_t retries = 0;
  std::int64_t rows_decoded = 0;
  double decode_seconds = 0;
  int decode_threads = 0;
  std::int64_t values_rounded = 0;
  std::int64_t duplicates = 0;
  std::int64_t rows_written = 0;
  std::int64_t rows_unchanged = 0;
  std::int64_t rows_rejected = 0;
  std::int64_t bytes_copied = 0;
  std::int64_t commits = 0;
  double load_seconds = 0;
  int load_streams = 0;
  std::int64_t reconnects = 0;
  std::int64_t units_planned = 0;
  std::int64_t units_skipped = 0;
  std::int64_t units_done = 0;
  std::int64_t units_empty = 0;
  std::int64_t units_unavailable = 0;
  std::int64_t units_failed = 0;
  std::size_t memory_limit = 0;
  std::size_t memory_held = 0;
  std::size_t queue_bytes = 0;

  [[nodiscard]] std::int64_t units_ended() const {
    return units_done + units_empty + units_unavailable + units_failed;
  }
};

// What the last look at the database gave.
struct DatabaseView {
  bool up = false;
  std::string problem;  // why not
  std::string version;
  bool has_ledger = false;
  std::int64_t size_bytes = 0;
  std::vector<run::PipelineStatus> pipelines;
  Instant read_at{};  // when what follows the version was read
};

struct ProcessView {
  Instant started{};
  double cpu_seconds = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t open_files = 0;
};

struct View {
  std::string version;
  ProcessView process;
  std::vector<RunView> runs;
  std::optional<DatabaseView> database;  // nothing: not looked yet
};

// What a run's counters say now.
[[nodiscard]] RunView look_at(const Metrics& metrics, const run::Engine& engine);
[[nodiscard]] ProcessView look_at_process();

}  // namespace icingest::monitor
