#include "pg/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/text.h"
#include "pg/identifier.h"

namespace icingest::pg {
namespace {

constexpr std::string_view kScratch = "icingest_wanted";

struct CatalogColumn {
  std::string type;  // format_type: "character varying(32)"
  std::string default_value;
  bool not_null = false;
};
using CatalogTable = std::map<std::string, CatalogColumn>;

// Columns of a table by name, empty when there is no such table. `schema` empty: what the search path finds.
CatalogTable read_columns(pqxx::work& tx, std::string_view schema, std::string_view table) {
  const std::string name = schema.empty() ? quote_table(table) : quote_name(schema) + "." + quote_name(table);
  CatalogTable columns;
  for (const auto& row : tx.exec_params(
           "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
           "       coalesce(pg_get_expr(d.adbin, d.adrelid), '') "
           "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
           "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped",
           name)) {
    columns[row[0].as<std::string>()] = {row[1].as<std::string>(), row[3].as<std::string>(),
                                         row[2].as<bool>()};
  }
  return columns;
}

// Column sets of the unique indexes that hold for every row.
std::set<std::string> read_unique_keys(pqxx::work& tx, const std::string& qualified_name) {
  std::set<std::string> keys;
  for (const auto& row : tx.exec_params(
           "SELECT (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FROM pg_attribute a "
           "        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) "
           "FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid "
           "AND i.indpred IS NULL AND i.indexprs IS NULL",
           qualified_name)) {
    if (!row[0].is_null()) keys.insert(row[0].as<std::string>());
  }
  return keys;
}

struct ParsedType {
  std::string base;  // "numeric"
  std::optional<int> first;
  int second = 0;
};

ParsedType parse_type(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return {std::string(text), std::nullopt, 0};
  const std::size_t close = text.find(')', open);
  ParsedType type{std::string(text.substr(0, open)), std::nullopt, 0};
  const auto modifiers = text::split(text.substr(open + 1, close - open - 1), ',');
  type.first = static_cast<int>(text::parse_int(modifiers[0]).value_or(0));
  if (modifiers.size() > 1) type.second = static_cast<int>(text::parse_int(modifiers[1]).value_or(0));
  return type;
}

bool is_text(const ParsedType& type) { return type.base == "text" || type.base == "character varying"; }

// Whether every value of `wanted` fits `actual`, and the binary form is the same.
bool covers(const ParsedType& actual, const ParsedType& wanted) {
  if (is_text(wanted) && is_text(actual)) {
    return !actual.first || (wanted.first && *actual.first >= *wanted.first);
  }
  if (actual.base != wanted.base) return false;
  if (wanted.base != "numeric" || !actual.first) return true;
  if (!wanted.first) return false;
  return *actual.first - actual.second >= *wanted.first - wanted.second && actual.second >= wanted.second;
}

// The narrowest type that holds both; nothing when a change of type would be a change of meaning.
std::optional<std::string> widened(const ParsedType& actual, const ParsedType& wanted,
                                   std::string_view wanted_text) {
  if (is_text(actual) && is_text(wanted)) return std::string(wanted_text);
  if (actual.base == "numeric" && wanted.base == "numeric" && actual.first && wanted.first) {
    const int scale = std::max(actual.second, wanted.second);
    const int integer = std::max(*actual.first - actual.second, *wanted.first - wanted.second);
    return fmt::format("numeric({},{})", integer + scale, scale);
  }
  const bool small_integer = actual.base == "smallint" || actual.base == "integer";
  if (small_integer && (wanted.base == "bigint" || wanted.base == "integer")) return std::string(wanted_text);
  return std::nullopt;
}

// One difference between a column that is and a column that should be.
std::optional<Difference> compare_type(std::string_view table, const std::string& column,
                                       const std::string& actual, const std::string& wanted) {
  const ParsedType actual_type = parse_type(actual);
  const ParsedType wanted_type = parse_type(wanted);
  if (covers(actual_type, wanted_type)) return std::nullopt;
  Difference difference{.what = fmt::format("{}.{} is {}, should be {}", table, column, actual, wanted)};
  const auto target = widened(actual_type, wanted_type, wanted);
  difference.blocking = !target;
  difference.sql = fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {}{};", quote_name(table),
                               quote_name(column), target.value_or(wanted),
                               target ? "" : fmt::format(" USING {}::{}", quote_name(column), wanted));
  return difference;
}

void apply(pqxx::work& tx, Difference& difference) {
  if (difference.blocking) return;
  pqxx::subtransaction attempt(tx, "difference");
  try {
    attempt.exec(difference.sql);
    attempt.commit();
    difference.applied = true;
  } catch (const pqxx::sql_error& error) {
    attempt.abort();
    difference.blocking = true;
    difference.what += fmt::format(" (the server refuses: {})", text::trim(error.what()));
  }
}

std::vector<std::string> tables_in_scratch(pqxx::work& tx) {
  std::vector<std::string> tables;
  for (const auto& row : tx.exec_params("SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace "
                                        "AND relkind IN ('r', 'p') ORDER BY oid",
                                        std::string(kScratch))) {
    tables.push_back(row[0].as<std::string>());
  }
  return tables;
}

void compare_with_scratch(pqxx::work& tx, const std::string& table, std::vector<Difference>& found) {
  const CatalogTable wanted = read_columns(tx, kScratch, table);
  const CatalogTable actual = read_columns(tx, {}, table);
  for (const auto& [name, column] : wanted) {
    const auto existing = actual.find(name);
    if (existing == actual.end()) {
      const bool has_default = !column.default_value.empty() && !column.default_value.starts_with("nextval");
      found.push_back(
          {.what = fmt::format("{}.{} is missing", table, name),
           .sql = fmt::format("ALTER TABLE {} ADD COLUMN {} {}{};", quote_name(table), quote_name(name),
                              column.type, has_default ? " DEFAULT " + column.default_value : "")});
    } else if (auto difference = compare_type(table, name, existing->second.type, column.type)) {
      found.push_back(std::move(*difference));
    }
  }
  const auto actual_keys = read_unique_keys(tx, quote_name(table));
  for (const std::string& key : read_unique_keys(tx, fmt::format("{}.{}", kScratch, quote_name(table)))) {
    if (actual_keys.contains(key) || key == "id") continue;  // a surrogate key is nobody's contract
    found.push_back({.what = fmt::format("{} has no unique index on ({})", table, key),
                     .sql = fmt::format("CREATE UNIQUE INDEX ON {} ({});", quote_name(table), key)});
  }
}

// The name behind the first CREATE TABLE.
std::string first_table_of(std::string_view create) {
  constexpr std::string_view kMark = "CREATE TABLE ";
  const std::size_t at = create.find(kMark);
  ICINGEST_CHECK(at != std::string_view::npos);
  const std::string_view rest = create.substr(at + kMark.size());
  return std::string(rest.substr(0, rest.find_first_of(" (\n")));
}

// Lets an existing table be ours, and says what that took.
void adopt(pqxx::work& tx, std::string_view sql, std::vector<Difference>& found) {
  pqxx::subtransaction attempt(tx, "adopt");
  try {
    const pqxx::result said = attempt.exec(std::string(sql));
    if (said.columns() == 1) {
      for (const auto& row : said)
        found.push_back({.what = row[0].as<std::string>(), .sql = "done", .applied = true});
    }
    attempt.commit();
  } catch (const pqxx::sql_error& error) {
    attempt.abort();
    found.push_back({.what = fmt::format("an existing table cannot be adopted: {}", text::trim(error.what())),
                     .sql = std::string(text::trim(sql)),
                     .blocking = true});
  }
}

// What stands on tables, once they are as they should be.
void replace_views(pqxx::work& tx, std::string_view sql, std::vector<Difference>& found) {
  pqxx::subtransaction attempt(tx, "views");
  try {
    attempt.exec(std::string(sql));
    attempt.commit();
  } catch (const pqxx::sql_error& error) {
    attempt.abort();
    found.push_back({.what = fmt::format("views cannot be created: {}", text::trim(error.what())),
                     .sql = "drop or rename what is in their place, and run `icingest migrate` again",
                     .blocking = true});
  }
}

void migrate_one(pqxx::work& tx, const WantedSchema& wanted, std::vector<Difference>& found) {
  tx.exec(fmt::format("CREATE SCHEMA {}", kScratch));
  const std::string path = tx.exec("SHOW search_path").front()[0].as<std::string>();
  tx.exec(fmt::format("SET LOCAL search_path = {}", kScratch));
  tx.exec(std::string(wanted.create));
  tx.exec(fmt::format("SET LOCAL search_path = {}", path));
  const std::vector<std::string> tables = tables_in_scratch(tx);
  const auto is_there = [&](const std::string& table) { return !read_columns(tx, {}, table).empty(); };
  const bool any_there = std::any_of(tables.begin(), tables.end(), is_there);
  // First, because it may bring columns along that would be found missing.
  if (any_there && !wanted.adopt.empty()) adopt(tx, wanted.adopt, found);
  bool any_missing = false;
  std::vector<Difference> differences;
  for (const std::string& table : tables) {
    if (is_there(table)) {
      compare_with_scratch(tx, table, differences);
    } else {
      any_missing = true;
      differences.push_back({.what = fmt::format("table {} is missing", table), .sql = "created"});
    }
  }
  tx.exec(fmt::format("DROP SCHEMA {} CASCADE", kScratch));
  if (any_missing && !any_there) {
    tx.exec(std::string(wanted.create));
    for (Difference& difference : differences) difference.applied = true;
  } else {
    for (Difference& difference : differences) apply(tx, difference);
  }
  found.insert(found.end(), std::make_move_iterator(differences.begin()),
               std::make_move_iterator(differences.end()));
}

// What a COPY of `table` needs of each column it fills.
void check_columns(const TableInfo& table, const CatalogTable& actual, std::vector<Difference>& found) {
  for (const ColumnInfo& column : table.columns) {
    const std::string name(column.name);
    const std::string alter = fmt::format("ALTER TABLE {} ", quote_table(table.name));
    const auto existing = actual.find(name);
    if (existing == actual.end()) {
      found.push_back(
          {.what = fmt::format("{}.{} is missing", table.name, name),
           .sql = fmt::format("{}ADD COLUMN {} {};", alter, quote_name(name), to_string(column.type))});
      continue;
    }
    if (auto difference = compare_type(table.name, name, existing->second.type, to_string(column.type))) {
      found.push_back(std::move(*difference));
    }
    if (existing->second.not_null && column.nullable) {
      found.push_back(
          {.what = fmt::format("{}.{} is NOT NULL, but the source leaves it out at times", table.name, name),
           .sql = fmt::format("{}ALTER COLUMN {} DROP NOT NULL;", alter, quote_name(name))});
    }
  }
}

// Columns that COPY would leave empty and that may not be.
void check_foreign_columns(const TableInfo& table, const CatalogTable& actual,
                           std::vector<Difference>& found) {
  for (const auto& [name, column] : actual) {
    const bool ours = std::any_of(table.columns.begin(), table.columns.end(),
                                  [&name = name](const ColumnInfo& info) { return info.name == name; });
    if (ours || !column.not_null || !column.default_value.empty()) continue;
    found.push_back(
        {.what = fmt::format("{}.{} is NOT NULL without a default, and no data fills it", table.name, name),
         .sql = fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL;", quote_table(table.name),
                            quote_name(name))});
  }
}

