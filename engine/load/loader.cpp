#include "load/loader.h"

#include <fmt/format.h>
#include <poll.h>

#include "core/fault.h"
#include "core/log.h"
#include "core/text.h"
#include "icingest/copy_encoder.h"
#include "load/prove.h"
#include "load/tuples.h"
#include "pg/identifier.h"
#include "pg/lost.h"
#include "pg/year_partitions.h"

namespace icingest::load {
namespace {

constexpr int kRetries = 8;
constexpr rate::BackoffPolicy kBackoff{.first = std::chrono::milliseconds(100),
                                       .ceiling = std::chrono::seconds(5)};

Failure injected(std::string_view point) {
  return Failure(
      Error{.action = Action::reconnect, .exit = ExitCode::later, .message = fmt::format("fault {}", point)});
}

void mark_failed(LoadJob& job, const Error& error) {
  job.batch = {};
  job.side_batches.clear();
  job.write.state = checkpoint::UnitState::failed;
  job.write.reason = "sqlstate_" + error.cause.sqlstate;
  job.write.rows = 0;
  job.write.digest = {};
  job.write.rejects.clear();
}

}  // namespace

Loader::Loader(const LoaderSettings& settings, const checkpoint::LedgerWriter& ledger, LoadQueue& queue,
               Budget& budget, const Clock& clock, Metrics& metrics, Stop& stop,
               std::function<void(const Error&)> gave_up)
    : settings_(settings),
      ledger_(ledger),
      queue_(queue),
      budget_(budget),
      clock_(clock),
      metrics_(metrics),
      stop_(stop),
      gave_up_(std::move(gave_up)),
      random_(std::random_device{}()) {}

void Loader::run() {
  for (;;) {
    std::optional<LoadTask> task;
    bool timed_out = false;
    if (group_.empty()) {
      task = queue_.pop();
    } else {
      // Short steps: a budget that others wait for may make the commit due at any time.
      constexpr std::chrono::milliseconds kStep{20};
      task = queue_.pop_for(kStep, timed_out);
    }
    if (task) std::visit([this](auto& job) { take(std::move(job)); }, *task);
    const bool ended = !task && !timed_out;
    if (!group_.empty() && (ended || is_due())) commit_group();
    if (ended) return;
  }
}

void Loader::take(std::unique_ptr<LoadJob> job) {
  if (over_) {
    job->done(job.get(), later_error("the run is over"));
    return;
  }
  if (is_known(*job)) {
    job->unchanged = true;
    job->batch.rows.clear();
    job->batch.buckets = settings_.known->repairs(*job->table, job->batch.buckets, {});
  }
  if (!group_.empty() && !fits_group(*job)) commit_group();
  add(std::move(job));
}

void Loader::take(std::unique_ptr<YearJob> job) {
  commit_group();
  if (job->rows) {
    load_sorted(*job);
    return job->done({});
  }
  const Tick since = clock_.tick();
  for (int attempt = 1;; ++attempt) {
    if (over_ || stop_.requested()) return job->done(later_error("the run is over"));
    Result<void> finished = timed([&]() -> Result<void> {
      ICINGEST_TRY(connect());
      ICINGEST_TRY(hold_fence(job->fence));
      const Stop::Registration at_stop(stop_, [this] { conn_->cancel(); });
      return pg::finish_year(*conn_, *job->table, job->year);
    });
    if (finished) return job->done({});
    const Error& error = finished.error();
    if (pg::is_lost(error)) return job->done(std::move(finished));
    const bool again =
        error.action == Action::reconnect || (error.action == Action::retry && attempt <= kRetries);
    if (!again) give_up(error);
    if (!again || !wait_for_database(error, attempt, since)) return job->done(std::move(finished));
  }
}

bool Loader::fits_group(const LoadJob& job) const {
  const LoadJob& first = *group_.front();
  return job.table == first.table && needs_staging(job) == group_staged_ && job.way == first.way &&
         job.unit->grain == first.unit->grain && job.fence == first.fence;
}

// Whether the rows are in the table as they are. Only rows that could not come any other way: where sources are
// preferred to one another or owners lose rows, the comparison decides more.
bool Loader::is_known(const LoadJob& job) const {
  return settings_.known != nullptr && job.staged && job.way == Way::table && job.side_tables == nullptr &&
         job.table->prefer.empty() && !job.table->updates_only && job.table->owner_column.empty() &&
         year_of(job.unit->from) == year_of(job.unit->to) &&
         settings_.known->hold(*job.table, year_of(job.unit->from), job.batch.buckets);
}

bool Loader::needs_staging(const LoadJob& job) const {
  return job.way == Way::table && !job.unchanged &&
         (job.staged || stage_always_ || !job.table->prefer.empty() || job.table->updates_only);
}

bool Loader::is_due() const {
  const auto age = clock_.tick() - group_since_;
  // When fetchers wait for memory that this group holds, only a commit helps.
  return group_bytes_ >= settings_.commit_bytes || age >= settings_.commit_age ||
         (budget_.contended() && queue_.bytes() == 0) || stop_.requested();
}

void Loader::load_sorted(YearJob& job) {
  start_group();
  group_ = std::move(job.units);
  if (group_.empty()) return;
  if (over_) return give_up(later_error("the run is over").error());
  group_staged_ = false;
  year_ = &job;
  settle(timed([this] { return attempt_whole_group(); }));
  year_ = nullptr;
}

void Loader::start_group() {
  group_.clear();
  group_bytes_ = 0;
  group_since_ = clock_.tick();
  commit_id_ = static_cast<std::int64_t>(random_() >> 1);
}

void Loader::add(std::unique_ptr<LoadJob> job) {
  if (group_.empty()) {
    start_group();
    group_staged_ = needs_staging(*job);
  }
  group_bytes_ += job->batch.rows.size();
  group_.push_back(std::move(job));
  Result<void> streamed = timed([this]() -> Result<void> {
    if (!open_) ICINGEST_TRY(begin(*group_.front()));
    return stream(*group_.back());
  });
  if (!streamed) recover(std::move(streamed).error());
}

void Loader::commit_group() {
  if (group_.empty()) return;
  settle(timed([this] { return finish(); }));
}

// A step whose time is the database's.
template <class Step>
Result<void> Loader::timed(Step&& step) {
  const auto started = clock_.tick();
  metrics_.loading.add(1);
  Result<void> result = step();
  metrics_.loading.add(-1);
  metrics_.load_us.add(
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.tick() - started).count());
  return result;
}

