// ingest.h: one run of one pipeline, from an open database to a report.
//
// Threads   one caller
// Errors    a run that could not begin is an Error; one that began always gives a Report
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/ledger.h"
#include "core/stop.h"
#include "run/engine.h"
#include "run/report.h"

namespace icingest::run {

// What every run of this process shares.
struct Environment {
  pg::DbConfig db;
  std::vector<Pipeline> pipelines;
  std::function<Result<fetch::SourceConfig>(const Source&)> source_config;
  // Whether the keys of a source that not every run needs are there.
  std::function<bool(const Source&)> is_configured;
  const Clock* clock = nullptr;
  Stop* stop = nullptr;
  std::string version;
  std::string arguments;
  std::size_t memory_budget = std::size_t{64} << 20;
  std::chrono::milliseconds outage_patience{600'000};
  int decode_threads = 1;
  int streams = 0;  // connections that load; 0: as the load plan sees fit
  // The run's counters, for as long as the run lasts; called with nullptr at its end.
  std::function<void(const std::string& pipeline, const Metrics*, Engine*)> watch;
};

// The database of a run: a control connection that comes back after an outage, and the lock that keeps two
// runs on one database from doing the same work twice.
class Session {
 public:
  explicit Session(const Environment& environment) : environment_(environment) {}

  // Connects, says which database it is, and waits for other runs to end.
  Result<void> open();
  // The control connection, made anew when it is gone.
  [[nodiscard]] Result<pg::Control*> control();

 private:
  Result<void> take_lock();

  const Environment& environment_;
  std::optional<pg::Control> control_;
};

[[nodiscard]] Result<Report> ingest(Session& session, const Environment& environment,
                                    const Pipeline& pipeline, const IngestOptions& options);

// The plan alone: reads the ledger if there is one, asks no source.
[[nodiscard]] Result<Plan> plan_only(Session& session, const Environment& environment,
                                     const Pipeline& pipeline, const IngestOptions& options);

// The symbols this run is about.
[[nodiscard]] Result<Universe> read_universe(pg::Control& control, const Pipeline& pipeline,
                                             const IngestOptions& options);

// A source with its quota in the database, as every run on it counts.
[[nodiscard]] EngineSource engine_source(const Environment& environment, const fetch::SourceConfig& source);

[[nodiscard]] const Pipeline* find_pipeline(const std::vector<Pipeline>& pipelines, std::string_view name);

}  // namespace icingest::run
