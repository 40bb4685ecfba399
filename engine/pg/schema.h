// schema.h: the tables as they should be against the tables as they are.
//
// The wanted schema is plain DDL, given by the pipelines. It is created for real in a scratch schema of a
// transaction, so that PostgreSQL itself says what it means, compared through the catalog, and thrown away.
// What is missing is added, what is too narrow is widened; nothing is narrowed and nothing is dropped.
//
// Threads   one owner of the connection
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "icingest/table.h"
#include "pg/control.h"

namespace icingest::pg {

// The DDL of one pipeline.
struct WantedSchema {
  std::string_view create;  // CREATE statements with unqualified names
  // Statements for tables that exist already; may be empty. Texts that the last one selects say what was done.
  std::string_view adopt;
  std::string_view views{};  // CREATE OR REPLACE statements for what stands on tables; may be empty
};

struct Difference {
  std::string what;       // "stock_prices.open is numeric(15,2), should be numeric(20,6)"
  std::string sql;        // what would mend it, or did
  bool applied = false;   // migrate() did it
  bool blocking = false;  // a run cannot go on with it, and migrate() must not decide it
};

// Creates or upgrades ledger and tables in one transaction, under a lock; gives every difference it found.
[[nodiscard]] Result<std::vector<Difference>> migrate(Control& control, std::string_view ledger_sql,
                                                      const std::vector<WantedSchema>& wanted);

// Creates the ledger, or brings one of an earlier version up to date, and creates the pipelines' tables where they
// are missing altogether; looks at nothing else.
Result<void> create_missing(Control& control, std::string_view ledger_sql,
                            const std::vector<WantedSchema>& wanted);

// Creates a pipeline's views and functions, or brings those of an earlier version up to date.
Result<void> create_views(Control& control, std::string_view pipeline, std::string_view sql);

// Whether the ledger's schema is there at all.
[[nodiscard]] Result<bool> has_ledger(Control& control);

// Differences between what COPY will send for `table` and what the catalog says; empty when the run may go
// on.
[[nodiscard]] Result<std::vector<Difference>> check_table(Control& control, const TableInfo& table);

}  // namespace icingest::pg