// Without its key, a table takes the same row twice.
void check_key(pqxx::work& tx, const TableInfo& table, std::vector<Difference>& found) {
  std::vector<std::string> names;
  for (const ColumnInfo& column : table.columns) {
    if (column.key) names.emplace_back(column.name);
  }
  const auto key =
      tx.exec_params("SELECT string_agg(quote_ident(k), ', ' ORDER BY k::name) FROM unnest($1::text[]) k",
                     array_literal(names))
          .front()[0]
          .as<std::string>();
  if (read_unique_keys(tx, quote_table(table.name)).contains(key)) return;
  found.push_back({.what = fmt::format("{} has no unique index on ({})", table.name, key),
                   .sql = fmt::format("CREATE UNIQUE INDEX ON {} ({});", quote_table(table.name), key)});
}

// The ledger remembers which text made it, so a run on one that an earlier version made brings it up to date.
constexpr const char* kLedgerMark = "ledger_ddl";

void create_ledger(pqxx::work& tx, std::string_view ledger_sql) {
  tx.exec(std::string(ledger_sql));
  tx.exec_params(
      "INSERT INTO icingest.meta VALUES ($1, md5($2)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      kLedgerMark, std::string(ledger_sql));
}

bool is_ledger_current(pqxx::work& tx, std::string_view ledger_sql) {
  if (tx.exec("SELECT to_regclass('icingest.meta')").front()[0].is_null()) return false;
  return !tx.exec_params("SELECT 1 FROM icingest.meta WHERE key = $1 AND value = md5($2)", kLedgerMark,
                         std::string(ledger_sql))
              .empty();
}

}  // namespace

