#include "cli/inspect_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/json_writer.h"
#include "core/log.h"
#include "core/text.h"
#include "load/prove.h"
#include "pg/schema.h"
#include "pg/year_partitions.h"
#include "run/run_setup.h"
#include "run/status.h"

namespace icingest::cli {
namespace {

constexpr std::size_t kShownDifferences = 20;

// Commands that only look do not start a server for it, and do not create a ledger.
Result<pg::Control> open_ledger(Context& context) {
  ICINGEST_TRY_LET(const auto db, context.database_if_running());
  const std::string remedy =
      "run `icingest prices --years 10 --resume`, or start the server with `icingest db start`";
  if (!db) return later_error("the private PostgreSQL does not run", remedy);
  ICINGEST_TRY_LET(pg::Control control, pg::Control::connect(*db));
  ICINGEST_TRY_LET(const bool has_ledger, pg::has_ledger(control));
  if (!has_ledger)
    return person_error(fmt::format("{} has no ledger: nothing was loaded by icingest", db->display()),
                        remedy);
  return control;
}

struct DatasetRow {
  std::string_view pipeline;
  TableInfo table;
};

// Every table that pipelines prove, each once.
std::vector<DatasetRow> proved_tables(const std::vector<Pipeline>& pipelines, const std::string& only) {
  std::vector<DatasetRow> tables;
  std::set<std::string_view> seen;
  for (const Pipeline& pipeline : pipelines) {
    if (!only.empty() && pipeline.name != only) continue;
    for (const TableInfo* const table : run::tables_of(pipeline)) {
      if (!table->updates_only && seen.insert(table->name).second) tables.push_back({pipeline.name, *table});
    }
  }
  return tables;
}

std::string bucket_name(const TableInfo& table, std::int64_t bucket) {
  switch (table.bucket_kind) {
    case BucketKind::session: return to_string(Date(std::chrono::days(bucket)));
    case BucketKind::number: return std::to_string(bucket);
    case BucketKind::whole: break;
  }
  return "all";
}

// "2026-11-20 21:03:39Z"
std::string for_a_column(Instant instant) {
  std::string text = to_string(instant);
  if (const std::size_t t = text.find('T'); t != std::string::npos) text[t] = ' ';
  return text;
}

struct Verification {
  std::int64_t buckets = 0;
  std::int64_t rows = 0;
  std::vector<std::string> differences;
};

void compare(const TableInfo& table, const checkpoint::Proofs& ledger, const checkpoint::Proofs& actual,
             Verification& result) {
  std::set<std::int64_t> buckets;
  for (const auto& [bucket, proof] : ledger) buckets.insert(bucket);
  for (const auto& [bucket, proof] : actual) buckets.insert(bucket);
  const auto find = [](const checkpoint::Proofs& proofs, std::int64_t bucket) {
    const auto found = proofs.find(bucket);
    return found == proofs.end() ? checkpoint::Proof{} : found->second;
  };
  for (const std::int64_t bucket : buckets) {
    const checkpoint::Proof wanted = find(ledger, bucket);
    const checkpoint::Proof is = find(actual, bucket);
    ++result.buckets;
    result.rows += is.rows;
    if (wanted.rows != is.rows) {
      result.differences.push_back(fmt::format("{} {}: {} rows in the table, {} in the ledger", table.name,
                                               bucket_name(table, bucket), is.rows, wanted.rows));
    } else if (wanted.digest != is.digest) {
      result.differences.push_back(fmt::format(
          "{} {}: {} rows as in the ledger, but other values (digest {} instead of {})", table.name,
          bucket_name(table, bucket), is.rows, to_string(is.digest), to_string(wanted.digest)));
    }
  }
}

// Shows the years that a run left under construction; a sentence for each.
Result<std::string> finish_years(pg::Control& control, const pg::DbConfig& db) {
  std::string said;
  // Whoever is at work has rows for them.
  ICINGEST_TRY_LET(const bool idle, control.transact("look for runs", [](pqxx::work& tx) {
    return tx.exec("SELECT pg_try_advisory_lock(hashtextextended('icingest.run', 0))").front()[0].as<bool>();
  }));
  for (const DatasetRow& dataset : proved_tables(all_pipelines(), {})) {
    if (dataset.table.year_column.empty()) continue;
    ICINGEST_TRY_LET(const pg::TableLayout layout, pg::read_layout(control, dataset.table));
    if (layout.building.empty()) continue;
    if (!idle) {
      said += fmt::format("  a run is at work, which finishes the years of {} under construction\n",
                          dataset.table.name);
      continue;
    }
    ICINGEST_TRY_LET(pg::PgConn conn, pg::PgConn::connect(db, std::chrono::seconds(10)));
    for (const int year : layout.building) {
      ICINGEST_TRY(pg::finish_year(conn, dataset.table, year));
      said += fmt::format("  finished {} {}, which was under construction\n", dataset.table.name, year);
    }
  }
  return said;
}

}  // namespace

Result<Output> run_migrate(Context& context) {
  ICINGEST_TRY_LET(const pg::DbConfig db, context.database());
  ICINGEST_TRY_LET(pg::Control control, pg::Control::connect(db));
  const std::vector<Pipeline> pipelines = all_pipelines();
  const std::vector<pg::WantedSchema> wanted = run::wanted_schemas(pipelines);
  ICINGEST_TRY_LET(const auto differences, pg::migrate(control, checkpoint::ledger_ddl(), wanted));
  ICINGEST_TRY_LET(const auto finished, finish_years(control, db));
  const bool blocked =
      std::any_of(differences.begin(), differences.end(), [](const auto& d) { return d.blocking; });
  const ExitCode exit = blocked ? ExitCode::person : ExitCode::complete;
  if (context.settings().json) {
    JsonWriter json;
    json.begin_object()
        .number("schema", 1)
        .text("command", "migrate")
        .number("exit_code", static_cast<int>(exit))
        .begin_array("differences");
    for (const pg::Difference& one : differences) {
      json.begin_object()
          .text("what", one.what)
          .text("sql", one.sql)
          .boolean("applied", one.applied)
          .boolean("blocking", one.blocking)
          .end_object();
    }
    return Output{exit, json.end_array().end_object().str() + "\n"};
  }
  std::string out = fmt::format("{}: {}\n", db.display(),
                                differences.empty() ? "the schema is as it should be" : "differences:");
  for (const pg::Difference& one : differences) {
    out += fmt::format("  {:<8} {}\n           {}\n",
                       one.applied    ? "mended"
                       : one.blocking ? "BLOCKED"
                                      : "open",
                       one.what, one.sql);
  }
  return Output{exit, out + finished};
}

Result<Output> run_status(Context& context) {
  ICINGEST_TRY_LET(pg::Control control, open_ledger(context));
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", "status")
      .number("exit_code", 0)
      .begin_array("pipelines");
  std::string out = fmt::format("{:<10} {:>14} {:>12} {:<14} {:<22} {:<6} units\n", "pipeline", "rows",
                                "newest", "freshness", "last run", "exit");
  for (const Pipeline& pipeline : all_pipelines()) {
    ICINGEST_TRY_LET(const run::PipelineStatus status,
                     run::read_status(control, pipeline, context.clock().now()));
    const std::string newest = status.newest_session ? to_string(*status.newest_session) : "-";
    const std::string last_run = status.last_run ? for_a_column(status.last_run->started) : "never";
    std::string last_exit;
    if (status.last_run) {
      last_exit =
          status.last_run->exit_code ? std::to_string(*status.last_run->exit_code) : "running or killed";
    }
    json.begin_object()
        .text("pipeline", pipeline.name)
        .number("rows", status.rows)
        .text("newest", newest)
        .text("freshness", status.freshness);
    json.text("last_run", last_run)
        .text("last_exit", last_exit)
        .number("rejected", status.rejected)
        .begin_object("units");
    std::string units;
    for (const auto& [state, count] : status.units) {
      json.number(state, count);
      units += fmt::format("{}{} {}", units.empty() ? "" : ", ", text::grouped(count), state);
    }
    json.end_object().begin_object("reasons");
    for (const auto& [reason, count] : status.reasons) json.number(reason, count);
    json.end_object().begin_object("findings");
    for (const auto& [word, count] : status.notes) json.number(word, count);
    json.end_object().begin_array("building");
    for (const int year : status.building) json.number("", year);
    json.end_array().begin_array("workers");
    for (const run::WorkerStatus& worker : status.workers) {
      json.begin_object().text("host", worker.host).number("pid", worker.pid).number("units", worker.units);
      json.text("started", for_a_column(worker.started))
          .text("heartbeat", for_a_column(worker.heartbeat))
          .end_object();
    }
    json.end_array().end_object();
    if (status.rejected > 0) units += fmt::format(" ({} rows rejected)", text::grouped(status.rejected));
    out += fmt::format("{:<10} {:>14} {:>12} {:<14} {:<22} {:<6} {}\n", pipeline.name,
                       text::grouped(status.rows), newest, status.freshness, last_run, last_exit,
                       units.empty() ? "-" : units);
    const auto list = [&](std::string_view what, const auto& counts) {
      std::string line;
      for (const auto& [word, count] : counts)
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", text::grouped(count), word);
      if (!line.empty()) out += fmt::format("           {}: {}\n", what, line);
    };
    list("units without data", status.reasons);
    list("findings", status.notes);
    for (const run::WorkerStatus& worker : status.workers) {
      out += fmt::format("           at work: {} process {}, holds {} units, last heard of {}\n", worker.host,
                         worker.pid, text::grouped(worker.units), for_a_column(worker.heartbeat));
    }
    if (!status.building.empty()) {
      out += fmt::format(
          "           years under construction, which readers do not see yet: {}; the next run, or `icingest migrate`, finishes them\n",
          fmt::join(status.building, ", "));
    }
  }
  return Output{ExitCode::complete,
                context.settings().json ? json.end_array().end_object().str() + "\n" : out};
}

Result<Output> run_verify(Context& context, const std::string& pipeline) {
  ICINGEST_TRY_LET(pg::Control control, open_ledger(context));
  ICINGEST_TRY_LET(const auto db, context.database_if_running());
  ICINGEST_TRY_LET(pg::PgConn conn, pg::PgConn::connect(*db, std::chrono::seconds(10)));
  // Table and ledger as of one moment, also while a run is at work.
  ICINGEST_TRY(conn.exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  Verification result;
  std::string out;
  for (const DatasetRow& dataset : proved_tables(all_pipelines(), pipeline)) {
    // Rows of a table that no run has looked at yet are others', and there is nothing to hold them against.
    ICINGEST_TRY_LET(const auto adopted,
                     checkpoint::Ledger(control).meta(fmt::format("adopted:{}", dataset.table.name)));
    if (!adopted) {
      out += fmt::format("{:<10} {:<14} not loaded by icingest yet\n", dataset.pipeline, dataset.table.name);
      continue;
    }
    Verification one;
    ICINGEST_TRY_LET(const checkpoint::Proofs ledger, checkpoint::read_proofs(conn, dataset.table.name));
    ICINGEST_TRY_LET(const checkpoint::Proofs actual,
                     load::prove(conn, dataset.table, [&](std::int64_t rows) {
                       log::debug("{}: {} rows read", dataset.table.name, text::grouped(rows));
                     }));
    compare(dataset.table, ledger, actual, one);
    out += fmt::format("{:<10} {:<14} {:>14} rows in {:>6} {}: {}\n", dataset.pipeline, dataset.table.name,
                       text::grouped(one.rows), text::grouped(one.buckets),
                       dataset.table.bucket_kind == BucketKind::session ? "sessions" : "parts",
                       one.differences.empty() ? "count and digest agree with the ledger"
                                               : fmt::format("{} DIFFER", one.differences.size()));
    result.buckets += one.buckets;
    result.rows += one.rows;
    result.differences.insert(result.differences.end(), one.differences.begin(), one.differences.end());
  }
  const ExitCode exit = result.differences.empty() ? ExitCode::complete : ExitCode::person;
  for (std::size_t i = 0; i < std::min(result.differences.size(), kShownDifferences); ++i)
    out += "  " + result.differences[i] + "\n";
  if (result.differences.size() > kShownDifferences)
    out += fmt::format("  … and {} more\n", result.differences.size() - kShownDifferences);
  if (exit != ExitCode::complete)
    out += "  to mend: run the pipeline for those sessions without --resume, and verify again\n";
  if (!context.settings().json) return Output{exit, out};
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", "verify")
      .number("exit_code", static_cast<int>(exit));
  json.number("buckets", result.buckets)
      .number("rows", result.rows)
      .number("different", static_cast<std::int64_t>(result.differences.size()));
  json.begin_array("differences");
  for (const std::string& difference : result.differences) json.text("", difference);
  return Output{exit, json.end_array().end_object().str() + "\n"};
}

Result<Output> run_rejects(Context& context, const std::string& pipeline, std::int64_t limit) {
  ICINGEST_TRY_LET(pg::Control control, open_ledger(context));
  using Rows = std::vector<std::vector<std::string>>;
  ICINGEST_TRY_LET(const Rows rows, control.transact("read the rejects", [&](pqxx::work& tx) {
    Rows found;
    for (const auto& row :
         tx.exec_params("SELECT pipeline, unit, reason, column_name, raw, source, "
                        "to_char(rejected_at, 'YYYY-MM-DD HH24:MI:SS') || 'Z' "
                        "FROM icingest.rejects WHERE $1 = '' OR pipeline = $1 ORDER BY id DESC LIMIT $2",
                        pipeline, limit)) {
      std::vector<std::string> fields;
      for (const auto& field : row) fields.push_back(field.as<std::string>());
      found.push_back(std::move(fields));
    }
    return found;
  }));
  if (context.settings().json) {
    JsonWriter json;
    json.begin_object()
        .number("schema", 1)
        .text("command", "rejects")
        .number("exit_code", 0)
        .begin_array("rejects");
    for (const auto& row : rows) {
      json.begin_object()
          .text("pipeline", row[0])
          .text("unit", row[1])
          .text("reason", row[2])
          .text("column", row[3])
          .text("raw", row[4]);
      json.text("source", row[5]).text("at", row[6]).end_object();
    }
    return Output{ExitCode::complete, json.end_array().end_object().str() + "\n"};
  }
  std::string out = rows.empty() ? "no rejected rows\n" : "";
  for (const auto& row : rows) {
    out += fmt::format("{} {} {} {}{}\n  {}\n  from {}\n", row[6], row[0], row[1], row[2],
                       row[3].empty() ? "" : " in " + row[3], text::printable(row[4], 400), row[5]);
  }
  return Output{ExitCode::complete, out};
}

}  // namespace icingest::cli
