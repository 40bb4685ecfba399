// context.h: what a command works with, resolved from options and environment: database, sources, clock.
//
// With no database and no key configured, everything is local: a private PostgreSQL and the built-in
// simulator. One mark in the database keeps made-up and real data apart for ever.
//
// Threads   one owner
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/progress.h"
#include "cli/settings.h"
#include "core/stop.h"
#include "privdb/private_pg.h"
#include "run/ingest.h"
#include "sim/simulator.h"

namespace icingest::cli {

// Every pipeline of this binary, in order of name (generated from the files in pipelines/).
[[nodiscard]] std::vector<Pipeline> all_pipelines();
[[nodiscard]] std::string_view version();

class Context {
 public:
  Context(const Settings& settings, std::string arguments);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // The configured database; the private one is started for it.
  [[nodiscard]] Result<pg::DbConfig> database();
  // The same, but never starts anything: nothing when only a private database that does not run is there.
  [[nodiscard]] Result<std::optional<pg::DbConfig>> database_if_running();
  [[nodiscard]] bool has_configured_database() const;
  [[nodiscard]] std::filesystem::path data_dir() const;

  // For a command that runs this pipeline. Starts the built-in simulator where nothing else is configured.
  [[nodiscard]] Result<run::Environment> environment(Progress* progress, const Pipeline& pipeline);
  // The same for commands that ask no source: no key is needed and no simulator started.
  [[nodiscard]] Result<run::Environment> offline_environment();
  // For a command that may ask sources, but starts and creates nothing: no server, no simulator, no ledger. Keys that
  // are missing are an error of source_config.
  [[nodiscard]] Result<run::Environment> looking_environment(const pg::DbConfig& db);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] Stop& stop() { return stop_; }

 private:
  struct BuiltIn;

  [[nodiscard]] Result<pg::DbConfig> configured_database() const;
  [[nodiscard]] Result<fetch::SourceConfig> source_config(const Source& source);
  [[nodiscard]] Result<void> find_store(const ObjectStore& store, fetch::SourceConfig& config) const;
  [[nodiscard]] Result<fetch::SourceConfig> source_limits(const Source& source);
  [[nodiscard]] bool would_simulate() const;
  Result<void> read_rates();
  [[nodiscard]] Result<std::string> built_in_simulator();
  Result<void> check_mark(const pg::DbConfig& db, bool simulated);

  const Settings& settings_;
  std::string arguments_;
  SystemClock clock_;
  Stop stop_;
  std::unique_ptr<BuiltIn> built_in_;
  std::map<std::string, RateLimit> rates_;
  std::map<std::string, std::chrono::milliseconds> penalties_;
};

}  // namespace icingest::cli
