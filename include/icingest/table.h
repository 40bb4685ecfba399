// table.h: how a pipeline declares the table its rows go to.
//
// Shape     a Row struct, and a constexpr Table that names each member's column and PostgreSQL type
// Errors    an unknown type or a type its member cannot fill does not compile
// Threads   constants
//
//   struct Bar { Instant time; std::string_view ticker; Decimal open; std::optional<Decimal> vwap; };
//   constexpr auto kStockPrices = table<Bar>("stock_prices",
//       key("time", &Bar::time, "timestamptz"), key("ticker", &Bar::ticker, "varchar(32)"),
//       column("open", &Bar::open, "numeric(20,6)"), column("vwap", &Bar::vwap, "numeric(20,6)"),
//       constant_key<Bar>("interval", "1day", "varchar(10)"));
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "icingest/decimal.h"
#include "icingest/time.h"

namespace icingest {

enum class PgType : std::uint8_t { boolean, int4, int8, numeric, text, varchar, date, timestamptz };

// A column's type with its modifiers. numeric without modifiers has precision 0; text has length 0.
struct ColumnType {
  PgType type = PgType::text;
  int precision = 0;  // numeric: all digits
  int scale = 0;      // numeric: digits behind the point
  int length = 0;     // varchar: characters
  friend bool operator==(const ColumnType&, const ColumnType&) = default;
};

// "numeric(20,6)", "varchar(32)", "int8", … In a constant expression an unknown name does not compile.
[[nodiscard]] constexpr ColumnType pg_type(std::string_view sql) {
  constexpr auto number = [](std::string_view text, std::size_t& at) {
    int value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') value = value * 10 + (text[at++] - '0');
    return value;
  };
  if (sql == "bool") return {.type = PgType::boolean};
  if (sql == "int4") return {.type = PgType::int4};
  if (sql == "int8") return {.type = PgType::int8};
  if (sql == "numeric") return {.type = PgType::numeric};
  if (sql == "text") return {.type = PgType::text};
  if (sql == "date") return {.type = PgType::date};
  if (sql == "timestamptz") return {.type = PgType::timestamptz};
  if (sql.starts_with("varchar(")) {
    std::size_t at = 8;
    return {.type = PgType::varchar, .length = number(sql, at)};
  }
  if (sql.starts_with("numeric(")) {
    std::size_t at = 8;
    const int precision = number(sql, at);
    ++at;  // the comma
    return {.type = PgType::numeric, .precision = precision, .scale = number(sql, at)};
  }
  throw "pg_type: unknown type";  // not a constant expression, so it stops the compiler
}

// The SQL spelling of a type: "numeric(20,6)".
[[nodiscard]] std::string to_string(const ColumnType& type);

struct ColumnInfo {
  std::string_view name;
  ColumnType type;
  bool key = false;
  bool nullable = false;
  std::string_view constant{};  // the one text every row of this dataset has here
};

// What a proof bucket stands for, so that people can read it.
enum class BucketKind : std::uint8_t { whole, session, number };

// A table without its Row type: for the catalog check, staging SQL, verify.
struct TableInfo {
  std::string_view name;
  std::vector<ColumnInfo> columns;
  BucketKind bucket_kind = BucketKind::whole;
  std::string_view bucket_sql = "0::bigint";  // over the table's columns; equals the C++ bucket function
  // ORDER BY list that picks one of several delivered rows with one key; empty: none
  std::string_view prefer;
  bool updates_only = false;  // rows whose key is not there are left out, and nothing is proved
  // partitioned by New York year of this column, where the table is ours to create
  std::string_view year_column;
  // A unit brings all rows whose value here is its entity: others of them are removed when it is loaded again.
  std::string_view owner_column{};
};

template <class>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class RowT, class Member>
struct Column {
  using Row = RowT;
  ColumnInfo info;
  Member RowT::*member;
};

template <class RowT>
struct ConstantColumn {
  using Row = RowT;
  ColumnInfo info;
  std::string_view value;  // info.constant
};

template <class Row, class Member>
constexpr auto column(std::string_view name, Member Row::*member, std::string_view type) {
  return Column<Row, Member>{{name, pg_type(type), false, kIsOptional<Member>}, member};
}
template <class Row, class Member>
constexpr auto key(std::string_view name, Member Row::*member, std::string_view type) {
  static_assert(!kIsOptional<Member>, "a key column cannot be null");
  return Column<Row, Member>{{name, pg_type(type), true, false}, member};
}
// A key column that holds one text in every row of this pipeline.
template <class Row>
constexpr auto constant_key(std::string_view name, std::string_view value, std::string_view type) {
  return ConstantColumn<Row>{{name, pg_type(type), true, false, value}, value};
}

template <class RowT, class... Columns>
struct Table {
  using Row = RowT;
  static constexpr std::size_t kColumns = sizeof...(Columns);

  std::string_view name;
  std::tuple<Columns...> columns;
  std::int64_t (*bucket)(const RowT&) = nullptr;
  BucketKind bucket_kind = BucketKind::whole;
  std::string_view bucket_sql = "0::bigint";
  std::string_view prefer_sql{};
  bool updates_only = false;
  std::string_view year_column{};
  std::string_view owner_column{};

  // Rows are proved (counted and digested) per bucket; `sql` computes the same number from the table's
  // columns.
  [[nodiscard]] constexpr Table proved_by(BucketKind kind, std::int64_t (*function)(const RowT&),
                                          std::string_view sql) const {
    Table copy = *this;
    copy.bucket_kind = kind;
    copy.bucket = function;
    copy.bucket_sql = sql;
    return copy;
  }
  // Which of several delivered rows with the same key stays: the first in this ORDER BY list.
  [[nodiscard]] constexpr Table prefer(std::string_view order_by) const {
    Table copy = *this;
    copy.prefer_sql = order_by;
    return copy;
  }
  // Only fills columns of rows that another dataset of the same table has put there.
  [[nodiscard]] constexpr Table only_updates() const {
    Table copy = *this;
    copy.updates_only = true;
    return copy;
  }
  // What a unit brings replaces everything that this integer column says is its entity's (Unit::entity).
  [[nodiscard]] constexpr Table owned_by(std::string_view column) const {
    Table copy = *this;
    copy.owner_column = column;
    return copy;
  }
  [[nodiscard]] constexpr Table partitioned_by_year(std::string_view column) const {
    Table copy = *this;
    copy.year_column = column;
    return copy;
  }
};

template <class Row, class... Columns>
constexpr auto table(std::string_view name, Columns... columns) {
  static_assert((std::is_same_v<Row, typename Columns::Row> && ...), "every column belongs to the same Row");
  return Table<Row, Columns...>{name, std::tuple<Columns...>(columns...)};
}

template <class Row, class... Columns>
[[nodiscard]] TableInfo describe(const Table<Row, Columns...>& table) {
  TableInfo info{table.name,        {},
                 table.bucket_kind, table.bucket_sql,
                 table.prefer_sql,  table.updates_only,
                 table.year_column, table.owner_column};
  std::apply([&](const auto&... column) { (info.columns.push_back(column.info), ...); }, table.columns);
  return info;
}

}  // namespace icingest
