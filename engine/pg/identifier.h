// identifier.h: names and texts as SQL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace icingest::pg {

// name → "name", quotes doubled.
[[nodiscard]] inline std::string quote_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted += '"';
}

// A table with its schema, where it names one: icingest.findings → "icingest"."findings".
[[nodiscard]] inline std::string quote_table(std::string_view table) {
  const std::size_t point = table.find('.');
  if (point == std::string_view::npos) return quote_name(table);
  return quote_name(table.substr(0, point)) + "." + quote_name(table.substr(point + 1));
}

// text → 'text', quotes doubled. Standard strings: backslashes are plain.
[[nodiscard]] inline std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted += '\'';
}

// {"a", "b,c"} → the literal of a text[]: {"a","b,c"}.
[[nodiscard]] inline std::string array_literal(const std::vector<std::string>& items) {
  std::string literal = "{";
  for (const std::string& item : items) {
    if (literal.size() > 1) literal += ',';
    literal += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') literal += '\\';
      literal += c;
    }
    literal += '"';
  }
  return literal += '}';
}

}  // namespace icingest::pg
