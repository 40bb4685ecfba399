#include "load/staging.h"

#include <fmt/format.h>

#include "load/prove.h"
#include "load/tuples.h"
#include "pg/identifier.h"

namespace icingest::load {
namespace {

// "a = b AND …" over the columns that `pick` takes.
template <class Pick, class Format>
std::string over_columns(const TableInfo& table, std::string_view separator, Pick pick, Format format) {
  std::string text;
  for (const ColumnInfo& column : table.columns) {
    if (!pick(column)) continue;
    if (!text.empty()) text += separator;
    text += format(pg::quote_name(column.name));
  }
  return text;
}
bool is_key(const ColumnInfo& column) { return column.key; }
bool is_value(const ColumnInfo& column) { return !column.key; }

std::string same_key(const TableInfo& table, std::string_view a, std::string_view b) {
  return over_columns(table, " AND ", is_key, [&](const std::string& name) {
    return fmt::format("{}.{} = {}.{}", a, name, b, name);
  });
}

}  // namespace

Staging::Staging(const TableInfo& table)
    : table_(table),
      stage_(pg::quote_name(fmt::format("icingest_stage_{}", table.name))),
      diff_(pg::quote_name(fmt::format("icingest_diff_{}", table.name))) {
  const std::string target = pg::quote_table(table.name);
  const std::string columns = column_list(table);
  std::string definitions;
  for (const ColumnInfo& column : table.columns) {
    definitions += fmt::format("{} {}, ", pg::quote_name(column.name), to_string(column.type));
  }
  definitions += "icingest_d01 bigint, icingest_d23 bigint";
  // Two datasets of one table differ in columns, so what an earlier one left is replaced.
  create_sql_ = fmt::format(
      "DROP TABLE IF EXISTS pg_temp.{0}, pg_temp.{1}; "
      "CREATE TEMP TABLE {0} ({2}) ON COMMIT DELETE ROWS; "
      "CREATE TEMP TABLE {1} ({2}, icingest_bucket bigint, icingest_exists boolean) ON COMMIT DELETE ROWS",
      stage_, diff_, definitions);
  copy_sql_ = fmt::format("COPY {} FROM STDIN (FORMAT binary)", stage_);

  const std::string keys = over_columns(table, ", ", is_key, [](const std::string& name) { return name; });
  const std::string delivered =
      table.prefer.empty()
          ? stage_
          : fmt::format("(SELECT DISTINCT ON ({0}) * FROM {1} ORDER BY {0}, {2}) AS preferred", keys, stage_,
                        table.prefer);
  const std::string differs =
      fmt::format("({}) IS DISTINCT FROM ({})",
                  over_columns(table, ", ", is_value, [](const std::string& name) { return "s." + name; }),
                  over_columns(table, ", ", is_value, [](const std::string& name) { return "t." + name; }));
  const std::string key_name = pg::quote_name([&] {
    for (const ColumnInfo& column : table.columns) {
      if (column.key) return column.name;
    }
    return std::string_view{};
  }());
  // Bounds as constants of the statement let the server leave other years' partitions alone.
  const std::string year = table.year_column.empty() ? "" : pg::quote_name(table.year_column);
  const std::string pruning =
      year.empty()
          ? ""
          : fmt::format(" AND t.{0} >= (SELECT min({0}) FROM {1}) AND t.{0} <= (SELECT max({0}) FROM {1})",
                        year, stage_);
  diff_sql_ = fmt::format(
      "INSERT INTO {0} SELECT s.*, t.{1} IS NOT NULL FROM (SELECT *, {2} AS icingest_bucket FROM {3}) AS s "
      "{4} JOIN {5} AS t ON {6}{7} WHERE {8}",
      diff_, key_name, table.bucket_sql, delivered, table.updates_only ? "" : "LEFT", target,
      same_key(table, "s", "t"), pruning,
      table.updates_only ? differs : fmt::format("t.{} IS NULL OR {}", key_name, differs));
  // Where a row can go from one owner to another, it leaves its old bucket.
  const std::string old_bucket = table.owner_column.empty() ? "d.icingest_bucket" : "t.icingest_old_bucket";
  const std::string old_table =
      table.owner_column.empty()
          ? target
          : fmt::format("(SELECT *, {} AS icingest_old_bucket FROM {})", table.bucket_sql, target);
  old_rows_sql_ = fmt::format(
      "COPY (SELECT {}, {} FROM {} AS d JOIN {} AS t ON {} WHERE d.icingest_exists) "
      "TO STDOUT (FORMAT binary)",
      old_bucket, column_list(table, "t."), diff_, old_table, same_key(table, "d", "t"));
  if (!table.owner_column.empty()) {
    others_ = fmt::format("FROM {} AS t WHERE NOT EXISTS (SELECT FROM {} AS s WHERE {}) AND t.{} = ANY ",
                          target, stage_, same_key(table, "s", "t"), pg::quote_name(table.owner_column));
  }
  update_sql_ =
      fmt::format("UPDATE {} AS t SET {} FROM {} AS d WHERE d.icingest_exists AND {}", target,
                  over_columns(table, ", ", is_value,
                               [](const std::string& name) { return fmt::format("{0} = d.{0}", name); }),
                  diff_, same_key(table, "d", "t"));
  insert_sql_ =
      fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE NOT icingest_exists ORDER BY {3}", target,
                  columns, diff_, keys);
  const auto lane = [](std::string_view column, int shift) {
    return fmt::format("(sum(({} >> {}) & 4294967295) % 4294967296)::bigint", column, shift);
  };
  deltas_sql_ = fmt::format("SELECT icingest_bucket, count(*){}, {}, {}, {}, {} FROM {} GROUP BY 1",
                            table.owner_column.empty() ? " FILTER (WHERE NOT icingest_exists)" : "",
                            lane("icingest_d01", 0), lane("icingest_d01", 32), lane("icingest_d23", 0),
                            lane("icingest_d23", 32), diff_);
}

