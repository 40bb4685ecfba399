// decimal.h: an exact decimal number, from a JSON or CSV token to a NUMERIC column, never through a double.
//
// Shape     value = mantissa * 10^-scale, scale 0..36, |mantissa| < 10^38
// Errors    parse() gives a Fault: malformed (not a number), out_of_range (more than 38 digits, or 36
//           decimals, are needed)
// Threads   values only
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest {

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

class Decimal {
 public:
  static constexpr int kMaxScale = 36;

  constexpr Decimal() = default;
  constexpr Decimal(Int128 mantissa, int scale) : mantissa_(mantissa), scale_(scale) {}

  // Any JSON number form: "25933.6", "1.24e+06", "642646396.0", "-0.5". Trailing blanks are the caller's to cut.
  [[nodiscard]] static Fault parse(std::string_view token, Decimal& out) {
    return parse_short(token, out) ? Fault::none : parse_any(token, out);
  }

  [[nodiscard]] constexpr Int128 mantissa() const { return mantissa_; }
  [[nodiscard]] constexpr int scale() const { return scale_; }
  [[nodiscard]] constexpr bool negative() const { return mantissa_ < 0; }
  [[nodiscard]] constexpr bool zero() const { return mantissa_ == 0; }

  // The mantissa this value has at `scale`, rounded half-even where digits must go. `rounded` is set when
  // digits other than zeros were cut. out_of_range when it does not fit.
  //   25933.6 at scale 0 → 25934 (rounded);  2.5 at 0 → 2 (rounded);  41 at 6 → 41000000
  [[nodiscard]] Fault at_scale(int scale, Int128& out, bool& rounded) const;

  // Plain notation, as many decimals as scale says: Decimal(-5, 1) is "-0.5".
  [[nodiscard]] std::string to_string() const;

  // Equal in value: 1.50 == 1.5.
  [[nodiscard]] friend bool operator==(const Decimal& a, const Decimal& b) { return compare(a, b) == 0; }
  [[nodiscard]] friend bool operator<(const Decimal& a, const Decimal& b) { return compare(a, b) < 0; }

 private:
  // "25933.6" and its like: up to 18 digits, no exponent. False when the token is anything else, sound or not.
  [[nodiscard]] static bool parse_short(std::string_view token, Decimal& out);
  [[nodiscard]] static Fault parse_any(std::string_view token, Decimal& out);
  [[nodiscard]] static int compare(const Decimal& a, const Decimal& b);

  Int128 mantissa_ = 0;
  int scale_ = 0;
};

inline bool Decimal::parse_short(std::string_view token, Decimal& out) {
  const char* at = token.data();
  const char* const end = at + token.size();
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  constexpr std::ptrdiff_t kMostCharacters = 19;  // 18 digits and a point stay below 2^63
  if (at == end || end - at > kMostCharacters || (*at == '0' && at + 1 != end && at[1] != '.')) return false;
  std::uint64_t mantissa = 0;
  const char* const first = at;
  for (unsigned digit = 0; at != end && (digit = static_cast<unsigned char>(*at) - unsigned{'0'}) <= 9;
       ++at) {
    mantissa = mantissa * 10 + digit;
  }
  if (at == first || at - first > 18) return false;
  int scale = 0;
  if (at != end) {
    if (*at++ != '.' || at == end) return false;
    scale = static_cast<int>(end - at);
    for (; at != end; ++at) {
      const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
      if (digit > 9) return false;
      mantissa = mantissa * 10 + digit;
    }
  }
  const auto magnitude = static_cast<std::int64_t>(mantissa);
  out = Decimal(negative ? -magnitude : magnitude, scale);
  return true;
}

// 10^exponent for 0 <= exponent <= 38.
[[nodiscard]] Int128 power_of_ten(int exponent);

}  // namespace icingest
