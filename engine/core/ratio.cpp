#include "icingest/ratio.h"

namespace icingest {
namespace {

constexpr int kMostDigits = 18;

Int128 greatest_common_divisor(Int128 a, Int128 b) {
  while (b != 0) {
    const Int128 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

bool multiply(Int128 a, Int128 b, Int128& out) { return !__builtin_mul_overflow(a, b, &out); }

Int128 divide_half_even(Int128 dividend, Int128 divisor) {
  const Int128 quotient = dividend / divisor;
  const Int128 rest = dividend % divisor < 0 ? -(dividend % divisor) : dividend % divisor;
  const Int128 gap = divisor - rest;  // rest * 2 might not fit
  if (rest < gap || (rest == gap && quotient % 2 == 0)) return quotient;
  return dividend < 0 ? quotient - 1 : quotient + 1;
}

}  // namespace

Ratio::Ratio(Int128 numerator, Int128 denominator) : numerator_(0), denominator_(1) {
  if (numerator <= 0 || denominator <= 0) return;
  const Int128 common = greatest_common_divisor(numerator, denominator);
  if (numerator / common >= power_of_ten(kMostDigits) || denominator / common >= power_of_ten(kMostDigits))
    return;
  numerator_ = numerator / common;
  denominator_ = denominator / common;
}

Ratio Ratio::of(const Decimal& numerator, const Decimal& denominator) {
  const int scale = numerator.scale() > denominator.scale() ? numerator.scale() : denominator.scale();
  Int128 above = 0;
  Int128 below = 0;
  bool rounded = false;
  const bool fits = numerator.at_scale(scale, above, rounded) == Fault::none &&
                    denominator.at_scale(scale, below, rounded) == Fault::none;
  return fits ? Ratio(above, below) : Ratio(0, 0);
}

Ratio Ratio::inverse() const { return Ratio(denominator_, numerator_); }

// Both sides are below 10^18, so the products fit.
Ratio Ratio::times(const Ratio& other) const {
  return Ratio(numerator_ * other.numerator_, denominator_ * other.denominator_);
}

Fault Ratio::apply(const Decimal& value, int scale, Decimal& out) const {
  if (!valid()) return Fault::out_of_range;
  Int128 dividend = 0;
  Int128 divisor = denominator_;
  if (!multiply(value.mantissa(), numerator_, dividend)) return Fault::out_of_range;
  const int shift = scale - value.scale();
  Int128& scaled = shift >= 0 ? dividend : divisor;
  if (!multiply(scaled, power_of_ten(shift >= 0 ? shift : -shift), scaled)) return Fault::out_of_range;
  out = Decimal(divide_half_even(dividend, divisor), scale);
  return Fault::none;
}

}  // namespace icingest