Result<std::vector<Difference>> migrate(Control& control, std::string_view ledger_sql,
                                        const std::vector<WantedSchema>& wanted) {
  return control.transact("migrate", [&](pqxx::work& tx) {
    std::vector<Difference> found;
    tx.exec("SELECT pg_advisory_xact_lock(hashtext('icingest.migrate'))");
    create_ledger(tx, ledger_sql);
    for (const WantedSchema& schema : wanted) {
      migrate_one(tx, schema, found);
      if (!schema.views.empty()) replace_views(tx, schema.views, found);
    }
    return found;
  });
}

Result<void> create_missing(Control& control, std::string_view ledger_sql,
                            const std::vector<WantedSchema>& wanted) {
  return control.transact("create missing tables", [&](pqxx::work& tx) {
    tx.exec("SELECT pg_advisory_xact_lock(hashtext('icingest.migrate'))");
    if (!is_ledger_current(tx, ledger_sql)) create_ledger(tx, ledger_sql);
    for (const WantedSchema& schema : wanted) {
      if (read_columns(tx, {}, first_table_of(schema.create)).empty()) tx.exec(std::string(schema.create));
    }
  });
}

Result<void> create_views(Control& control, std::string_view pipeline, std::string_view sql) {
  return control.transact("create views", [&](pqxx::work& tx) {
    tx.exec("SELECT pg_advisory_xact_lock(hashtext('icingest.migrate'))");
    const std::string mark = fmt::format("views:{}", pipeline);
    if (!tx.exec_params("SELECT 1 FROM icingest.meta WHERE key = $1 AND value = md5($2)", mark,
                        std::string(sql))
             .empty())
      return;
    tx.exec(std::string(sql));
    tx.exec_params(
        "INSERT INTO icingest.meta VALUES ($1, md5($2)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        mark, std::string(sql));
  });
}

Result<bool> has_ledger(Control& control) {
  return control.transact("look for the ledger", [](pqxx::work& tx) {
    return !tx.exec("SELECT to_regclass('icingest.quotas')").front()[0].is_null();
  });
}

Result<std::vector<Difference>> check_table(Control& control, const TableInfo& table) {
  return control.transact("compare the table with the catalog", [&](pqxx::work& tx) {
    std::vector<Difference> found;
    const CatalogTable actual = read_columns(tx, {}, table.name);
    if (actual.empty()) {
      found.push_back({.what = fmt::format("table {} is missing", table.name),
                       .sql = "icingest migrate",
                       .blocking = true});
      return found;
    }
    check_columns(table, actual, found);
    if (!table.updates_only) check_foreign_columns(table, actual, found);
    check_key(tx, table, found);
    return found;
  });
}

}  // namespace icingest::pg
