#include "pg/year_partitions.h"

#include <fmt/format.h>

#include <vector>

#include "core/text.h"
#include "pg/identifier.h"

namespace icingest::pg {
namespace {

constexpr std::string_view kLedgerSchema = "icingest";
constexpr std::string_view kBoundsCheck = "icingest_year";
// A year of the whole market is 3 million rows, whose keys sort in memory with this much.
constexpr std::string_view kSortMemory = "256MB";

std::string partition_name(const TableInfo& table, int year) {
  return fmt::format("{}_{}", table.name, year);
}
std::string building_table(const TableInfo& table) { return fmt::format("{}_building", table.name); }

std::string qualified(std::string_view schema, std::string_view name) {
  return quote_name(schema) + "." + quote_name(name);
}

std::string first_instant(int year) { return to_string(new_york::midnight(make_date(year, 1, 1))); }

std::string bounds(int year) {
  return fmt::format("FOR VALUES FROM ('{}') TO ('{}')", first_instant(year), first_instant(year + 1));
}

// Years of the partitions of `parent` that carry our names.
std::set<int> partition_years(pqxx::work& tx, const TableInfo& table, const std::string& parent) {
  std::set<int> years;
  const std::string prefix = fmt::format("{}_", table.name);
  for (const auto& row :
       tx.exec_params("SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
                      "WHERE i.inhparent = to_regclass($1)",
                      parent)) {
    const auto name = row[0].as<std::string>();
    if (!name.starts_with(prefix)) continue;
    if (const auto year = text::parse_int(std::string_view(name).substr(prefix.size()))) {
      years.insert(static_cast<int>(*year));
    }
  }
  return years;
}

bool is_hypertable(pqxx::work& tx, const std::string& schema, const TableInfo& table) {
  if (tx.exec("SELECT to_regclass('timescaledb_information.hypertables')").front()[0].is_null()) return false;
  return !tx.exec_params(
                "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_schema = $1 AND hypertable_name = $2",
                schema, std::string(table.name))
              .empty();
}

// A table of the same columns and constraints, without indexes: they are built when the rows are in.
std::string like(const std::string& table) {
  return fmt::format(
      "(LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE)", table);
}

// An empty year of the table, with its indexes.
std::string make_partition(const std::string& schema, const TableInfo& table, int year) {
  return fmt::format("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} {}",
                     qualified(schema, partition_name(table, year)), qualified(schema, table.name),
                     bounds(year));
}

void make_building_table(pqxx::work& tx, const TableInfo& table, const TableLayout& layout) {
  tx.exec(fmt::format("CREATE TABLE IF NOT EXISTS {} {} PARTITION BY RANGE ({})", building_name(table),
                      like(qualified(layout.schema, table.name)), quote_name(table.year_column)));
}

Result<bool> exists(PgConn& conn, const std::string& name) {
  ICINGEST_TRY_LET(const PgResult found, conn.exec("SELECT to_regclass($1) IS NOT NULL", {name}));
  return found.text(0, 0) == "t";
}

// Statements that build the indexes of the real table on `partition`, each from its definition's USING on. The other
// streams are at work meanwhile: helpers would take their processors.
Result<std::vector<std::string>> index_statements(PgConn& conn, const TableInfo& table,
                                                  const std::string& partition) {
  ICINGEST_TRY_LET(const PgResult rows,
                   conn.exec("SELECT indisunique, pg_get_indexdef(indexrelid) FROM pg_index "
                             "WHERE indrelid = to_regclass($1) ORDER BY indexrelid",
                             {quote_name(table.name)}));
  std::vector<std::string> statements = {fmt::format("SET LOCAL maintenance_work_mem = '{}'", kSortMemory),
                                         "SET LOCAL max_parallel_maintenance_workers = 0"};
  for (int row = 0; row < rows.rows(); ++row) {
    const std::string_view definition = rows.text(row, 1);
    statements.push_back(fmt::format("CREATE {}INDEX ON {}{}", rows.text(row, 0) == "t" ? "UNIQUE " : "",
                                     partition, definition.substr(definition.find(" USING "))));
  }
  return statements;
}

Result<void> in_transaction(PgConn& conn, const std::vector<std::string>& statements) {
  ICINGEST_TRY(conn.exec("BEGIN"));
  for (const std::string& statement : statements) {
    if (Result<PgResult> done = conn.exec(statement); !done) {
      conn.rollback();
      return std::unexpected(std::move(done).error());
    }
  }
  ICINGEST_TRY(conn.exec("COMMIT"));  // in doubt or not: both steps find out for themselves what is done
  return {};
}

// First step: indexes, and the bounds as a constraint, so that attaching need not read the rows again.
Result<void> build_indexes(PgConn& conn, const TableInfo& table, const std::string& partition, int year) {
  ICINGEST_TRY_LET(const PgResult built,
                   conn.exec("SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2",
                             {partition, std::string(kBoundsCheck)}));
  if (built.rows() != 0) return {};
  ICINGEST_TRY_LET(auto statements, index_statements(conn, table, partition));
  statements.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})", partition,
                                   quote_name(kBoundsCheck), is_of_year(table, year)));
  return in_transaction(conn, statements);
}

