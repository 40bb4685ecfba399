#include "run/crew.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "checkpoint/ledger.h"
#include "core/log.h"
#include "core/signals.h"
#include "pg/lost.h"
#include "run/claims.h"
#include "run/run_setup.h"

namespace icingest::run {
namespace {

constexpr std::chrono::milliseconds kPoll{100};

std::string interval(std::chrono::milliseconds duration) {
  return fmt::format("{} milliseconds", duration.count());
}

Failure lost() { return pg::lost_error("others have gone on with this run without this process"); }

}  // namespace

Result<std::unique_ptr<Crew>> Crew::join(const Environment& environment, std::string_view pipeline,
                                         std::string command) {
  std::unique_ptr<Crew> crew(new Crew(environment, pipeline, std::move(command)));
  const Tick since = environment.clock->tick();
  for (bool said = false;;) {
    Result<bool> entered = crew->enter();
    if (entered && *entered) break;
    if (environment.stop->requested()) return later_error("stopped while waiting for another run");
    if (!entered) {
      const bool again =
          entered.error().action == Action::reconnect || entered.error().action == Action::retry;
      if (!again || environment.clock->tick() - since > environment.outage_patience)
        return std::unexpected(std::move(entered).error());
    } else if (!said) {
      log::warn("a run of {} with other options is at work; waiting for it to end", pipeline);
      said = true;
    }
    crew->pause(std::chrono::milliseconds(500));
  }
  crew->thread_ = std::thread([raw = crew.get()] { raw->live(); });
  return crew;
}

std::string Crew::application_of(const Environment& environment) {
  const auto named = environment.db.parameters.find("application_name");
  return named == environment.db.parameters.end() ? std::string() : named->second;
}

Crew::~Crew() {
  {
    const std::scoped_lock lock(mutex_);
    leaving_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Others need not wait for what this process has not done.
  if (conn_ && conn_->usable() && !worker_.empty()) {
    const auto left =
        conn_->exec("UPDATE icingest.workers SET dead = true WHERE worker = $1::uuid", {worker_});
    if (!left) log::debug("leaving: {}", left.error().describe());
  }
}

std::string Crew::worker() const {
  const std::scoped_lock lock(mutex_);
  return worker_;
}

bool Crew::is_mine(const std::string& fence) const {
  const std::scoped_lock lock(mutex_);
  return !left_behind_ && worker_ == fence;
}

void Crew::pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, duration, [this] { return leaving_; });
}

Result<bool> Crew::enter() {
  if (!conn_ || !conn_->usable()) {
    ICINGEST_TRY_LET(conn_, pg::PgConn::connect(environment_.db, std::chrono::seconds(10)));
    ICINGEST_TRY(conn_->exec("SET synchronous_commit = off"));
  }
  const std::string me = make_run_id();
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  ICINGEST_TRY(
      conn_->exec("SELECT pg_advisory_unlock_all(), pg_advisory_lock(hashtextextended($1, 0))", {me}));
  locked_ = true;
  ICINGEST_TRY_LET(
      const pg::PgResult joined,
      conn_->exec(
          "SELECT joined, since_us FROM icingest.join_crew($1::uuid, $2, $3, $4::bigint, $5, $6::integer, "
          "$7, $8::interval)",
          {me, pipeline_, command_, std::to_string(environment_.clock->now().time_since_epoch().count()),
           host.data(), std::to_string(::getpid()), application_, interval(environment_.lease)}));
  if (joined.rows() == 0) return false;
  const std::string id(joined.text(0, 0));
  const std::scoped_lock lock(mutex_);
  if (id_.empty()) {
    id_ = id;
    planned_at_ = Instant(std::chrono::microseconds(joined.number(0, 1)));
    if (id != me) log::info("a run of {} is under way; sharing it", pipeline_);
  }
  if (id != id_) left_behind_ = true;
  worker_ = me;
  return true;
}

void Crew::live() {
  leave_signals_to_others();
  const auto every = std::max(environment_.lease / 30, std::chrono::milliseconds(50));
  for (;;) {
    pause(every);
    {
      const std::scoped_lock lock(mutex_);
      if (leaving_) return;
    }
    if (!left_behind_) beat();
  }
}

void Crew::beat() {
  const std::string me = worker();
  const auto lives = [&]() -> Result<bool> {
    if (!conn_ || !conn_->usable()) {
      locked_ = false;
      ICINGEST_TRY_LET(conn_, pg::PgConn::connect(environment_.db, std::chrono::seconds(2)));
      ICINGEST_TRY(conn_->exec("SET synchronous_commit = off"));
    }
    if (!locked_) {
      ICINGEST_TRY_LET(const pg::PgResult taken,
                       conn_->exec("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", {me}));
      locked_ = taken.text(0, 0) == "t";
    }
    ICINGEST_TRY_LET(const pg::PgResult alive, conn_->exec("SELECT icingest.beat($1::uuid, $2::interval)",
                                                           {me, interval(environment_.lease)}));
    return alive.text(0, 0) == "t";
  }();
  if (!lives) {
    log::debug("no sign of life: {}", lives.error().describe());
    if (lives.error().action == Action::reconnect || lives.error().action == Action::in_doubt) conn_.reset();
    return;
  }
  if (*lives) return;
  log::warn(
      "this process was silent for longer than its lease; others have its work, and it goes on with more");
  const Result<bool> entered = enter();
  if (entered && !*entered) left_behind_ = true;
  if (!entered) log::debug("not a worker again: {}", entered.error().describe());
}

