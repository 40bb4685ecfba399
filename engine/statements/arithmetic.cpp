#include "statements/arithmetic.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace icingest::statements {
namespace {

constexpr int kMaxDigits = 38;

bool fits(Int128 mantissa) {
  return mantissa < power_of_ten(kMaxDigits) && mantissa > -power_of_ten(kMaxDigits);
}

std::optional<Int128> multiply(Int128 a, Int128 b) {
  Int128 product = 0;
  if (__builtin_mul_overflow(a, b, &product) || !fits(product)) return std::nullopt;
  return product;
}

int digits_of(const Decimal& value) {
  const Decimal short_form = trimmed(value);
  Int128 mantissa = short_form.mantissa();
  int count = 0;
  while (mantissa != 0 && mantissa % 10 == 0) mantissa /= 10;
  for (; mantissa != 0; mantissa /= 10) ++count;
  return count;
}

}  // namespace

std::optional<Decimal> plus(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale(), b.scale());
  bool rounded = false;
  Int128 left = 0;
  Int128 right = 0;
  if (a.at_scale(scale, left, rounded) != Fault::none || b.at_scale(scale, right, rounded) != Fault::none) {
    return std::nullopt;
  }
  const Int128 sum = left + right;
  if (!fits(sum)) return std::nullopt;
  return Decimal(sum, scale);
}

std::optional<Decimal> minus(const Decimal& a, const Decimal& b) {
  return plus(a, Decimal(-b.mantissa(), b.scale()));
}

std::optional<Decimal> times(const Decimal& a, std::int64_t factor) {
  const auto product = multiply(a.mantissa(), factor);
  if (!product) return std::nullopt;
  return Decimal(*product, a.scale());
}

std::optional<Decimal> divide(const Decimal& a, const Decimal& b, int places) {
  if (b.zero()) return std::nullopt;
  // a.m/10^a.s / (b.m/10^b.s) = a.m * 10^(b.s - a.s) / b.m; one more power of ten per place wanted.
  const int shift = places + b.scale() - a.scale();
  if (shift > kMaxDigits || shift < -kMaxDigits) return std::nullopt;
  const auto numerator = multiply(a.mantissa(), shift > 0 ? power_of_ten(shift) : 1);
  const auto denominator = multiply(b.mantissa(), shift < 0 ? power_of_ten(-shift) : 1);
  if (!numerator || !denominator) return std::nullopt;
  Int128 quotient = *numerator / *denominator;
  const Int128 remainder = *numerator % *denominator;
  const auto twice = multiply(remainder < 0 ? -remainder : remainder, 2);
  const Int128 size = *denominator < 0 ? -*denominator : *denominator;
  if (!twice) return std::nullopt;
  if (*twice > size || (*twice == size && quotient % 2 != 0)) {
    quotient += (*numerator < 0) == (*denominator < 0) ? 1 : -1;
  }
  return Decimal(quotient, places);
}

Decimal absolute(const Decimal& a) { return a.negative() ? Decimal(-a.mantissa(), a.scale()) : a; }

Decimal trimmed(const Decimal& a) {
  Int128 mantissa = a.mantissa();
  int scale = a.scale();
  while (scale > 0 && mantissa % 10 == 0) mantissa /= 10, --scale;
  return {mantissa, scale};
}

bool says_more(const Decimal& a, const Decimal& b) {
  const int a_digits = digits_of(a);
  const int b_digits = digits_of(b);
  if (a_digits != b_digits) return a_digits > b_digits;
  return b < a;
}

double approx(const Decimal& a) {
  static const auto kParts = [] {
    std::array<double, Decimal::kMaxScale + 1> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = std::pow(10.0, -static_cast<int>(i));
    return parts;
  }();
  const auto small = static_cast<std::int64_t>(a.mantissa());
  const double mantissa =
      small == a.mantissa() ? static_cast<double>(small) : static_cast<double>(a.mantissa());
  return a.scale() == 0 ? mantissa : mantissa * kParts[static_cast<std::size_t>(a.scale())];
}

}  // namespace icingest::statements
