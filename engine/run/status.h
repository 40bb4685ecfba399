// status.h: what the ledger says of a pipeline: units by state, rows, newest data, last run.
//
// Reads the ledger's sums and never the tables, so it is cheap enough to be asked every few seconds.
//
// Units     rows; instants are UTC
// Threads   one owner of the connection
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "icingest/pipeline.h"
#include "pg/control.h"

namespace icingest::run {

struct LastRun {
  std::string run_id;
  std::string strategy;
  std::string from;  // its window, New York dates
  std::string to;
  std::string host;
  Instant started{};
  std::optional<Instant> finished;  // nothing: it is at work, or was killed
  std::optional<int> exit_code;
};

// A process that is at work on the pipeline, with others or alone.
struct WorkerStatus {
  std::string host;
  int pid = 0;
  Instant started{};
  Instant heartbeat{};
  std::int64_t units = 0;  // that it holds
};

struct PipelineStatus {
  std::string pipeline;
  std::map<std::string, std::int64_t> units;  // by state
  std::int64_t rejected = 0;                  // rows in quarantine
  std::int64_t rows = 0;
  std::optional<std::int64_t> newest_bucket;
  std::optional<Instant> newest_commit;
  std::optional<LastRun> last_run;  // of processes that share a run, all together: at work while one is
  std::vector<WorkerStatus> workers;
  std::string freshness;                 // OK, STALE, STALE (empty), BUILDING
  std::set<int> building;                // years that readers do not see yet
  std::optional<Date> newest_session;    // of a table of sessions
  std::optional<Instant> overdue_since;  // close of the first session after it that is not there
  std::map<std::string, std::int64_t>
      reasons;  // "empty: no_xbrl": of units that brought nothing, where it is a word
  std::map<std::string, std::int64_t> notes;  // what the pipeline says of the data itself (Pipeline::notes)
};

[[nodiscard]] Result<PipelineStatus> read_status(pg::Control& control, const Pipeline& pipeline, Instant now);

// The close of the first session after `newest` that had closed by `now`; nothing when there is none.
[[nodiscard]] std::optional<Instant> overdue_since(Date newest, Instant now);

}  // namespace icingest::run
