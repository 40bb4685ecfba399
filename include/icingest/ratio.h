// ratio.h: an exact positive fraction, and decimals multiplied by it.
//
// Shape     numerator/denominator in lowest terms, each below 10^18
// Errors    a fraction that is zero, negative or needs more digits is invalid; so is every product with it
// Threads   values only
#pragma once

#include "icingest/decimal.h"

namespace icingest {

class Ratio {
 public:
  constexpr Ratio() = default;  // 1
  // Ratio::of(1, 4) is a quarter; decimals keep their digits: of(1, 1.021) is 1000/1021.
  [[nodiscard]] static Ratio of(const Decimal& numerator, const Decimal& denominator);

  [[nodiscard]] bool valid() const { return numerator_ > 0; }
  [[nodiscard]] bool is_one() const { return numerator_ == 1 && denominator_ == 1; }
  [[nodiscard]] Ratio inverse() const;
  [[nodiscard]] Ratio times(const Ratio& other) const;

  // value * ratio with `scale` decimals. Rounded once, half-even, from the exact product:
  //   300.35 * 1/4 at 6 → 75.087500;  41.77 * 1/3 at 6 → 13.923333;  5 * 1/2 at 0 → 2
  // out_of_range when the ratio is invalid or the digits do not fit.
  [[nodiscard]] Fault apply(const Decimal& value, int scale, Decimal& out) const;

  friend bool operator==(const Ratio&, const Ratio&) = default;

 private:
  Ratio(Int128 numerator, Int128 denominator);

  Int128 numerator_ = 1;
  Int128 denominator_ = 1;
};

}  // namespace icingest