Result<void> Staging::create(pg::PgConn& conn) const {
  ICINGEST_TRY(conn.exec(create_sql_));
  return {};
}

Result<std::int64_t> Staging::subtract_rows(pg::PgConn& conn, const std::string& copy_sql,
                                            std::int64_t rows_each, std::vector<BucketDelta>& deltas) const {
  Buffer scratch;
  std::int64_t rows = 0;
  TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
    std::uint64_t bucket = 0;
    std::memcpy(&bucket, fields[0]->data(), sizeof bucket);
    BucketDelta delta{.bucket = static_cast<std::int64_t>(__builtin_bswap64(bucket)), .rows = -rows_each};
    delta.digest.subtract(digest_of_fields(table_, fields.data() + 1, scratch));
    deltas.push_back(delta);
    ++rows;
    return {};
  });
  ICINGEST_TRY(conn.copy_out(copy_sql, [&](std::string_view bytes) { return reader.feed(bytes); }));
  ICINGEST_TRY(reader.finish());
  return rows;
}

Result<void> Staging::remove_others(pg::PgConn& conn, const std::vector<std::int64_t>& owners,
                                    Merged& merged) const {
  const std::string others = fmt::format("{}('{{{}}}'::bigint[])", others_, fmt::join(owners, ","));
  ICINGEST_TRY_LET(merged.removed,
                   subtract_rows(conn,
                                 fmt::format("COPY (SELECT {}, {} {}) TO STDOUT (FORMAT binary)",
                                             table_.bucket_sql, column_list(table_, "t."), others),
                                 1, merged.deltas));
  if (merged.removed == 0) return {};
  ICINGEST_TRY(conn.exec("DELETE " + others));
  return {};
}

Result<Merged> Staging::merge(pg::PgConn& conn, const std::vector<std::int64_t>& owners) const {
  Merged merged;
  if (!table_.owner_column.empty() && !owners.empty()) ICINGEST_TRY(remove_others(conn, owners, merged));
  ICINGEST_TRY_LET(const pg::PgResult staged, conn.exec(fmt::format("SELECT count(*) FROM {}", stage_)));
  ICINGEST_TRY_LET(const pg::PgResult differing, conn.exec(diff_sql_));
  merged.unchanged = staged.number(0, 0) - differing.affected();
  if (differing.affected() == 0) return merged;
  if (!table_.updates_only) {
    ICINGEST_TRY_LET(const pg::PgResult sums, conn.exec(deltas_sql_));
    for (int row = 0; row < sums.rows(); ++row) {
      BucketDelta delta{.bucket = sums.number(row, 0), .rows = sums.number(row, 1)};
      for (int lane = 0; lane < 4; ++lane) {
        delta.digest.lanes.at(static_cast<std::size_t>(lane)) =
            static_cast<std::uint32_t>(sums.number(row, 2 + lane));
      }
      merged.deltas.push_back(delta);
    }
    ICINGEST_TRY(subtract_rows(conn, old_rows_sql_, table_.owner_column.empty() ? 0 : 1, merged.deltas));
  }
  ICINGEST_TRY_LET(const pg::PgResult updated, conn.exec(update_sql_));
  merged.updated = updated.affected();
  if (!table_.updates_only) {
    ICINGEST_TRY_LET(const pg::PgResult inserted, conn.exec(insert_sql_));
    merged.inserted = inserted.affected();
  }
  return merged;
}

}  // namespace icingest::load
