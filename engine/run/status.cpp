#include "run/status.h"

#include "icingest/calendar.h"
#include "pg/year_partitions.h"

namespace icingest::run {
namespace {

constexpr const char* kUnits =
    "SELECT state, count(*), sum(rejected), (extract(epoch FROM max(committed_at)) * 1000000)::bigint "
    "FROM icingest.units WHERE pipeline = $1 GROUP BY 1 ORDER BY 1";
constexpr const char* kReasons =
    "SELECT state || ': ' || reason, count(*) FROM icingest.units "
    "WHERE pipeline = $1 AND state <> 'done' AND reason ~ '^[a-z0-9_]+$' GROUP BY 1";
constexpr const char* kRows =
    "SELECT coalesce(sum(rows), 0)::bigint, max(bucket) FILTER (WHERE rows > 0) FROM icingest.proof_sums WHERE dataset = $1";
constexpr const char* kLastRun =
    "SELECT run_id::text, coalesce(strategy, ''), coalesce(window_from::text, ''), coalesce(window_to::text, ''), host, "
    "  (extract(epoch FROM started_at) * 1000000)::bigint, "
    "  (extract(epoch FROM finished_at) * 1000000)::bigint, exit_code "
    "FROM icingest.runs WHERE pipeline = $1 ORDER BY started_at DESC LIMIT 1";

// The newest run; processes that share one are one: it began with the first of them, is at work while any is, and ended
// as the last one did.
constexpr const char* kLastSharedRun = R"sql(
WITH newest AS (SELECT * FROM icingest.runs WHERE pipeline = $1 ORDER BY started_at DESC LIMIT 1),
part AS (SELECT r.started_at, r.finished_at, r.exit_code, r.strategy FROM icingest.runs r
  JOIN newest n ON r.run_id = n.run_id OR (r.crew = n.crew AND r.pipeline = n.pipeline)),
ended AS (SELECT * FROM part WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1),
working AS (SELECT EXISTS (SELECT FROM icingest.workers w JOIN icingest.crews c USING (crew) JOIN newest n USING (crew)
  WHERE NOT w.dead AND w.expires_at > now() AND c.ended_at IS NULL) AS yes)
SELECT n.run_id::text, coalesce(nullif(n.strategy, ''), e.strategy, ''), coalesce(n.window_from::text, ''),
  coalesce(n.window_to::text, ''), n.host,
  (SELECT (extract(epoch FROM min(started_at)) * 1000000)::bigint FROM part),
  CASE WHEN w.yes THEN NULL ELSE (extract(epoch FROM e.finished_at) * 1000000)::bigint END,
  CASE WHEN w.yes THEN NULL ELSE e.exit_code END
FROM newest n CROSS JOIN working w LEFT JOIN ended e ON true)sql";
constexpr const char* kWorkers =
    "SELECT w.host, w.pid, (extract(epoch FROM w.started_at) * 1000000)::bigint, "
    "  (extract(epoch FROM w.heartbeat_at) * 1000000)::bigint, coalesce(sum(c.units), 0)::bigint "
    "FROM icingest.workers w JOIN icingest.crews r USING (crew) "
    "LEFT JOIN icingest.claims c ON c.crew = w.crew AND c.worker = w.worker "
    "WHERE w.pipeline = $1 AND NOT w.dead AND r.ended_at IS NULL GROUP BY w.worker ORDER BY w.started_at";

Instant instant(const pqxx::field& microseconds) {
  return Instant(std::chrono::microseconds(microseconds.as<std::int64_t>()));
}

LastRun last_run(const pqxx::row& row) {
  LastRun run{.run_id = row[0].as<std::string>(),
              .strategy = row[1].as<std::string>(),
              .from = row[2].as<std::string>(),
              .to = row[3].as<std::string>(),
              .host = row[4].as<std::string>(),
              .started = instant(row[5])};
  if (!row[6].is_null()) run.finished = instant(row[6]);
  if (!row[7].is_null()) run.exit_code = row[7].as<int>();
  return run;
}

PipelineStatus read(pqxx::work& tx, const std::string& name, const std::string& table,
                    std::string_view notes) {
  PipelineStatus found{.pipeline = name};
  for (const auto& row : tx.exec_params(kReasons, name))
    found.reasons.emplace(row[0].as<std::string>(), row[1].as<std::int64_t>());
  if (!notes.empty()) {
    for (const auto& row : tx.exec(std::string(notes)))
      found.notes.emplace(row[0].as<std::string>(), row[1].as<std::int64_t>());
  }
  for (const auto& row : tx.exec_params(kUnits, name)) {
    found.units[row[0].as<std::string>()] = row[1].as<std::int64_t>();
    found.rejected += row[2].as<std::int64_t>();
    found.newest_commit = std::max(found.newest_commit.value_or(Instant{}), instant(row[3]));
  }
  const auto proof = tx.exec_params1(kRows, table);
  found.rows = proof[0].as<std::int64_t>();
  if (!proof[1].is_null()) found.newest_bucket = proof[1].as<std::int64_t>();
  // A ledger of an earlier version knows no shared runs.
  const bool has_crews = !tx.exec("SELECT to_regclass('icingest.crews')").front()[0].is_null();
  const auto runs = tx.exec_params(has_crews ? kLastSharedRun : kLastRun, name);
  if (has_crews) {
    for (const auto& row : tx.exec_params(kWorkers, name)) {
      found.workers.push_back({.host = row[0].as<std::string>(),
                               .pid = row[1].as<int>(),
                               .started = instant(row[2]),
                               .heartbeat = instant(row[3]),
                               .units = row[4].as<std::int64_t>()});
    }
  }
  if (!runs.empty()) found.last_run = last_run(runs.front());
  return found;
}

std::string freshness(const PipelineStatus& status) {
  // Nothing at all is the stalest state there is.
  if (status.rows == 0) return "STALE (empty)";
  if (!status.newest_session) return "OK";
  if (status.building.contains(static_cast<int>(civil(*status.newest_session).year()))) return "BUILDING";
  return status.overdue_since ? "STALE" : "OK";
}

}  // namespace

std::optional<Instant> overdue_since(Date newest, Instant now) {
  if (newest >= nyse::last_closed_session(now)) return std::nullopt;
  Date next = newest + std::chrono::days(1);
  while (!nyse::is_session(next)) next += std::chrono::days(1);
  return nyse::close_of(next);
}

Result<PipelineStatus> read_status(pg::Control& control, const Pipeline& pipeline, Instant now) {
  const TableInfo& table = pipeline.routes.front().load.table;
  ICINGEST_TRY_LET(PipelineStatus status, control.transact("read the status", [&](pqxx::work& tx) {
    return read(tx, std::string(pipeline.name), std::string(table.name), pipeline.notes);
  }));
  if (!table.year_column.empty()) {
    ICINGEST_TRY_LET(const pg::TableLayout layout, pg::read_layout(control, table));
    status.building = layout.building;
  }
  if (table.bucket_kind == BucketKind::session && status.newest_bucket) {
    status.newest_session = Date(std::chrono::days(*status.newest_bucket));
    status.overdue_since = overdue_since(*status.newest_session, now);
  }
  status.freshness = freshness(status);
  return status;
}

}  // namespace icingest::run
