#include "icingest/table.h"

#include <fmt/format.h>

namespace icingest {

std::string to_string(const ColumnType& type) {
  switch (type.type) {
    case PgType::boolean: return "boolean";
    case PgType::int4: return "integer";
    case PgType::int8: return "bigint";
    case PgType::text: return "text";
    case PgType::date: return "date";
    case PgType::timestamptz: return "timestamp with time zone";
    case PgType::varchar: return fmt::format("character varying({})", type.length);
    case PgType::numeric:
      return type.precision == 0 ? "numeric" : fmt::format("numeric({},{})", type.precision, type.scale);
  }
  return "unknown";
}

}  // namespace icingest