// The schema the table is in, as the search path finds it.
Result<std::string> schema_of(PgConn& conn, const TableInfo& table) {
  ICINGEST_TRY_LET(const PgResult home,
                   conn.exec("SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                             "WHERE c.oid = to_regclass($1)",
                             {quote_name(table.name)}));
  if (home.rows() == 0)
    return person_error(fmt::format("table {} is gone", table.name), "run `icingest migrate`");
  return std::string(home.text(0, 0));
}

// What the planner needs for the keys: how many symbols and sessions there are, for which a small sample will do. Of the
// other columns, whose values cost ten times as much to sort, autovacuum takes its own samples.
constexpr const char* kSmallSample = "SET LOCAL default_statistics_target = 25";
std::string analyze_keys(const TableInfo& table, const std::string& partition) {
  std::string keys;
  for (const ColumnInfo& column : table.columns) {
    if (column.key) keys += (keys.empty() ? "" : ", ") + quote_name(column.name);
  }
  return fmt::format("ANALYZE {} ({})", partition, keys);
}

// Second step: from the building table into the real one. Short, because it locks both.
Result<void> move_year(PgConn& conn, const TableInfo& table, const std::string& partition, int year) {
  ICINGEST_TRY_LET(const std::string schema, schema_of(conn, table));
  const std::string moved = qualified(schema, partition_name(table, year));
  return in_transaction(
      conn,
      {fmt::format("ALTER TABLE {} DETACH PARTITION {}", building_name(table), partition),
       fmt::format("ALTER TABLE {} SET SCHEMA {}", partition, quote_name(schema)),
       fmt::format("ALTER TABLE {} RESET (autovacuum_enabled)", moved),
       fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}", qualified(schema, table.name), moved,
                   bounds(year)),
       fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", moved, quote_name(kBoundsCheck)),
       fmt::format(
           "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass({0})) THEN "
           "DROP TABLE {1}; END IF; END $$",
           quote_text(building_name(table)), building_name(table))});
}

}  // namespace

std::string building_name(const TableInfo& table) { return qualified(kLedgerSchema, building_table(table)); }

Result<bool> has_year(PgConn& conn, const TableInfo& table, int year) {
  return exists(conn, quote_name(partition_name(table, year)));
}

std::string is_of_year(const TableInfo& table, int year) {
  return fmt::format("{0} >= '{1}' AND {0} < '{2}'", quote_name(table.year_column), first_instant(year),
                     first_instant(year + 1));
}

Result<std::string> all_rows(PgConn& conn, const TableInfo& table, std::string_view alias) {
  ICINGEST_TRY_LET(const bool any_building, exists(conn, building_name(table)));
  if (!any_building) return fmt::format("{} AS {}", quote_table(table.name), alias);
  std::string columns;
  for (const ColumnInfo& column : table.columns)
    columns += (columns.empty() ? "" : ", ") + quote_name(column.name);
  return fmt::format("(SELECT {0} FROM {1} UNION ALL SELECT {0} FROM {2}) AS {3}", columns,
                     quote_table(table.name), building_name(table), alias);
}

Result<TableLayout> read_layout(Control& control, const TableInfo& table) {
  return control.transact("read the table's layout", [&](pqxx::work& tx) {
    TableLayout layout;
    const std::string name = quote_name(table.name);
    const auto found = tx.exec_params(
        "SELECT n.nspname, coalesce(p.partstrat = 'r' AND p.partnatts = 1 AND p.partattrs[0] = a.attnum, false), "
        "  (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal), "
        "  (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'), "
        "  (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid), "
        "  (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'), "
        "  (SELECT string_agg(attname, ' ' ORDER BY array_position(i.indkey::int2[], attnum)) FROM pg_index i "
        "   JOIN pg_attribute ON attrelid = c.oid AND attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisunique "
        "   GROUP BY indexrelid ORDER BY indexrelid LIMIT 1), "
        "  (SELECT count(*) FROM pg_stat_replication), current_setting('wal_level') "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 WHERE c.oid = to_regclass($1)",
        name, std::string(table.year_column));
    if (found.empty()) return layout;
    const auto& row = found.front();
    layout.schema = row[0].as<std::string>();
    layout.partitioned = row[1].as<bool>();
    layout.has_triggers = row[2].as<int>() > 0;
    layout.has_foreign_keys = row[3].as<int>() > 0;
    layout.indexes = row[4].as<int>();
    layout.has_checks = row[5].as<int>() > 0;
    const auto order = row[6].as<std::string>("");
    for (const std::string_view column : text::split(order, ' ')) {
      if (!column.empty()) layout.order.emplace_back(column);
    }
    layout.replicas = row[7].as<int>();
    layout.wal_level = row[8].as<std::string>();
    layout.hypertable = is_hypertable(tx, layout.schema, table);
    layout.attached = partition_years(tx, table, name);
    layout.building = partition_years(tx, table, building_name(table));
    return layout;
  });
}

