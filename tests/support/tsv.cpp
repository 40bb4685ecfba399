#include "support/tsv.h"

#include <cstdint>

#include "icingest/time.h"

namespace icingest::test {
namespace {

std::int64_t take(std::string_view& bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  bytes.remove_prefix(static_cast<std::size_t>(count));
  const int unused = 64 - 8 * count;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

std::string numeric_text(std::string_view field) {
  const std::int64_t groups = take(field, 2);
  const std::int64_t weight = take(field, 2);
  const bool negative = take(field, 2) != 0;
  const std::int64_t scale = take(field, 2);
  std::string integer;
  std::string fraction;
  for (std::int64_t i = 0; i < groups; ++i) {
    std::string digits = std::to_string(take(field, 2));
    digits.insert(0, 4 - digits.size(), '0');
    (i <= weight ? integer : fraction) += digits;
  }
  integer.erase(0, std::min(integer.find_first_not_of('0'), integer.size()));
  if (integer.empty()) integer = "0";
  fraction.resize(static_cast<std::size_t>(scale), '0');
  return (negative ? "-" : "") + integer + (scale > 0 ? "." + fraction : "");
}

std::string field_text(PgType type, std::string_view field) {
  const auto epoch = make_date(2000, 1, 1);
  switch (type) {
    case PgType::boolean: return field[0] != 0 ? "t" : "f";
    case PgType::int4:
    case PgType::int8: return std::to_string(take(field, static_cast<int>(field.size())));
    case PgType::date: return to_string(epoch + std::chrono::days(take(field, 4)));
    case PgType::timestamptz: return to_string(Instant(epoch) + std::chrono::microseconds(take(field, 8)));
    case PgType::numeric: return numeric_text(field);
    case PgType::text:
    case PgType::varchar: break;
  }
  return std::string(field);
}

}  // namespace

std::string to_tsv(const TableInfo& table, std::string_view tuples) {
  std::string out;
  for (const ColumnInfo& column : table.columns) out += (out.empty() ? "" : "\t") + std::string(column.name);
  out += '\n';
  while (!tuples.empty()) {
    const auto count = static_cast<std::size_t>(take(tuples, 2));
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t length = take(tuples, 4);
      if (i > 0) out += '\t';
      if (length < 0) {
        out += "\\N";
        continue;
      }
      out += field_text(table.columns.at(i).type.type, tuples.substr(0, static_cast<std::size_t>(length)));
      tuples.remove_prefix(static_cast<std::size_t>(length));
    }
    out += '\n';
  }
  return out;
}

}  // namespace icingest::test
