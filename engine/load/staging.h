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
  std::int64_t removed = 0;         // of a table whose units replace what they brought before
  std::vector<BucketDelta> deltas;  // what the change means for the proofs
};

class Staging {
 public:
  explicit Staging(const TableInfo& table);

  Result<void> create(pg::PgConn& conn) const;
  // COPY statement that takes staged tuples (tuples.h).
  [[nodiscard]] const std::string& copy_sql() const { return copy_sql_; }
  // Merges what the transaction has staged. `owners`: entities of which everything is staged, where the table has
  // owners; their other rows are removed.
  Result<Merged> merge(pg::PgConn& conn, const std::vector<std::int64_t>& owners = {}) const;

 private:
  // Takes the rows that a COPY TO gives, each behind its bucket, off the proofs; gives their number.
  Result<std::int64_t> subtract_rows(pg::PgConn& conn, const std::string& copy_sql, std::int64_t rows_each,
                                     std::vector<BucketDelta>& deltas) const;
  Result<void> remove_others(pg::PgConn& conn, const std::vector<std::int64_t>& owners, Merged& merged) const;

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
  std::string others_;  // rows of owners that are not staged: FROM and WHERE up to the list of owners
};

}  // namespace icingest::load
