#include "monitor/ledger_watch.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/signals.h"
#include "pg/schema.h"

namespace icingest::monitor {
namespace {

// Short enough that a run which is to stop can wait for one look at a database that is away.
constexpr std::chrono::milliseconds kPatience{2'000};

// Who was told of an outage wants to hear soon that it is over.
constexpr std::chrono::milliseconds kAwayEvery{1'000};

pg::DbConfig impatient(pg::DbConfig db) {
  db.parameters["connect_timeout"] = "2";
  db.parameters["tcp_user_timeout"] = "2000";
  db.parameters["application_name"] = "icingest monitor";
  std::string& options = db.parameters["options"];
  options += (options.empty() ? "" : " ") +
             std::string("-c statement_timeout=2s -c default_transaction_read_only=on");
  return db;
}

}  // namespace

LedgerWatch::LedgerWatch(pg::DbConfig db, std::vector<Pipeline> pipelines, const Clock& clock,
                         std::chrono::milliseconds every)
    : db_(impatient(std::move(db))), pipelines_(std::move(pipelines)), clock_(clock), every_(every) {
  thread_ = std::thread([this] { run(); });
}

LedgerWatch::~LedgerWatch() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    // Wakes a thread that waits for an answer which may never come.
    if (const int socket = socket_; socket >= 0) ::shutdown(socket, SHUT_RDWR);
  }
  wake_.notify_all();
  thread_.join();
}

std::optional<DatabaseView> LedgerWatch::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

bool LedgerWatch::wait(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, duration, [this] { return ending_; });
}

void LedgerWatch::run() {
  leave_signals_to_others();
  do {
    look();
  } while (wait(control_ ? every_ : std::min(every_, kAwayEvery)));
}

void LedgerWatch::look() {
  DatabaseView seen;
  if (std::optional<DatabaseView> before = view()) seen = std::move(*before);
  seen.up = false;
  const Result<void> looked = look_into(seen);
  if (!looked) {
    seen.problem = looked.error().describe();
    log::debug("monitor: {}", seen.problem);
  }
  const std::scoped_lock lock(mutex_);
  if (control_ && !looked) {
    socket_ = -1;
    control_.reset();
  }
  view_ = std::move(seen);
}

// The database is up when it answers; a ledger that cannot be read in time leaves what was read before.
Result<void> LedgerWatch::look_into(DatabaseView& view) {
  if (!control_) {
    ICINGEST_TRY_LET(pg::Control connected, pg::Control::connect(db_, kPatience));
    const std::scoped_lock lock(mutex_);
    control_.emplace(std::move(connected));
    socket_ = control_->native().sock();
  }
  ICINGEST_TRY(control_->transact("ask the server's version", [&](pqxx::work& tx) {
    const auto row =
        tx.exec1("SELECT current_setting('server_version'), pg_database_size(current_database())");
    view.version = row[0].as<std::string>();
    view.size_bytes = row[1].as<std::int64_t>();
  }));
  view.up = true;
  view.problem.clear();
  ICINGEST_TRY_LET(view.has_ledger, pg::has_ledger(*control_));
  std::vector<run::PipelineStatus> pipelines;
  for (const Pipeline& pipeline : pipelines_) {
    if (!view.has_ledger) break;
    ICINGEST_TRY_LET(run::PipelineStatus status, run::read_status(*control_, pipeline, clock_.now()));
    pipelines.push_back(std::move(status));
  }
  view.pipelines = std::move(pipelines);
  view.read_at = clock_.now();
  return {};
}

}  // namespace icingest::monitor
