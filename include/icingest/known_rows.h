// known_rows.h: what a table holds already, for decoders whose rows follow from all that was ever delivered.
//
// Shape     one row at a time, every column as the text PostgreSQL gives it; nothing for null
// Lifetime  the texts die with the call
// Threads   any
// Errors    an outage is waited out; what comes through is for the run to end with
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "icingest/result.h"
#include "icingest/table.h"

namespace icingest {

class KnownRows {
 public:
  using Row = std::span<const std::optional<std::string_view>>;
  using Each = std::function<Result<void>(Row)>;

  virtual ~KnownRows() = default;
  // Rows of `table` in which the integer column `column` is `value`, with the table's columns in its order.
  [[nodiscard]] virtual Result<void> each(const TableInfo& table, std::string_view column, std::int64_t value,
                                          const Each& row) = 0;
};

}  // namespace icingest
