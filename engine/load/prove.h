// prove.h: reads a table back and counts and digests what it holds, bucket by bucket, years under construction included.
//
// Threads   one owner of the connection
// Cost      one pass over the dataset's rows, about a million a second
#pragma once

#include <functional>

#include "checkpoint/ledger.h"
#include "icingest/table.h"
#include "pg/pg_conn.h"

namespace icingest::load {

// The dataset's rows as they are now, all or those that `where` chooses. `progress` is called now and then with the rows
// read so far.
[[nodiscard]] Result<checkpoint::Proofs> prove(pg::PgConn& conn, const TableInfo& table,
                                               const std::function<void(std::int64_t)>& progress = {},
                                               std::string_view where = "true");

// "time","ticker",… of a table, in its order.
[[nodiscard]] std::string column_list(const TableInfo& table, std::string_view prefix = {});

}  // namespace icingest::load
