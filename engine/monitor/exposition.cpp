#include "monitor/exposition.h"

#include <prometheus/text_serializer.h>

#include <array>
#include <cmath>
#include <sstream>

namespace icingest::monitor {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;
using Labels = std::vector<Label>;

constexpr std::array<const char*, kVerdicts + 2> kOutcomes = {
    "success", "unchanged", "empty",       "unavailable",    "retry",      "throttled",
    "blocked", "suspect",   "failed_unit", "stopped_source", "redirected", "no_answer"};
constexpr std::array<std::pair<run::Limit, const char*>, run::kLimits> kLimits = {
    {{run::Limit::quota, "quota"},
     {run::Limit::network, "network"},
     {run::Limit::decode, "decode"},
     {run::Limit::copy, "copy"},
     {run::Limit::source_away, "source_away"}}};
constexpr std::array kUnitStates = {"done", "empty", "unavailable", "failed"};

double epoch(Instant instant) { return static_cast<double>(instant.time_since_epoch().count()) / 1e6; }

// Families in the order they are first named; samples of one family stand together, as the format demands.
class Families {
 public:
  template <class Number>
  void counter(const char* name, const char* help, Labels labels, Number value) {
    add(name, help, MetricType::Counter, std::move(labels)).counter.value = static_cast<double>(value);
  }
  template <class Number>
  void gauge(const char* name, const char* help, Labels labels, Number value) {
    add(name, help, MetricType::Gauge, std::move(labels)).gauge.value = static_cast<double>(value);
  }
  [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  ClientMetric& add(const char* name, const char* help, MetricType type, Labels labels) {
    auto found = families_.begin();
    while (found != families_.end() && found->name != name) ++found;
    if (found == families_.end()) {
      families_.push_back({name, help, type, {}});
      found = families_.end() - 1;
    }
    ClientMetric& metric = found->metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
};

void add_process(Families& out, const View& view) {
  out.gauge("icingest_build_info", "Always 1; the version of this binary.", {{"version", view.version}}, 1);
  const ProcessView& process = view.process;
  out.counter("process_cpu_seconds_total", "CPU time used, user and system.", {}, process.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Resident memory.", {}, process.resident_bytes);
  out.gauge("process_open_fds", "Open file descriptors.", {}, process.open_files);
  out.gauge("process_start_time_seconds", "Start of the process since the epoch.", {},
            epoch(process.started));
}

void add_source(Families& out, const std::string& pipeline, const SourceView& source) {
  const Labels labels = {{"pipeline", pipeline}, {"source", source.source}};
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    Labels with_outcome = labels;
    with_outcome.push_back({"outcome", kOutcomes.at(i)});
    out.counter("icingest_requests_total", "Requests that ended, by what their answer meant.",
                std::move(with_outcome), source.outcomes.at(i));
  }
  out.counter("icingest_received_bytes_total", "Bytes of answers on the wire.", labels,
              source.bytes_received);
  out.gauge("icingest_requests_in_flight", "Requests under way.", labels, source.in_flight);
  out.counter("icingest_quota_permits_total", "Permits of the source's quota used.", labels, source.permits);
  out.gauge("icingest_quota_waiting_requests", "Requests that wait for a permit.", labels, source.waiting);
  if (source.limit_permits > 0) {
    out.gauge("icingest_quota_limit_permits", "Permits of the quota per window.", labels,
              source.limit_permits);
    out.gauge("icingest_quota_window_seconds", "Length of the quota's window.", labels,
              source.limit_window_seconds);
  }
  out.gauge("icingest_source_away", "1 while the source fails whoever asks.", labels, source.is_away ? 1 : 0);
}

void add_work(Families& out, const RunView& run, const Labels& labels) {
  const auto with = [&](const char* name, const char* value) {
    Labels more = labels;
    more.push_back({name, value});
    return more;
  };
  const auto result = [&](const char* value) { return with("result", value); };
  const auto state = [&](const char* value) { return with("state", value); };
  out.counter("icingest_retries_total", "Units that were asked for again.", labels, run.retries);
  out.counter("icingest_decoded_rows_total", "Rows decoded from answers.", labels, run.rows_decoded);
  out.counter("icingest_decode_seconds_total", "Time decode threads were at work.", labels,
              run.decode_seconds);
  out.gauge("icingest_decode_threads", "Threads that decode.", labels, run.decode_threads);
  out.counter("icingest_rounded_values_total", "Values with more digits than their column.", labels,
              run.values_rounded);
  out.counter("icingest_duplicate_rows_total", "Rows that a source sent twice.", labels, run.duplicates);
  out.counter("icingest_copied_bytes_total", "Bytes sent by COPY.", labels, run.bytes_copied);
  out.counter("icingest_load_seconds_total", "Time loaders were at work.", labels, run.load_seconds);
  out.gauge("icingest_load_streams", "Connections that load.", labels, run.load_streams);
  out.counter("icingest_commits_total", "Transactions committed with rows and units.", labels, run.commits);
  out.counter("icingest_reconnects_total", "Times a loader connected again.", labels, run.reconnects);
  out.counter("icingest_rows_total", "Rows by what became of them.", result("written"), run.rows_written);
  out.counter("icingest_rows_total", "", result("unchanged"), run.rows_unchanged);
  out.counter("icingest_rows_total", "", result("rejected"), run.rows_rejected);
  out.counter("icingest_units_total", "Units of this run that ended, by state.", state("done"),
              run.units_done);
  out.counter("icingest_units_total", "", state("empty"), run.units_empty);
  out.counter("icingest_units_total", "", state("unavailable"), run.units_unavailable);
  out.counter("icingest_units_total", "", state("failed"), run.units_failed);
  out.gauge("icingest_run_units_planned", "Units of this run, skipped ones included.", labels,
            run.units_planned);
  out.gauge("icingest_run_units_skipped", "Units that an earlier run had done.", labels, run.units_skipped);
}

void add_run(Families& out, const View& view, const RunView& run) {
  const Labels labels = {{"pipeline", run.pipeline}};
  out.gauge("icingest_run_info", "Always 1; the run of this process.",
            {{"pipeline", run.pipeline}, {"run_id", run.run_id}, {"version", view.version}}, 1);
  out.gauge("icingest_run_active", "1 while the run is under way.", labels, run.active ? 1 : 0);
  out.gauge("icingest_run_start_time_seconds", "Begin of the run since the epoch.", labels,
            epoch(run.started));
  add_work(out, run, labels);
  for (const SourceView& source : run.sources) add_source(out, run.pipeline, source);
  if (!run.active) return;
  for (const auto& [limit, name] : kLimits) {
    out.gauge("icingest_run_limited_by", "1 for what holds the run back now.",
              {{"pipeline", run.pipeline}, {"limit", name}}, run.limit == limit ? 1 : 0);
  }
  out.gauge("icingest_memory_budget_bytes", "Bytes the run may hold between request and commit.", labels,
            run.memory_limit);
  out.gauge("icingest_memory_held_bytes", "Bytes it holds.", labels, run.memory_held);
  out.gauge("icingest_load_queue_bytes", "Bytes of rows that wait for a loader.", labels, run.queue_bytes);
}

void add_last_run(Families& out, const std::string& pipeline, const run::LastRun& run) {
  const Labels labels = {{"pipeline", pipeline}};
  out.gauge("icingest_ledger_last_run_info", "Always 1; the newest run in the ledger.",
            {{"pipeline", pipeline},
             {"run_id", run.run_id},
             {"strategy", run.strategy},
             {"window_from", run.from},
             {"window_to", run.to}},
            1);
  out.gauge("icingest_ledger_last_run_start_timestamp_seconds", "Begin of the newest run.", labels,
            epoch(run.started));
  if (run.finished) {
    out.gauge("icingest_ledger_last_run_end_timestamp_seconds",
              "End of the newest run; absent while it is at work.", labels, epoch(*run.finished));
  }
  if (run.exit_code) {
    out.gauge("icingest_ledger_last_run_exit_code",
              "Exit code of the newest run; absent while it is at work.", labels, *run.exit_code);
  }
}

void add_pipeline(Families& out, const run::PipelineStatus& status) {
  const Labels labels = {{"pipeline", status.pipeline}};
  for (const char* state : kUnitStates) {
    const auto found = status.units.find(state);
    out.gauge("icingest_ledger_units", "Units in the ledger by state.",
              {{"pipeline", status.pipeline}, {"state", state}},
              found == status.units.end() ? 0 : found->second);
  }
  out.gauge("icingest_ledger_rows", "Rows that the table holds by the ledger.", labels, status.rows);
  out.gauge("icingest_ledger_rejected_rows", "Rows in quarantine.", labels, status.rejected);
  out.gauge("icingest_ledger_years_building", "Years of the table that readers do not see yet.", labels,
            status.building.size());
  if (status.newest_commit) {
    out.gauge("icingest_ledger_last_commit_timestamp_seconds", "When a unit was last committed.", labels,
              epoch(*status.newest_commit));
  }
  if (status.newest_session) {
    out.gauge("icingest_ledger_newest_session_timestamp_seconds",
              "The newest session with rows, 00:00 New York.", labels,
              epoch(new_york::midnight(*status.newest_session)));
  }
  if (status.overdue_since) {
    out.gauge("icingest_ledger_overdue_since_timestamp_seconds",
              "Close of the first session after the newest with rows; absent while none is missing.", labels,
              epoch(*status.overdue_since));
  }
  if (status.last_run) add_last_run(out, status.pipeline, *status.last_run);
}

void add_database(Families& out, const DatabaseView& database) {
  out.gauge("icingest_database_up", "1 when the last look at the database succeeded.", {},
            database.up ? 1 : 0);
  if (database.version.empty()) return;  // it was never reached
  out.gauge("icingest_database_info", "Always 1; the server's version.", {{"version", database.version}}, 1);
  out.gauge("icingest_database_size_bytes", "Size of the database.", {}, database.size_bytes);
  out.gauge("icingest_ledger_exists", "1 when the database has a ledger.", {}, database.has_ledger ? 1 : 0);
  out.gauge("icingest_ledger_read_timestamp_seconds", "When the ledger was last read.", {},
            epoch(database.read_at));
  for (const run::PipelineStatus& status : database.pipelines) add_pipeline(out, status);
}

}  // namespace

std::vector<MetricFamily> families(const View& view) {
  Families out;
  add_process(out, view);
  for (const RunView& run : view.runs) add_run(out, view, run);
  if (view.database) add_database(out, *view.database);
  return out.take();
}

std::vector<MetricFamily> every_family() {
  const RunView run{.pipeline = "prices", .sources = {{.source = "massive", .limit_permits = 1}}};
  const run::PipelineStatus status{
      .pipeline = "prices",
      .newest_commit = Instant{},
      .last_run = run::LastRun{.finished = Instant{}, .exit_code = 0},
      .newest_session = Date{},
      .overdue_since = Instant{},
  };
  return families(
      {.runs = {run}, .database = DatabaseView{.up = true, .version = "15", .pipelines = {status}}});
}

std::string to_text(const std::vector<MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace icingest::monitor
