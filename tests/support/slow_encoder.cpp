#include "support/slow_encoder.h"

#include <algorithm>
#include <vector>

namespace icingest::test {
namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::string without_leading_zeros(const std::string& digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

std::string without_trailing_zeros(const std::string& digits) {
  return digits.substr(0, digits.find_last_not_of('0') + 1);
}

// Takes the decimal digits off the front of `text`.
std::string take_digits(std::string_view& text) {
  const std::string digits(text.substr(0, text.find_first_not_of("0123456789")));
  text.remove_prefix(digits.size());
  return digits;
}

// digits * 10^-decimals; exponents beyond a thousand look like a thousand, which no column holds either.
SlowNumber number_of(bool negative, std::string digits, long decimals) {
  if (without_leading_zeros(digits).empty()) return {};
  decimals = std::clamp(decimals, -1000L, 1000L);
  if (decimals < 0) digits.append(static_cast<std::size_t>(-decimals), '0');
  const auto behind = static_cast<std::size_t>(std::max(decimals, 0L));
  if (digits.size() < behind) digits.insert(0, behind - digits.size(), '0');
  return {.negative = negative,
          .integer = without_leading_zeros(digits.substr(0, digits.size() - behind)),
          .fraction = without_trailing_zeros(digits.substr(digits.size() - behind))};
}

std::string plus_one(std::string digits) {
  auto at = digits.rbegin();
  for (; at != digits.rend() && *at == '9'; ++at) *at = '0';
  if (at == digits.rend()) return '1' + digits;
  ++*at;
  return digits;
}

unsigned at16(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

}  // namespace

std::string SlowNumber::text() const {
  return (negative && !zero() ? "-" : "") + (integer.empty() ? "0" : integer) +
         (fraction.empty() ? "" : "." + fraction);
}

std::optional<SlowNumber> slow_parse(std::string_view token) {
  const bool negative = token.starts_with('-');
  if (negative) token.remove_prefix(1);
  const std::string integer = take_digits(token);
  if (integer.empty() || (integer.size() > 1 && integer[0] == '0')) return std::nullopt;
  std::string fraction;
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    fraction = take_digits(token);
    if (fraction.empty()) return std::nullopt;
  }
  long exponent = 0;
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    const bool shrinks = token.starts_with('-');
    if (shrinks || token.starts_with('+')) token.remove_prefix(1);
    const std::string digits = take_digits(token);
    if (digits.empty()) return std::nullopt;
    for (const char digit : digits) exponent = std::min(exponent * 10 + (digit - '0'), 1'000'000L);
    if (shrinks) exponent = -exponent;
  }
  if (!token.empty()) return std::nullopt;
  SlowNumber number = number_of(negative, integer + fraction, static_cast<long>(fraction.size()) - exponent);
  number.written = without_leading_zeros(integer + fraction).size();
  return number;
}

SlowNumber slow_round(SlowNumber number, std::size_t scale) {
  if (number.fraction.size() <= scale) return number;
  const std::string cut = number.fraction.substr(scale);
  std::string kept = '0' + number.integer + number.fraction.substr(0, scale);
  const bool last_is_odd = (kept.back() - '0') % 2 != 0;
  if (cut > "5" || (cut == "5" && last_is_odd)) kept = plus_one(kept);
  return number_of(number.negative, kept, static_cast<long>(scale));
}

std::optional<SlowNumber> slow_read_numeric(std::string_view field) {
  if (field.size() < 8 || (at16(field, 4) != 0 && at16(field, 4) != 0x4000)) return std::nullopt;
  const std::size_t groups = at16(field, 0);
  if (field.size() != 8 + 2 * groups) return std::nullopt;
  std::string digits;
  for (std::size_t i = 0; i < groups; ++i) {
    const std::string group = std::to_string(at16(field, 8 + 2 * i));
    if (group.size() > 4) return std::nullopt;
    digits += std::string(4 - group.size(), '0') + group;
  }
  const long weight = static_cast<std::int16_t>(at16(field, 2));
  return number_of(at16(field, 4) != 0, digits, 4 * (static_cast<long>(groups) - weight - 1));
}

std::string slow_numeric(const std::string& text, int scale) {
  std::string digits = text;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (negative) digits.erase(0, 1);
  std::string fraction;
  if (const auto point = digits.find('.'); point != std::string::npos) {
    fraction = digits.substr(point + 1);
    digits.erase(point);
  }
  fraction.resize(static_cast<std::size_t>(scale), '0');
  const bool zero = std::all_of(digits.begin(), digits.end(), [](char c) { return c == '0'; }) &&
                    std::all_of(fraction.begin(), fraction.end(), [](char c) { return c == '0'; });
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (digits.size() % 4 != 0) digits.insert(0, "0");
  while (fraction.size() % 4 != 0) fraction += '0';
  std::vector<int> groups;
  const std::string all = digits + fraction;
  for (std::size_t i = 0; i < all.size(); i += 4) groups.push_back(std::stoi(all.substr(i, 4)));
  if (zero) groups.clear();
  std::string out;
  put(out, 8 + 2 * groups.size(), 4);
  put(out, groups.size(), 2);
  put(out, static_cast<std::uint64_t>(zero ? 0 : static_cast<int>(digits.size() / 4) - 1), 2);
  put(out, negative && !zero ? 0x4000 : 0, 2);
  put(out, static_cast<std::uint64_t>(scale), 2);
  for (const int group : groups) put(out, static_cast<std::uint64_t>(group), 2);
  return out;
}

std::string slow_int8(std::int64_t value) {
  std::string out;
  put(out, 8, 4);
  put(out, static_cast<std::uint64_t>(value), 8);
  return out;
}

std::string slow_int4(std::int32_t value) {
  std::string out;
  put(out, 4, 4);
  put(out, static_cast<std::uint64_t>(value), 4);
  return out;
}

std::string slow_bool(bool value) { return {'\0', '\0', '\0', '\1', value ? '\1' : '\0'}; }

std::string slow_text(const std::string& value) {
  std::string out;
  put(out, value.size(), 4);
  return out + value;
}

}  // namespace icingest::test
