#include "run/report.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "core/json_writer.h"
#include "core/secret.h"
#include "core/text.h"

namespace icingest::run {

void Report::take(const Metrics& metrics) {
  done = metrics.units_done.get();
  empty = metrics.units_empty.get();
  unavailable += metrics.units_unavailable.get();
  failed = metrics.units_failed.get();
  rows_written = metrics.rows_written.get();
  rows_unchanged = metrics.rows_unchanged.get();
  rows_rejected = metrics.rows_rejected.get();
  rows_rounded = metrics.rounded.get();
  rows_removed = metrics.rows_removed.get();
  requests = metrics.requests.get();
  retries = metrics.retries.get();
  status_429 = metrics.status_429.get();
  bytes = metrics.bytes_received.get();
}

std::string Report::to_json() const {
  JsonWriter json;
  json.begin_object().number("schema", 1).text("command", command).text("run_id", run_id);
  json.number("exit_code", static_cast<int>(exit)).text("strategy", strategy);
  json.begin_object("window").text("from", to_string(from)).text("to", to_string(to)).end_object();
  json.begin_object("units").number("total", planned).number("done", done).number("skipped", skipped);
  json.number("empty", empty).number("unavailable", unavailable).number("failed", failed).end_object();
  json.begin_object("rows").number("written", rows_written).number("unchanged", rows_unchanged);
  json.number("rejected", rows_rejected).number("rounded", rows_rounded);
  json.number("removed", rows_removed).end_object();
  json.begin_object("http").number("requests", requests).number("retries", retries);
  json.number("status_429", status_429).number("bytes", bytes).end_object();
  json.real("seconds", seconds).real("cpu_seconds", cpu_seconds).number("peak_rss_bytes", peak_rss_bytes);
  json.begin_object("floor_seconds")
      .real("quota", quota_floor_seconds)
      .real("copy", copy_floor_seconds)
      .end_object();
  if (!message.empty()) json.text("message", redact(message));
  return json.end_object().str();
}

std::string Report::to_text() const {
  const auto count = [](std::int64_t value) { return text::grouped(value); };
  std::string out =
      fmt::format("{} {}: {}, {} … {}\n", command, exit == ExitCode::complete ? "complete" : "ended",
                  strategy, to_string(from), to_string(to));
  out += fmt::format("  units     {} planned: {} done, {} skipped, {} empty, {} unavailable, {} failed\n",
                     count(planned), count(done), count(skipped), count(empty), count(unavailable),
                     count(failed));
  out += fmt::format("  rows      {} written, {} unchanged, {} rejected{}{}\n", count(rows_written),
                     count(rows_unchanged), count(rows_rejected),
                     rows_removed > 0 ? fmt::format(", {} removed", count(rows_removed)) : "",
                     rows_rounded > 0 ? fmt::format(", {} values rounded", count(rows_rounded)) : "");
  out += fmt::format("  http      {} requests, {} retries, {} × 429, {}\n", count(requests), count(retries),
                     count(status_429), text::bytes(static_cast<double>(bytes)));
  const double rate = seconds > 0 ? static_cast<double>(rows_written + rows_unchanged) / seconds : 0;
  out += fmt::format("  time      {} ({} rows/s), CPU {:.1f} s, peak memory {}\n", text::duration(seconds),
                     count(static_cast<std::int64_t>(rate)), cpu_seconds,
                     text::bytes(static_cast<double>(peak_rss_bytes)));
  out += fmt::format("  floor     {} by quota, {} by COPY\n", text::duration(quota_floor_seconds),
                     text::duration(copy_floor_seconds));
  if (!message.empty()) out += fmt::format("  {}\n", redact(message));
  return out;
}

ProcessUsage process_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
          .peak_rss_bytes = usage.ru_maxrss * 1024};
}

}  // namespace icingest::run
