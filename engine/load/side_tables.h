// side_tables.h: the further tables of units that fill several: loaded in the transaction of the first one's rows.
//
// The COPY into the first table is open while a group gathers; those into the others follow when it has ended, from
// the batches that stay in memory until the commit anyway.
//
// Threads   one owner of the connection
// Lifetime  the temporary tables belong to the session; create() again after a reconnect
#pragma once

#include <memory>
#include <vector>

#include "load/staging.h"
#include "pg/pg_conn.h"

namespace icingest::load {

struct LoadJob;

class SideTables {
 public:
  using Group = std::vector<std::unique_ptr<LoadJob>>;

  // Makes the temporary tables for staging; outside a transaction.
  static Result<void> create(pg::PgConn& conn, const std::vector<TableInfo>& tables);
  // Loads what the group's jobs bring for their side tables, proofs included, and adds it to `merged`.
  Result<void> load(pg::PgConn& conn, const Group& group, bool staged, Merged& merged);

 private:
  Result<void> copy(pg::PgConn& conn, const std::string& sql, const Group& group, std::size_t number,
                    bool staged, std::int64_t& copied);

  Buffer scratch_;
};

}  // namespace icingest::load
