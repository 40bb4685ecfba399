// ledger_watch.h: looks at the database every few seconds over a connection of its own, and keeps what it saw.
//
// Threads   any; looking is this object's own thread. Its end does not wait for a server that does not answer
// Errors    none: a database that is away is what it is there to tell
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "monitor/view.h"
#include "pg/db_config.h"

namespace icingest::monitor {

class LedgerWatch {
 public:
  LedgerWatch(pg::DbConfig db, std::vector<Pipeline> pipelines, const Clock& clock,
              std::chrono::milliseconds every);
  LedgerWatch(const LedgerWatch&) = delete;
  LedgerWatch& operator=(const LedgerWatch&) = delete;
  ~LedgerWatch();

  // Nothing before the first look has ended.
  [[nodiscard]] std::optional<DatabaseView> view() const;

 private:
  void run();
  void look();
  [[nodiscard]] Result<void> look_into(DatabaseView& view);
  bool wait(std::chrono::milliseconds duration);

  const pg::DbConfig db_;
  const std::vector<Pipeline> pipelines_;
  const Clock& clock_;
  const std::chrono::milliseconds every_;
  std::optional<pg::Control> control_;
  std::atomic<int> socket_{-1};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::optional<DatabaseView> view_;
  std::thread thread_;
};

}  // namespace icingest::monitor
