// json_writer.h: one JSON object for --json, keys in the order they are given.
//
// Threads   one owner
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace icingest {

class JsonWriter {
 public:
  JsonWriter& begin_object(std::string_view key = {});
  JsonWriter& end_object();
  JsonWriter& begin_array(std::string_view key);
  JsonWriter& end_array();

  JsonWriter& text(std::string_view key, std::string_view value);
  JsonWriter& number(std::string_view key, std::int64_t value);
  JsonWriter& real(std::string_view key, double value);  // three decimals
  JsonWriter& boolean(std::string_view key, bool value);
  JsonWriter& null(std::string_view key);

  [[nodiscard]] const std::string& str() const { return out_; }

 private:
  void lead(std::string_view key);

  std::string out_;
};

}  // namespace icingest
