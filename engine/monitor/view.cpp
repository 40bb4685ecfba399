#include "monitor/view.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "run/report.h"

namespace icingest::monitor {
namespace {

double seconds(std::int64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

SourceView look_at(const SourceMetrics& source) {
  SourceView view{.source = source.name,
                  .bytes_received = source.bytes_received.get(),
                  .permits = source.permits.get(),
                  .waiting = source.waiting.get(),
                  .in_flight = source.in_flight.get(),
                  .limit_permits = source.limit_permits.get(),
                  .limit_window_seconds = seconds(source.limit_window_us.get()),
                  .is_away = source.is_away.get() != 0};
  for (std::size_t i = 0; i < view.outcomes.size(); ++i) view.outcomes.at(i) = source.outcomes.at(i).get();
  return view;
}

// Field 22 of /proc/self/stat is the start in ticks since boot; what follows the command's name, which may hold blanks,
// begins with field 3.
Instant process_start() {
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  std::string stat;
  double uptime = 0;
  if (!std::getline(std::ifstream("/proc/self/stat"), stat) || !(std::ifstream("/proc/uptime") >> uptime))
    return now;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return now;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  const double age =
      uptime - std::strtod(field.c_str(), nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return now - std::chrono::microseconds(static_cast<std::int64_t>(age * 1e6));
}

std::int64_t resident_bytes() {
  std::int64_t total = 0;
  std::int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t open_files() {
  std::error_code error;
  std::int64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error))
    ++count;
  return count;
}

}  // namespace

RunView look_at(const Metrics& metrics, const run::Engine& engine) {
  const run::Engine::Holding holding = engine.holding();
  RunView view{.run_id = engine.run_id(),
               .retries = metrics.retries.get(),
               .rows_decoded = metrics.rows_decoded.get(),
               .decode_seconds = seconds(metrics.decode_us.get()),
               .decode_threads = engine.decode_threads(),
               .values_rounded = metrics.rounded.get(),
               .duplicates = metrics.duplicates.get(),
               .rows_written = metrics.rows_written.get(),
               .rows_unchanged = metrics.rows_unchanged.get(),
               .rows_rejected = metrics.rows_rejected.get(),
               .bytes_copied = metrics.bytes_copied.get(),
               .commits = metrics.commits.get(),
               .load_seconds = seconds(metrics.load_us.get()),
               .load_streams = engine.streams(),
               .reconnects = metrics.reconnects.get(),
               .units_planned = metrics.units_planned.get(),
               .units_skipped = metrics.units_skipped.get(),
               .units_done = metrics.units_done.get(),
               .units_empty = metrics.units_empty.get(),
               .units_unavailable = metrics.units_unavailable.get(),
               .units_failed = metrics.units_failed.get(),
               .memory_limit = holding.limit,
               .memory_held = holding.held,
               .queue_bytes = holding.queued};
  for (const SourceMetrics* source : metrics.sources.all()) view.sources.push_back(look_at(*source));
  return view;
}

ProcessView look_at_process() {
  static const Instant started = process_start();
  return {.started = started,
          .cpu_seconds = run::process_usage().cpu_seconds,
          .resident_bytes = resident_bytes(),
          .open_files = open_files()};
}

}  // namespace icingest::monitor