bool Loader::settle(Result<void> outcome) {
  if (outcome) return succeed(), true;
  return recover(std::move(outcome).error());
}

Result<void> Loader::connect() {
  if (conn_ && conn_->usable()) return {};
  conn_.reset();
  staged_table_ = nullptr;
  ICINGEST_TRY_LET(conn_, pg::PgConn::connect(settings_.db, std::chrono::seconds(10)));
  if (settings_.idle_limit.count() > 0) {
    ICINGEST_TRY(conn_->exec(
        fmt::format("SET idle_in_transaction_session_timeout = {}", settings_.idle_limit.count())));
  }
  return {};
}

Result<void> Loader::begin(const LoadJob& first) {
  ICINGEST_TRY(connect());
  if (fault::point("load.begin")) return injected("load.begin");
  const TableInfo& table = *first.table;
  const Staging staging(table);
  if (group_staged_ && staged_table_ != &table) {
    // Before the transaction, or a rollback would take the temporary tables with it.
    staged_table_ = nullptr;
    ICINGEST_TRY(staging.create(*conn_));
    staged_table_ = &table;
    if (first.side_tables != nullptr) ICINGEST_TRY(sides_.create(*conn_, *first.side_tables));
  }
  ICINGEST_TRY(conn_->exec("BEGIN"));
  std::string target = first.way == Way::aside ? pg::building_name(table) : pg::quote_table(table.name);
  if (year_ != nullptr && group_staged_) {
    ICINGEST_TRY(pg::ensure_year(*conn_, table, year_->year));
  } else if (year_ != nullptr) {
    ICINGEST_TRY_LET(target, pg::create_year(*conn_, table, year_->year));
  }
  ICINGEST_TRY(conn_->copy_begin(group_staged_
                                     ? staging.copy_sql()
                                     : fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary{})", target,
                                                   column_list(table), year_ != nullptr ? ", FREEZE" : "")));
  open_ = true;
  return conn_->copy_send(copy::kHeader);
}

Result<void> Loader::stream(const LoadJob& job) { return send_rows(job.batch.rows.view()); }

Result<void> Loader::send_rows(std::string_view rows) {
  if (fault::point("load.copy")) return injected("load.copy");
  if (group_staged_) {
    scratch_.clear();
    append_staged(rows, scratch_);
    rows = scratch_.view();
  }
  metrics_.bytes_copied.add(static_cast<std::int64_t>(rows.size()));
  return conn_->copy_send(rows);
}

