// year_partitions.h: yearly partitions of a table, and years that are built aside before readers see them.
//
// A year under construction is a bare table, without any index, in the ledger's schema: a partition of
// icingest.<table>_building, into which rows of all such years are copied. When the year is whole its indexes are
// built in one pass over sorted keys, which costs a quarter of keeping them during the load, and it moves into the
// real table. The catalog alone says what is under construction, so a process may die anywhere.
//
// Years     of New York: from 1 January 00:00 to the next
// Threads   one owner of the connection
// Errors    the statement's; finish_year() gives Action::restage when rows of the year break a unique index
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "icingest/table.h"
#include "pg/control.h"
#include "pg/pg_conn.h"

namespace icingest::pg {

// How a table is made, as far as a load has to know.
struct TableLayout {
  std::string schema;        // where the search path finds it
  bool partitioned = false;  // by range of the year column alone
  bool hypertable = false;
  bool has_triggers = false;  // on rows: they would not run for a year built aside
  bool has_foreign_keys = false;
  bool has_checks = false;  // on rows: which unit a refused row belongs to must be known
  int indexes = 0;
  std::vector<std::string> order;  // columns of its unique key, in the order of the index; empty: it has none
  std::set<int> attached;          // years with a partition of the name we give it
  std::set<int> building;          // years under construction
  // Of the server.
  int replicas = 0;
  std::string wal_level;
};
[[nodiscard]] Result<TableLayout> read_layout(Control& control, const TableInfo& table);

// "icingest"."stock_prices_building", where the rows of years under construction go.
[[nodiscard]] std::string building_name(const TableInfo& table);

// Whether the table has that year, by name.
[[nodiscard]] Result<bool> has_year(PgConn& conn, const TableInfo& table, int year);

// The rows of one New York year: a condition on the table's year column.
[[nodiscard]] std::string is_of_year(const TableInfo& table, int year);

// Rows of the table wherever they are: FROM item under the name `alias`.
[[nodiscard]] Result<std::string> all_rows(PgConn& conn, const TableInfo& table, std::string_view alias);

// Sees to empty partitions for these years where the table is partitioned and has none; other tables stay as they are.
Result<void> ensure_years(Control& control, const TableInfo& table, const TableLayout& layout,
                          const std::set<int>& years);

// Begins these years aside. What is under construction already stays as it is.
Result<void> begin_years(Control& control, const TableInfo& table, const TableLayout& layout,
                         const std::set<int>& years);

// Indexes a year under construction and moves it into the table; a year that is not under construction is no error.
// Can be repeated after dying at any point.
Result<void> finish_year(PgConn& conn, const TableInfo& table, int year);

// The three steps of a year that is made in one transaction, which is the caller's: a bare table, whose name comes back
// for COPY; its indexes and its place in the table; or, where rows may have to be merged, an empty partition. A year
// that is there already is an Error with Action::restage.
[[nodiscard]] Result<std::string> create_year(PgConn& conn, const TableInfo& table, int year);
Result<void> attach_year(PgConn& conn, const TableInfo& table, int year);
Result<void> ensure_year(PgConn& conn, const TableInfo& table, int year);

// Throws a year under construction away, with what the ledger says of its buckets and units: they are read again.
Result<void> undo_year(Control& control, const TableInfo& table, std::string_view pipeline, int year);

}  // namespace icingest::pg
