// staging.h: rows that may meet existing rows: into a temporary table, compared as a set, and only what is
// new or differs is merged. Rows that are as they were are read and nothing else: no lock, no dead row, no
// WAL.
//
// Threads   one owner of the connection
// Lifetime  the temporary tables belong to the session; create() again after a reconnect
// Source    measured on 5 M unchanged rows, ON CONFLICT … DO UPDATE … WHERE locks and logs every one (774 MB
//           of WAL)
#pragma once

#include <string>
#include <vector>

#include "icingest/batch.h"
#include "icingest/table.h"
#include "pg/pg_conn.h"

namespace icingest::load {

struct Merged {
  std::int64_t inserted = 0;
  std::int64_t updated = 0;
  std::int64_t unchanged = 0;
  std::vector<BucketDelta> deltas;  // what the change means for the proofs
};

class Staging {
 public:
  explicit Staging(const TableInfo& table);

  Result<void> create(pg::PgConn& conn) const;
  // COPY statement that takes staged tuples (tuples.h).
  [[nodiscard]] const std::string& copy_sql() const { return copy_sql_; }
  // Merges what the transaction has staged.
  Result<Merged> merge(pg::PgConn& conn) const;

 private:
  Result<void> subtract_old_rows(pg::PgConn& conn, std::vector<BucketDelta>& deltas) const;

  const TableInfo& table_;
  std::string stage_;
  std::string diff_;
  std::string create_sql_;
  std::string copy_sql_;
  std::string diff_sql_;
  std::string old_rows_sql_;
  std::string update_sql_;
  std::string insert_sql_;
  std::string deltas_sql_;
};

}  // namespace icingest::load