Result<void> Loader::finish() {
  const TableInfo& table = *group_.front()->table;
  ICINGEST_TRY(conn_->copy_send(copy::kTrailer));
  ICINGEST_TRY_LET(const std::int64_t copied, conn_->copy_end());
  open_ = false;
  merged_ = {};
  if (group_staged_) {
    ICINGEST_TRY_LET(merged_, Staging(table).merge(*conn_));
    if (settings_.known != nullptr) add_repairs();
  } else {
    merged_.inserted = copied;
    for (const auto& job : group_) {
      merged_.deltas.insert(merged_.deltas.end(), job->batch.buckets.begin(), job->batch.buckets.end());
    }
    if (year_ != nullptr) ICINGEST_TRY(pg::attach_year(*conn_, table, year_->year));
  }
  if (!table.updates_only)
    ICINGEST_TRY(checkpoint::LedgerWriter::add_proofs(*conn_, table.name, merged_.deltas));
  if (group_.front()->side_tables != nullptr)
    ICINGEST_TRY(sides_.load(*conn_, group_, group_staged_, merged_));
  std::vector<const checkpoint::UnitWrite*> units;
  for (const auto& job : group_) units.push_back(&job->write);
  ICINGEST_TRY(ledger_.write_units(*conn_, units, commit_id_));
  ICINGEST_TRY(hold_fence(group_.front()->fence));
  if (fault::point("load.before_commit")) return injected("load.before_commit");
  ICINGEST_TRY(conn_->commit());
  if (fault::point("load.after_commit")) {
    Error error = injected("load.after_commit").error();
    error.action = Action::in_doubt;
    return Failure(std::move(error));
  }
  return {};
}

void Loader::add_repairs() {
  const std::vector<BucketDelta> changes = merged_.deltas;
  for (const auto& job : group_) {
    const auto repairs = settings_.known->repairs(*job->table, job->batch.buckets, changes);
    merged_.deltas.insert(merged_.deltas.end(), repairs.begin(), repairs.end());
  }
}

// Whoever declares this worker dead has to wait for our COMMIT from here on, and finds what it wrote.
Result<void> Loader::hold_fence(const std::string& worker) {
  if (worker.empty()) return {};
  ICINGEST_TRY_LET(const pg::PgResult alive, conn_->exec(pg::kHoldFence, {worker}));
  if (alive.rows() > 0) return {};
  return pg::lost_error("this process was silent for longer than its lease; others have its work");
}

// An error may only show that others have gone on without us: their tables and units are not what we expect.
bool Loader::was_lost(const Error& error) {
  if (pg::is_lost(error)) return true;
  const bool could_be = error.action == Action::fail_unit || error.action == Action::restage ||
                        error.action == Action::fail_run;
  if (!could_be || group_.front()->fence.empty() || !conn_ || !conn_->usable()) return false;
  const Result<void> held = hold_fence(group_.front()->fence);
  return !held && pg::is_lost(held.error());
}

Result<void> Loader::attempt_whole_group() {
  ICINGEST_TRY(begin(*group_.front()));
  if (year_ != nullptr) {
    // Staging compares with the table, not with itself.
    const auto keep = group_staged_ ? SortedRows::Keep::one_per_key : SortedRows::Keep::every_row;
    ICINGEST_TRY(year_->rows->drain([this](std::string_view rows) { return send_rows(rows); }, keep));
  } else {
    for (const auto& job : group_) ICINGEST_TRY(stream(*job));
  }
  return finish();
}

void Loader::succeed() {
  metrics_.commits.add();
  metrics_.rows_written.add(merged_.inserted + merged_.updated);
  metrics_.rows_unchanged.add(merged_.unchanged);
  metrics_.rows_removed.add(merged_.removed);
  if (settings_.known != nullptr && !group_.empty())
    settings_.known->forget(*group_.front()->table, merged_.deltas);
  Group done = std::move(group_);
  start_group();
  for (auto& job : done) job->done(job.get(), {});
  if (++commits_since_fold_ >= settings_.fold_every) fold_proofs();
}

// In a transaction of its own, which the other streams' changes of the same buckets wait for but shortly. A failure
// loses nothing: the changes stay appended, and the next one folds them.
void Loader::fold_proofs() {
  commits_since_fold_ = 0;
  if (!conn_ || !conn_->usable()) return;
  const Result<void> folded = timed([this]() -> Result<void> {
    ICINGEST_TRY(conn_->exec("SELECT icingest.fold_proofs()"));
    return {};
  });
  if (!folded) log::debug("proof changes stay appended: {}", folded.error().describe());
}

