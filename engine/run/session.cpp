#include "run/session.h"

#include <algorithm>
#include <thread>

#include "core/log.h"
#include "pg/server_info.h"

namespace icingest::run {
namespace {

constexpr std::chrono::milliseconds kLockPoll{500};

}  // namespace

Result<void> Session::open(bool shares) {
  ICINGEST_TRY_LET(pg::Control* const control, this->control());
  ICINGEST_TRY_LET(const pg::ServerInfo server, pg::read_server_info(*control));
  log::info("database {}, PostgreSQL {}", environment_.db.display(), server.version);
  for (const std::string& warning : server.warnings) log::warn("the database may not last: {}", warning);
  return take_lock(shares);
}

Result<pg::Control*> Session::control() {
  if (control_) {
    const Result<int> alive = control_->transact(
        "ask for a sign of life", [](pqxx::work& tx) { return tx.exec("SELECT 1").front()[0].as<int>(); });
    if (alive) return &*control_;
    control_.reset();
  }
  const Tick since = environment_.clock->tick();
  for (;;) {
    Result<pg::Control> connected = pg::Control::connect(environment_.db);
    if (connected) {
      control_.emplace(std::move(*connected));
      return &*control_;
    }
    const bool away = connected.error().action == Action::reconnect;
    const bool patient =
        environment_.clock->tick() - since <
        std::min<std::chrono::milliseconds>(environment_.outage_patience, std::chrono::seconds(10));
    if (!away || !patient || environment_.stop->requested())
      return std::unexpected(std::move(connected).error());
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
}

Result<void> Session::take_lock(bool shares) {
  for (bool said = false;; said = true) {
    ICINGEST_TRY_LET(pg::Control* const control, control());
    ICINGEST_TRY_LET(const bool taken, control->transact("take the run lock", [&](pqxx::work& tx) {
      return tx
          .exec(shares ? "SELECT pg_try_advisory_lock_shared(hashtextextended('icingest.run', 0))"
                       : "SELECT pg_try_advisory_lock(hashtextextended('icingest.run', 0))")
          .front()[0]
          .as<bool>();
    }));
    if (taken) return {};
    if (!said) log::warn("another icingest run is at work on this database; waiting for it to end");
    if (environment_.stop->requested()) return later_error("stopped while waiting for another run");
    std::this_thread::sleep_for(kLockPoll);
  }
}

}  // namespace icingest::run