Result<void> ensure_years(Control& control, const TableInfo& table, const TableLayout& layout,
                          const std::set<int>& years) {
  if (!layout.partitioned) return {};
  return control.transact("create partitions", [&](pqxx::work& tx) {
    for (const int year : years) {
      if (layout.attached.contains(year) || layout.building.contains(year)) continue;
      tx.exec(make_partition(layout.schema, table, year));
    }
  });
}

Result<void> begin_years(Control& control, const TableInfo& table, const TableLayout& layout,
                         const std::set<int>& years) {
  return control.transact("begin years aside", [&](pqxx::work& tx) {
    make_building_table(tx, table, layout);
    for (const int year : years) {
      if (layout.building.contains(year)) continue;
      // Autovacuum would lock the table against the building of its indexes.
      tx.exec(fmt::format("CREATE TABLE {} PARTITION OF {} {} WITH (autovacuum_enabled = false)",
                          qualified(kLedgerSchema, partition_name(table, year)), building_name(table),
                          bounds(year)));
    }
  });
}

Result<void> finish_year(PgConn& conn, const TableInfo& table, int year) {
  const std::string partition = qualified(kLedgerSchema, partition_name(table, year));
  ICINGEST_TRY_LET(const bool is_building, exists(conn, partition));
  if (is_building) {
    ICINGEST_TRY(build_indexes(conn, table, partition, year));
    ICINGEST_TRY(move_year(conn, table, partition, year));
  }
  return in_transaction(conn, {kSmallSample, analyze_keys(table, quote_name(partition_name(table, year)))});
}

Result<std::string> create_year(PgConn& conn, const TableInfo& table, int year) {
  ICINGEST_TRY_LET(const std::string schema, schema_of(conn, table));
  std::string partition = qualified(schema, partition_name(table, year));
  ICINGEST_TRY_LET(const bool is_there, exists(conn, partition));
  if (is_there) {
    return Failure(Error{.action = Action::restage,
                         .exit = ExitCode::later,
                         .message = fmt::format("table {} is there already", partition)});
  }
  ICINGEST_TRY(conn.exec(fmt::format("CREATE TABLE {} {}", partition, like(qualified(schema, table.name)))));
  return partition;
}

Result<void> attach_year(PgConn& conn, const TableInfo& table, int year) {
  ICINGEST_TRY_LET(const std::string schema, schema_of(conn, table));
  const std::string partition = qualified(schema, partition_name(table, year));
  ICINGEST_TRY_LET(auto statements, index_statements(conn, table, partition));
  statements.push_back(kSmallSample);
  statements.push_back(analyze_keys(table, partition));
  for (const std::string& statement : statements) ICINGEST_TRY(conn.exec(statement));
  // Last, because its lock on the table keeps the other streams' years waiting.
  ICINGEST_TRY(conn.exec(fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}", qualified(schema, table.name),
                                     partition, bounds(year))));
  return {};
}

Result<void> ensure_year(PgConn& conn, const TableInfo& table, int year) {
  ICINGEST_TRY_LET(const std::string schema, schema_of(conn, table));
  ICINGEST_TRY(conn.exec(make_partition(schema, table, year)));
  return {};
}

Result<void> undo_year(Control& control, const TableInfo& table, std::string_view pipeline, int year) {
  return control.transact("undo a year under construction", [&](pqxx::work& tx) {
    const Date first = make_date(year, 1, 1);
    const Date last = make_date(year, 12, 31);
    tx.exec(fmt::format("DROP TABLE {}", qualified(kLedgerSchema, partition_name(table, year))));
    tx.exec("SELECT icingest.fold_proofs()");
    tx.exec_params("DELETE FROM icingest.proofs WHERE dataset = $1 AND bucket BETWEEN $2 AND $3",
                   std::string(table.name), first.time_since_epoch().count(),
                   last.time_since_epoch().count());
    tx.exec_params(
        "UPDATE icingest.units SET state = 'failed', reason = 'undone', rows = 0, digest = '', etag = '', last_modified = '', generation = generation + 1 "
        "WHERE pipeline = $1 AND from_date <= $3::date AND to_date >= $2::date AND state = 'done'",
        std::string(pipeline), icingest::to_string(first), icingest::to_string(last));
  });
}

}  // namespace icingest::pg
