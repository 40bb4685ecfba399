// session.h: what every run of a process shares, and its way to the database.
//
// Threads   one caller
// Errors    a database that is away for ten seconds; a stop while another run holds the lock
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/ledger.h"
#include "core/stop.h"
#include "run/engine.h"

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
  // A process that is silent for longer loses its part of a run that others share.
  std::chrono::milliseconds lease{30'000};
  // The run's counters, for as long as the run lasts; called with nullptr at its end.
  std::function<void(const std::string& pipeline, const Metrics*, Engine*)> watch;
};

// The database of a run: a control connection that comes back after an outage, and the lock that keeps a run
// from doing what another one on the database does at the same time. Runs that share what they do (crew.h) share it.
class Session {
 public:
  explicit Session(const Environment& environment) : environment_(environment) {}

  // Connects, says which database it is, and waits for runs to end that this one cannot share with.
  Result<void> open(bool shares);
  // The control connection, made anew when it is gone.
  [[nodiscard]] Result<pg::Control*> control();

 private:
  Result<void> take_lock(bool shares);

  const Environment& environment_;
  std::optional<pg::Control> control_;
};

}  // namespace icingest::run
