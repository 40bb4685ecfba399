#include "icingest/decimal.h"

#include <algorithm>
#include <array>

namespace icingest {
namespace {

constexpr int kMaxDigits = 38;

constexpr auto kPowers = [] {
  std::array<Int128, kMaxDigits + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// |mantissa| * 10^exponent, when it stays below 10^38.
bool scale_up(Int128& mantissa, int exponent) {
  if (mantissa == 0) return true;
  if (exponent > kMaxDigits) return false;
  const Int128 limit = kPowers[static_cast<std::size_t>(kMaxDigits - exponent)];
  if (mantissa >= limit || mantissa <= -limit) return false;
  mantissa *= kPowers[static_cast<std::size_t>(exponent)];
  return true;
}

struct Digits {
  std::uint64_t low = 0;   // the first 19 significant digits
  std::uint64_t high = 0;  // the next 19
  int count = 0;
};

// Appends the digits at `text`, leading zeros uncounted; gives how many characters they are, -1 above 38
// digits.
int take_digits(std::string_view text, Digits& digits) {
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    if (digits.count == 0 && digit == 0) continue;
    if (digits.count < 19) digits.low = digits.low * 10 + digit;
    else if (digits.count < kMaxDigits) digits.high = digits.high * 10 + digit;
    else return -1;
    ++digits.count;
  }
  return static_cast<int>(at);
}

// The exponent after 'e'. Beyond a hundred million, more than a body has digits, they are all alike.
bool take_exponent(std::string_view text, int& exponent) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), 100'000'000);
  if (negative) exponent = -exponent;
  return true;
}

}  // namespace

Int128 power_of_ten(int exponent) { return kPowers[static_cast<std::size_t>(exponent)]; }

Fault Decimal::parse_any(std::string_view token, Decimal& out) {
  const bool negative = !token.empty() && token[0] == '-';
  if (negative) token.remove_prefix(1);
  if (token.empty() || !is_digit(token[0])) return Fault::malformed;
  if (token.size() > 1 && token[0] == '0' && is_digit(token[1])) return Fault::malformed;

  Digits digits;
  int taken = take_digits(token, digits);
  if (taken < 0) return Fault::out_of_range;
  token.remove_prefix(static_cast<std::size_t>(taken));
  int decimals = 0;
  if (!token.empty() && token[0] == '.') {
    token.remove_prefix(1);
    decimals = take_digits(token, digits);
    if (decimals < 0) return Fault::out_of_range;
    if (decimals == 0) return Fault::malformed;
    token.remove_prefix(static_cast<std::size_t>(decimals));
  }
  int exponent = 0;
  if (!token.empty()) {
    if ((token[0] != 'e' && token[0] != 'E') || !take_exponent(token.substr(1), exponent))
      return Fault::malformed;
  }

  Int128 mantissa = digits.low;
  if (digits.count > 19)
    mantissa = mantissa * kPowers[static_cast<std::size_t>(digits.count - 19)] + digits.high;
  int scale = decimals - exponent;
  if (mantissa == 0) scale = std::clamp(scale, 0, kMaxScale);
  while (scale > kMaxScale && mantissa % 10 == 0) mantissa /= 10, --scale;
  if (scale > kMaxScale) return Fault::out_of_range;
  if (scale < 0) {
    if (!scale_up(mantissa, -scale)) return Fault::out_of_range;
    scale = 0;
  }
  out = Decimal(negative ? -mantissa : mantissa, scale);
  return Fault::none;
}

Fault Decimal::at_scale(int scale, Int128& out, bool& rounded) const {
  out = mantissa_;
  if (scale >= scale_) return scale_up(out, scale - scale_) ? Fault::none : Fault::out_of_range;
  const Int128 divisor = kPowers[static_cast<std::size_t>(scale_ - scale)];
  const Int128 quotient = mantissa_ / divisor;
  const Int128 remainder = mantissa_ % divisor;
  out = quotient;
  if (remainder == 0) return Fault::none;
  rounded = true;
  const Int128 twice = (remainder < 0 ? -remainder : remainder) * 2;
  const bool up = twice > divisor || (twice == divisor && quotient % 2 != 0);
  if (up) out += mantissa_ < 0 ? -1 : 1;
  return Fault::none;
}

std::string Decimal::to_string() const {
  std::string digits;
  Int128 rest = mantissa_ < 0 ? -mantissa_ : mantissa_;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  while (static_cast<int>(digits.size()) <= scale_) digits += '0';
  if (scale_ > 0) digits.insert(static_cast<std::size_t>(scale_), 1, '.');
  if (mantissa_ < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

int Decimal::compare(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale_, b.scale_);
  Int128 left = a.mantissa_;
  Int128 right = b.mantissa_;
  // What does not fit 38 digits at the finer scale is larger in magnitude than whatever does.
  const bool left_fits = scale_up(left, scale - a.scale_);
  const bool right_fits = scale_up(right, scale - b.scale_);
  if (!left_fits) return a.mantissa_ < 0 ? -1 : 1;
  if (!right_fits) return b.mantissa_ < 0 ? 1 : -1;
  return left < right ? -1 : left > right ? 1 : 0;
}

}  // namespace icingest
