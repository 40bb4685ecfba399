// known_rows.h: KnownRows over connections of its own, one for each decode thread that asks.
//
// The run lock keeps other writers away and a unit is with one thread at a time, so what is read here is all that
// will be there when the unit's own rows are loaded.
//
// Threads   any; each call takes a connection nobody else uses
// Errors    an outage is waited out as long as the loader would; then its error
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "core/clock.h"
#include "core/stop.h"
#include "icingest/known_rows.h"
#include "pg/pg_conn.h"

namespace icingest::load {

class PgKnownRows final : public KnownRows {
 public:
  PgKnownRows(pg::DbConfig db, std::chrono::milliseconds patience, const Clock& clock, const Stop* stop)
      : db_(std::move(db)), patience_(patience), clock_(clock), stop_(stop) {}

  [[nodiscard]] Result<void> each(const TableInfo& table, std::string_view column, std::int64_t value,
                                  const Each& row) override;

 private:
  [[nodiscard]] Result<pg::PgResult> ask(const std::string& sql, std::int64_t value);
  [[nodiscard]] Result<pg::PgResult> ask_once(const std::string& sql, std::int64_t value);

  const pg::DbConfig db_;
  const std::chrono::milliseconds patience_;
  const Clock& clock_;
  const Stop* stop_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<pg::PgConn>> idle_;
};

}  // namespace icingest::load
