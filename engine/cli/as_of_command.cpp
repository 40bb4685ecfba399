#include "cli/as_of_command.h"

#include <fmt/format.h>

#include <memory>

#include "core/json_writer.h"
#include "core/text.h"
#include "run/as_of.h"

namespace icingest::cli {
namespace {

bool is_number(const ColumnInfo& column) {
  return column.type.type == PgType::int4 || column.type.type == PgType::int8 ||
         column.type.type == PgType::numeric;
}

// RFC 4180; null is an empty field, an empty text "".
void append_csv(const std::optional<std::string>& value, std::string& line) {
  if (!value) return;
  if (!value->empty() && value->find_first_of(",\"\r\n") == std::string::npos) {
    line += *value;
    return;
  }
  line += '"';
  for (const char c : *value) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

std::string csv_line(const RowText& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += ',';
    append_csv(row[i], line);
  }
  return line += '\n';
}

std::string json_row(const TableInfo& table, const RowText& row) {
  std::string object = "{";
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) object += ',';
    object += text::json_quote(table.columns[i].name) + ":";
    if (!row[i]) object += "null";
    else object += is_number(table.columns[i]) ? *row[i] : text::json_quote(*row[i]);
  }
  return object += "}";
}

}  // namespace

Result<Output> run_as_of(Context& context, const Pipeline& pipeline, const run::IngestOptions& options) {
  ICINGEST_TRY_LET(const auto db, context.database_if_running());
  if (!db) return later_error("the private PostgreSQL does not run", "start it with `icingest db start`");
  ICINGEST_TRY_LET(run::Environment environment, context.offline_environment());
  const bool json = context.settings().json;
  const Date as_of = *options.as_of;
  // Printed as it comes: a whole market does not fit in memory.
  const auto stream = [&context, &pipeline, environment = std::move(environment), options, json,
                       as_of](const Output::Print& print) -> Result<void> {
    run::Session session(environment);
    const SignalWatch signals(context.stop(), std::chrono::milliseconds(4'500));
    const TableInfo& table = pipeline.as_of->table;
    if (json) {
      print(fmt::format(R"({{"schema":1,"command":"{}","as_of":"{}","rows":[)", pipeline.name,
                        to_string(as_of)));
    } else {
      RowText names;
      for (const ColumnInfo& column : table.columns) names.emplace_back(std::string(column.name));
      print(csv_line(names));
    }
    bool first = true;
    ICINGEST_TRY_LET(const std::int64_t rows,
                     run::read_as_of(session, environment, pipeline, options, as_of, [&](const RowText& row) {
                       if (!json) return print(csv_line(row));
                       print((first ? "" : ",") + json_row(table, row));
                       first = false;
                     }));
    if (json) print(fmt::format(R"(],"count":{},"exit_code":0}}{})", rows, "\n"));
    return {};
  };
  return Output{.stream = stream};
}

}  // namespace icingest::cli