Result<CrewState> Crew::state(Session& session) const {
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  ICINGEST_TRY_LET(auto found, control->transact("read the shared run", [&](pqxx::work& tx) {
    std::optional<CrewState> state;
    const auto rows = tx.exec_params(
        "SELECT step, strategy, streams, planned, skipped, unavailable, mark FROM icingest.crews "
        "WHERE crew = $1 AND (ended_at IS NULL OR step = $2)",
        id_, kLastStep);
    if (!rows.empty()) {
      const auto& row = rows.front();
      state = CrewState{.step = row[0].as<int>(),
                        .strategy = row[1].as<std::string>(),
                        .streams = row[2].as<int>(),
                        .planned = row[3].as<std::int64_t>(),
                        .skipped = row[4].as<std::int64_t>(),
                        .unavailable = row[5].as<std::int64_t>(),
                        .mark = row[6].as<std::string>()};
    }
    return state;
  }));
  if (!found) return lost();
  return std::move(*found);
}

Result<CrewVerdict> Crew::verdict(Session& session) const {
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  return control->transact("read what became of the run", [&](pqxx::work& tx) {
    const auto row = tx.exec_params1(
        "SELECT count(*) FILTER (WHERE u.state = 'failed'), "
        "  count(*) FILTER (WHERE u.state = 'unavailable' AND u.unit <> $2), "
        "  (SELECT count(*) FROM icingest.rejects j JOIN icingest.runs r USING (run_id) WHERE r.crew = $1) "
        "FROM icingest.units u JOIN icingest.runs r USING (run_id) WHERE r.crew = $1",
        id_, std::string(checkpoint::kFloorUnit));
    return CrewVerdict{.failed = row[0].as<std::int64_t>(),
                       .unavailable = row[1].as<std::int64_t>(),
                       .rejected = row[2].as<std::int64_t>()};
  });
}

Result<bool> Crew::advance(pg::Control& control, int step, const StepPlan& plan, bool is_last) {
  const std::string me = worker();
  return control.transact("record a step of the run", [&](pqxx::work& tx) {
    if (tx.exec_params(pg::kHoldFence, me).empty()) return false;
    const auto moved = tx.exec_params(
        "UPDATE icingest.crews SET step = $2, strategy = CASE WHEN $3 = '' THEN strategy ELSE $3 END, "
        "streams = CASE WHEN $4 = 0 THEN streams ELSE $4 END, planned = planned + $5, skipped = skipped + $6, "
        "unavailable = unavailable + $7, mark = CASE WHEN $8 = '' THEN mark ELSE $8 END "
        "WHERE crew = $1 AND step = $9 AND ended_at IS NULL",
        id_, is_last ? kLastStep : step, plan.strategy, plan.streams, plan.planned, plan.skipped,
        plan.unavailable, plan.mark, step - 1);
    if (moved.affected_rows() == 0) return false;
    write_claims(tx, id_, step, plan.units);
    write_claims(tx, id_, plan.later_step, plan.later);
    if (is_last) tx.exec_params("SELECT icingest.end_crew($1)", id_);
    return true;
  });
}

Result<void> Crew::lead(Session& session, int step, const Plan& plan) {
  return lead(session, step, plan, false);
}

Result<void> Crew::end(Session& session, int step) {
  return lead(
      session, step, [] { return Result<StepPlan>(StepPlan{}); }, true);
}

Result<void> Crew::lead(Session& session, int step, const Plan& plan, bool is_last) {
  const std::string lock = "icingest.lead " + id_;
  int locked_by = 0;  // the server's process of the connection that has the lock; another one has it no more
  const auto unlock = [&] {
    const Result<pg::Control*> control = session.control();
    if (!control || (*control)->native().backendpid() != locked_by) return;
    const auto done = (*control)->transact("let another lead", [&](pqxx::work& tx) {
      tx.exec_params("SELECT pg_advisory_unlock(hashtextextended($1, 0))", lock);
    });
    if (!done) log::debug("{}", done.error().describe());
  };
  for (;; pause(kPoll)) {
    if (environment_.stop->requested()) return later_error("stopped");
    if (left_behind_) return lost();
    ICINGEST_TRY_LET(CrewState now, state(session));
    if (now.step >= step) return {};
    ICINGEST_TRY_LET(pg::Control* const control, session.control());
    ICINGEST_TRY_LET(const bool leads, control->transact("take the lead", [&](pqxx::work& tx) {
      return tx.exec_params1("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lock)[0].as<bool>();
    }));
    if (!leads) continue;
    locked_by = control->native().backendpid();
    ICINGEST_TRY_LET(now, state(session));
    if (now.step >= step) return unlock(), Result<void>{};
    Result<StepPlan> planned = plan();
    Result<bool> done = false;
    if (planned) {
      const Result<pg::Control*> same = session.control();
      if (same) done = advance(**same, step, *planned, is_last);
      else done = std::unexpected(same.error());
    } else if (!pg::is_lost(planned.error())) {
      unlock();
      return std::unexpected(std::move(planned).error());
    }
    unlock();
    if (done && *done) return {};
    const bool again = done || done.error().action == Action::reconnect ||
                       done.error().action == Action::retry || done.error().action == Action::in_doubt;
    if (!again) return std::unexpected(std::move(done).error());
  }
}

}  // namespace icingest::run
