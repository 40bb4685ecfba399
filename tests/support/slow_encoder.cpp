#include "support/slow_encoder.h"

#include <algorithm>
#include <vector>

namespace icingest::test {
namespace {

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace

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

std::string slow_text(const std::string& value) {
  std::string out;
  put(out, value.size(), 4);
  return out + value;
}

}  // namespace icingest::test
