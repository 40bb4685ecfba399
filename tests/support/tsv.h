// tsv.h: encoded tuples as text, one line a row, for people to read. Written independently of the encoder:
// NUMERIC is put together digit by digit.
#pragma once

#include <string>
#include <string_view>

#include "icingest/table.h"

namespace icingest::test {

// Column names, then a line per tuple; null is \N, as in COPY.
[[nodiscard]] std::string to_tsv(const TableInfo& table, std::string_view tuples);

}  // namespace icingest::test
