#include "load/prove.h"

#include <fmt/format.h>

#include "load/tuples.h"
#include "pg/identifier.h"
#include "pg/year_partitions.h"

namespace icingest::load {
namespace {

constexpr std::int64_t kProgressRows = 100'000;

// Rows of the dataset, where several share the table.
std::string row_filter(const TableInfo& table) {
  std::string filter = "true";
  for (const ColumnInfo& column : table.columns) {
    if (column.constant.empty()) continue;
    filter += fmt::format(" AND {} = {}", pg::quote_name(column.name), pg::quote_text(column.constant));
  }
  return filter;
}

std::int64_t read_int8(std::string_view field) {
  std::uint64_t value = 0;
  std::memcpy(&value, field.data(), sizeof value);
  return static_cast<std::int64_t>(__builtin_bswap64(value));
}

}  // namespace

std::string column_list(const TableInfo& table, std::string_view prefix) {
  std::string list;
  for (const ColumnInfo& column : table.columns) {
    if (!list.empty()) list += ", ";
    list += fmt::format("{}{}", prefix, pg::quote_name(column.name));
  }
  return list;
}

Result<checkpoint::Proofs> prove(pg::PgConn& conn, const TableInfo& table,
                                 const std::function<void(std::int64_t)>& progress, std::string_view where) {
  checkpoint::Proofs proofs;
  Buffer scratch;
  std::int64_t rows = 0;
  TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
    checkpoint::Proof& proof = proofs[read_int8(*fields[0])];
    ++proof.rows;
    proof.digest.add(digest_of_fields(table, fields.data() + 1, scratch));
    if (++rows % kProgressRows == 0 && progress) progress(rows);
    return {};
  });
  ICINGEST_TRY_LET(const std::string source, pg::all_rows(conn, table, "r"));
  ICINGEST_TRY(
      conn.copy_out(fmt::format("COPY (SELECT {}, {} FROM {} WHERE {} AND {}) TO STDOUT (FORMAT binary)",
                                table.bucket_sql, column_list(table), source, row_filter(table), where),
                    [&](std::string_view bytes) { return reader.feed(bytes); }));
  ICINGEST_TRY(reader.finish());
  return proofs;
}

}  // namespace icingest::load
