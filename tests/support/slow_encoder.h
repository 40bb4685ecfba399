// slow_encoder.h: NUMERIC and other fields of binary COPY, written the obvious way: strings of digits, one
// byte after the other. The fast encoder is compared with it on random rows and by the fuzzer.
#pragma once

#include <cstdint>
#include <string>

namespace icingest::test {

// `text` is plain decimal notation ("-0.50"); `scale` the digits behind the point that are written.
[[nodiscard]] std::string slow_numeric(const std::string& text, int scale);
[[nodiscard]] std::string slow_int8(std::int64_t value);
[[nodiscard]] std::string slow_text(const std::string& value);
inline const std::string kSlowNull = std::string("\xff\xff\xff\xff", 4);

}  // namespace icingest::test
