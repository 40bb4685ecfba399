// slow_encoder.h: NUMERIC and other fields of binary COPY, written the obvious way: strings of digits, one
// byte after the other. The fast encoder is compared with it on random rows and by the fuzzer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace icingest::test {

// A number as its digits: value = integer.fraction, no zeros in front of the integer or behind the fraction.
struct SlowNumber {
  bool negative = false;
  std::string integer;
  std::string fraction;
  std::size_t written = 0;  // digits of the token without its leading zeros

  [[nodiscard]] bool zero() const { return integer.empty() && fraction.empty(); }
  // Plain decimal notation; zero has no sign.
  [[nodiscard]] std::string text() const;
};

// A JSON number token; nothing when it is none.
[[nodiscard]] std::optional<SlowNumber> slow_parse(std::string_view token);
// Half-even at `scale` decimals.
[[nodiscard]] SlowNumber slow_round(SlowNumber number, std::size_t scale);
// The number in a NUMERIC field, length left out; nothing when the field is no finite number.
[[nodiscard]] std::optional<SlowNumber> slow_read_numeric(std::string_view field);

// `text` is plain decimal notation ("-0.50"); `scale` the digits behind the point that are written.
[[nodiscard]] std::string slow_numeric(const std::string& text, int scale);
[[nodiscard]] std::string slow_int8(std::int64_t value);
[[nodiscard]] std::string slow_int4(std::int32_t value);
[[nodiscard]] std::string slow_bool(bool value);
[[nodiscard]] std::string slow_text(const std::string& value);
inline const std::string kSlowNull = std::string("\xff\xff\xff\xff", 4);

}  // namespace icingest::test
