// row_text.h: a row of a declared table as texts, as its columns would hold it.
//
// Shape     one text per column in the table's order; nothing for null. Numbers have the column's scale
// Threads   pure functions
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/decimal.h"
#include "icingest/table.h"
#include "icingest/time.h"

namespace icingest {

using RowText = std::vector<std::optional<std::string>>;

namespace detail {

inline std::string to_text(std::string_view value, const ColumnType&) { return std::string(value); }
inline std::string to_text(std::int64_t value, const ColumnType&) { return std::to_string(value); }
inline std::string to_text(Date value, const ColumnType&) { return to_string(value); }
inline std::string to_text(const Decimal& value, const ColumnType& type) {
  const bool any_scale = type.type == PgType::numeric && type.precision == 0;
  const int scale = type.type == PgType::numeric ? type.scale : 0;
  Int128 mantissa = 0;
  bool rounded = false;
  if (any_scale || value.at_scale(scale, mantissa, rounded) != Fault::none) return value.to_string();
  return Decimal(mantissa, scale).to_string();
}

}  // namespace detail

// Replaces `out`.
template <class Row, class... Columns>
void to_texts(const Table<Row, Columns...>& table, const Row& row, RowText& out) {
  out.clear();
  const auto add = [&](const auto& column) {
    const auto& value = row.*column.member;
    if constexpr (kIsOptional<std::remove_cvref_t<decltype(value)>>) {
      out.push_back(value ? std::optional(detail::to_text(*value, column.info.type)) : std::nullopt);
    } else {
      out.emplace_back(detail::to_text(value, column.info.type));
    }
  };
  std::apply([&](const auto&... column) { (add(column), ...); }, table.columns);
}

}  // namespace icingest
