// crew.h: the processes that share one run: each a worker with a lease, and what they decide together.
//
// A worker says every thirtieth of its lease that it is alive; the same statement declares others dead whose lease is
// over, or whose connection is gone for a tenth of it. Declaring dead takes the lock that a loader holds from its last
// statement to its COMMIT (Loader::hold_fence), so nothing of a dead worker is committed afterwards. Who finds himself
// dead becomes a worker anew; what he held is lost to him.
//
// What one worker must do for all is a step: lead() does it under an advisory lock, and its outcome, the next units,
// stands in the transaction that counts the step. A step may be begun twice; it is finished once.
//
// Units     leases in milliseconds; instants are the server's
// Threads   one of its own for the signs of life; worker(), is_mine(), is_left_behind() from any; else one caller
// Errors    pg::lost_error(): others have begun the run anew, or ended it
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pg/pg_conn.h"
#include "run/engine.h"
#include "run/session.h"

namespace icingest::run {

// What a step brings: units, and what the run's workers report of them.
struct StepPlan {
  std::vector<PlannedUnit> units;
  std::vector<PlannedUnit> later;  // units that wait for a later step
  int later_step = 0;
  std::string strategy;  // empty: as before
  int streams = 0;       // 0: as before
  std::int64_t planned = 0;
  std::int64_t skipped = 0;
  std::int64_t unavailable = 0;
  std::string mark;  // empty: as before
};

// How the run stands, for all of its workers.
struct CrewState {
  int step = 0;
  std::string strategy;
  int streams = 1;
  std::int64_t planned = 0;
  std::int64_t skipped = 0;
  std::int64_t unavailable = 0;
  std::string mark;
};

// What became of the run's units, whoever did them.
struct CrewVerdict {
  std::int64_t failed = 0;
  std::int64_t unavailable = 0;
  std::int64_t rejected = 0;
};

class Crew {
 public:
  // Waits while a run with another command is at work on the pipeline.
  [[nodiscard]] static Result<std::unique_ptr<Crew>> join(const Environment& environment,
                                                          std::string_view pipeline, std::string command);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  // When the run was planned, by the clock of its first worker.
  [[nodiscard]] Instant planned_at() const { return planned_at_; }
  [[nodiscard]] std::string worker() const;
  [[nodiscard]] bool is_mine(const std::string& fence) const;
  [[nodiscard]] bool is_left_behind() const { return left_behind_.load(); }

  // Returns when the step is done, by `plan` here or by another worker.
  using Plan = std::function<Result<StepPlan>()>;
  Result<void> lead(Session& session, int step, const Plan& plan);
  // The same for the last step, after which the run is over.
  Result<void> end(Session& session, int step);

  [[nodiscard]] Result<CrewState> state(Session& session) const;
  [[nodiscard]] Result<CrewVerdict> verdict(Session& session) const;

 private:
  Crew(const Environment& environment, std::string_view pipeline, std::string command)
      : environment_(environment),
        pipeline_(pipeline),
        command_(std::move(command)),
        application_(application_of(environment)) {}
  static std::string application_of(const Environment& environment);

  // Nothing: a run with another command is at work.
  Result<bool> enter();
  void live();
  void beat();
  [[nodiscard]] Result<bool> advance(pg::Control& control, int step, const StepPlan& plan, bool is_last);
  Result<void> lead(Session& session, int step, const Plan& plan, bool is_last);
  void pause(std::chrono::milliseconds duration);

  const Environment& environment_;
  const std::string pipeline_;
  const std::string command_;
  const std::string application_;
  std::string id_;
  Instant planned_at_{};
  std::optional<pg::PgConn> conn_;  // of the signs of life; holds the worker's lock
  bool locked_ = false;             // on it
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool leaving_ = false;
  std::string worker_;
  std::atomic<bool> left_behind_{false};
  std::thread thread_;
};

}  // namespace icingest::run
