#include "load/side_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "icingest/copy_encoder.h"
#include "load/loader.h"
#include "load/prove.h"
#include "load/tuples.h"
#include "pg/identifier.h"

namespace icingest::load {

Result<void> SideTables::create(pg::PgConn& conn, const std::vector<TableInfo>& tables) {
  for (const TableInfo& table : tables) ICINGEST_TRY(Staging(table).create(conn));
  return {};
}

Result<void> SideTables::copy(pg::PgConn& conn, const std::string& sql, const Group& group,
                              std::size_t number, bool staged, std::int64_t& copied) {
  ICINGEST_TRY(conn.copy_begin(sql));
  ICINGEST_TRY(conn.copy_send(copy::kHeader));
  for (const auto& job : group) {
    if (job->side_batches.empty()) continue;
    std::string_view rows = job->side_batches.at(number).rows.view();
    if (staged) {
      scratch_.clear();
      append_staged(rows, scratch_);
      rows = scratch_.view();
    }
    ICINGEST_TRY(conn.copy_send(rows));
  }
  ICINGEST_TRY(conn.copy_send(copy::kTrailer));
  ICINGEST_TRY_LET(copied, conn.copy_end());
  return {};
}

Result<void> SideTables::load(pg::PgConn& conn, const Group& group, bool staged, Merged& merged) {
  std::vector<std::int64_t> owners;
  for (const auto& job : group) {
    if (!job->side_batches.empty()) owners.push_back(job->unit->entity);
  }
  if (owners.empty()) return {};
  const std::vector<TableInfo>& tables = *group.front()->side_tables;
  for (std::size_t number = 0; number < tables.size(); ++number) {
    const TableInfo& table = tables[number];
    const Staging staging(table);
    const std::string sql = staged ? staging.copy_sql()
                                   : fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)",
                                                 pg::quote_table(table.name), column_list(table));
    Merged one;
    ICINGEST_TRY(copy(conn, sql, group, number, staged, one.inserted));
    if (staged) {
      ICINGEST_TRY_LET(one, staging.merge(conn, owners));
    } else {
      for (const auto& job : group) {
        if (job->side_batches.empty()) continue;
        const auto& buckets = job->side_batches[number].buckets;
        one.deltas.insert(one.deltas.end(), buckets.begin(), buckets.end());
      }
    }
    ICINGEST_TRY(checkpoint::LedgerWriter::add_proofs(conn, table.name, one.deltas));
    merged.inserted += one.inserted;
    merged.updated += one.updated;
    merged.unchanged += one.unchanged;
    merged.removed += one.removed;
  }
  return {};
}

}  // namespace icingest::load