void Loader::give_up(const Error& error) {
  over_ = true;
  open_ = false;
  conn_.reset();
  gave_up_(error);
  Group lost = std::move(group_);
  start_group();
  for (auto& job : lost) job->done(job.get(), std::unexpected(error));
}

bool Loader::wait_for_database(const Error& error, int attempt, Tick since) {
  metrics_.reconnects.add();
  conn_.reset();
  if (clock_.tick() - since > settings_.outage_patience || (stop_.requested() && attempt > 2)) {
    give_up(error);
    return false;
  }
  if (attempt == 1) log::warn("database: {}; trying again, nothing is lost", error.message);
  const auto pause = rate::pause_after(attempt, kBackoff, std::chrono::milliseconds(50), random_);
  pollfd entry{.fd = stop_.fd(), .events = POLLIN, .revents = 0};
  // A stop shortens the wait, but the commit under way still gets its chance.
  ::poll(&entry, stop_.requested() ? 0 : 1, static_cast<int>(pause.count()));
  return true;
}

Result<bool> Loader::resolve_doubt() {
  ICINGEST_TRY(connect());
  return checkpoint::LedgerWriter::was_committed(*conn_, commit_id_);
}

bool Loader::recover(Error error) {
  const Tick since = clock_.tick();
  bool in_doubt = false;
  for (int attempt = 1;; ++attempt) {
    open_ = false;
    in_doubt = in_doubt || error.action == Action::in_doubt;
    if (conn_ && error.action != Action::reconnect && error.action != Action::in_doubt) conn_->rollback();
    if (in_doubt && error.action == Action::fail_unit) {
      // The units are there already: written by our own COMMIT, which was still under way when it was asked
      // about.
      const Result<bool> committed = resolve_doubt();
      if (committed && *committed) return succeed(), true;
    }
    if (was_lost(error)) return lose(std::move(error)), true;
    switch (error.action) {
      case Action::reconnect:
      case Action::in_doubt:
        if (!wait_for_database(error, attempt, since)) return false;
        break;
      case Action::restage:
        if (!group_staged_) {
          log::info("rows met existing rows in {}; loading through staging from here on",
                    group_.front()->table->name);
          group_staged_ = stage_always_ = true;
          break;
        }
        [[fallthrough]];  // somebody else inserted the same row between comparison and merge
      case Action::retry:
        if (attempt > kRetries) return give_up(error), false;
        if (!wait_for_database(error, attempt, since)) return false;
        break;
      case Action::fail_unit:
        if (year_ != nullptr) return fail_year(error);
        if (group_.size() > 1) return isolate();
        return fail_unit(error);
      default: return give_up(error), false;
    }
    if (in_doubt) {
      // Only the ledger knows whether the COMMIT happened.
      const Result<bool> committed = resolve_doubt();
      if (committed && *committed) return succeed(), true;
      if (!committed) {
        error = committed.error();
        continue;
      }
    }
    Result<void> again = attempt_whole_group();
    if (again) return succeed(), true;
    error = std::move(again).error();
  }
}

bool Loader::isolate() {
  Group all = std::move(group_);
  for (auto& job : all) {
    if (over_) {
      job->done(job.get(), later_error("the run is over"));
      continue;
    }
    start_group();
    group_.push_back(std::move(job));
    settle(attempt_whole_group());
  }
  start_group();
  return !over_;
}

void Loader::lose(Error error) {
  error.cause.sqlstate = pg::kLost;
  Group lost = std::move(group_);
  start_group();
  for (auto& job : lost) job->done(job.get(), std::unexpected(error));
}

// The server refused a row of a sorted year, and nobody knows whose it was.
bool Loader::fail_year(const Error& error) {
  log::error("{} {}: {}", year_->table->name, year_->year, error.describe());
  year_ = nullptr;
  for (const auto& job : group_) {
    if (job->write.state == checkpoint::UnitState::done) mark_failed(*job, error);
  }
  return settle(attempt_whole_group());
}

bool Loader::fail_unit(const Error& error) {
  LoadJob& job = *group_.front();
  const bool refused_by_server =
      !error.cause.sqlstate.empty() && job.write.state != checkpoint::UnitState::failed;
  if (refused_by_server) {
    // The rows cannot be had, but that they could not has to be known.
    log::error("{}: {}", job.unit->key, error.describe());
    mark_failed(job, error);
    return settle(attempt_whole_group());
  }
  std::unique_ptr<LoadJob> lost = std::move(group_.front());
  start_group();
  lost->done(lost.get(), std::unexpected(error));
  return true;
}

}  // namespace icingest::load
