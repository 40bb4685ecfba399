#include "load/known_rows.h"

#include <fmt/format.h>

#include <thread>

#include "core/log.h"
#include "load/prove.h"
#include "pg/identifier.h"

namespace icingest::load {

Result<pg::PgResult> PgKnownRows::ask_once(const std::string& sql, std::int64_t value) {
  std::unique_ptr<pg::PgConn> conn;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      conn = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!conn || !conn->usable()) {
    ICINGEST_TRY_LET(pg::PgConn fresh, pg::PgConn::connect(db_, std::chrono::seconds(10)));
    conn = std::make_unique<pg::PgConn>(std::move(fresh));
  }
  ICINGEST_TRY_LET(pg::PgResult found, conn->exec(sql, {std::to_string(value)}));
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(conn));
  return found;
}

Result<pg::PgResult> PgKnownRows::ask(const std::string& sql, std::int64_t value) {
  constexpr std::chrono::milliseconds kPause{250};
  const Tick since = clock_.tick();
  for (bool said = false;; said = true) {
    Result<pg::PgResult> found = ask_once(sql, value);
    if (found) return found;
    const Action action = found.error().action;
    const bool away = action == Action::reconnect || action == Action::retry || action == Action::in_doubt;
    const bool stopped = stop_ != nullptr && stop_->requested();
    if (!away || stopped || clock_.tick() - since > patience_) {
      // Nobody can say what the unit's rows should be.
      found.error().action = Action::fail_run;
      return found;
    }
    if (!said) log::debug("reading what the tables hold: {}", found.error().describe());
    std::this_thread::sleep_for(kPause);
  }
}

Result<void> PgKnownRows::each(const TableInfo& table, std::string_view column, std::int64_t value,
                               const Each& row) {
  ICINGEST_TRY_LET(const pg::PgResult found,
                   ask(fmt::format("SELECT {} FROM {} WHERE {} = $1::bigint", column_list(table),
                                   pg::quote_table(table.name), pg::quote_name(column)),
                       value));
  std::vector<std::optional<std::string_view>> fields(table.columns.size());
  for (int number = 0; number < found.rows(); ++number) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const int at = static_cast<int>(i);
      fields[i] = found.is_null(number, at) ? std::optional<std::string_view>() : found.text(number, at);
    }
    ICINGEST_TRY(row(fields));
  }
  return {};
}

}  // namespace icingest::load
