#include "core/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "core/text.h"

namespace icingest {

void JsonWriter::lead(std::string_view key) {
  if (!out_.empty() && out_.back() != '{' && out_.back() != '[') out_ += ',';
  if (!key.empty()) out_ += icingest::text::json_quote(key) + ":";
}

JsonWriter& JsonWriter::begin_object(std::string_view key) {
  lead(key);
  out_ += '{';
  return *this;
}
JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  return *this;
}
JsonWriter& JsonWriter::begin_array(std::string_view key) {
  lead(key);
  out_ += '[';
  return *this;
}
JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  return *this;
}
JsonWriter& JsonWriter::text(std::string_view key, std::string_view value) {
  lead(key);
  out_ += icingest::text::json_quote(value);
  return *this;
}
JsonWriter& JsonWriter::number(std::string_view key, std::int64_t value) {
  lead(key);
  out_ += std::to_string(value);
  return *this;
}
JsonWriter& JsonWriter::real(std::string_view key, double value) {
  lead(key);
  out_ += std::isfinite(value) ? fmt::format("{:.3f}", value) : "null";
  return *this;
}
JsonWriter& JsonWriter::boolean(std::string_view key, bool value) {
  lead(key);
  out_ += value ? "true" : "false";
  return *this;
}
JsonWriter& JsonWriter::null(std::string_view key) {
  lead(key);
  out_ += "null";
  return *this;
}

}  // namespace icingest
