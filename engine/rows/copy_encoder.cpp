#include "icingest/copy_encoder.h"

#define XXH_INLINE_ALL  // keys are short: calls would take as long as hashing
#include <xxhash.h>

#include <algorithm>
#include <array>

namespace icingest::copy::detail {
namespace {

constexpr int kGroupDigits = 4;
constexpr std::uint32_t kBase = 10'000;

// Base-10000 groups of a number, most significant first, written from the end of a fixed space.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): nobody reads what is unset
class Groups {
 public:
  template <class Unsigned>
  void push_front(Unsigned value, int count) {
    for (int i = 0; i < count; ++i) push_front_one(value);
  }
  template <class Unsigned>
  void push_front_all(Unsigned value) {
    while (value != 0) push_front_one(value);
  }

  [[nodiscard]] int count() const { return static_cast<int>(groups_.size() - first_); }
  char* write(char* at) const {
    for (std::size_t i = first_; i < groups_.size(); ++i) at = put<std::uint16_t>(at, groups_[i]);
    return at;
  }

 private:
  template <class Unsigned>
  void push_front_one(Unsigned& value) {
    groups_[--first_] = static_cast<std::uint16_t>(value % kBase);
    value /= kBase;
  }

  std::array<std::uint16_t, 24> groups_;
  std::size_t first_ = 24;
};

template <class Unsigned>
char* put_groups(char* at, Unsigned magnitude, int scale, bool negative) {
  const auto unit = static_cast<Unsigned>(power_of_ten(scale));
  const int fraction_groups = (scale + kGroupDigits - 1) / kGroupDigits;
  const auto padding = static_cast<Unsigned>(power_of_ten(fraction_groups * kGroupDigits - scale));
  Groups groups;
  groups.push_front(static_cast<Unsigned>(magnitude % unit * padding), fraction_groups);
  groups.push_front_all(static_cast<Unsigned>(magnitude / unit));
  const int count = groups.count();
  at = put<std::int32_t>(at, 8 + 2 * count);
  at = put<std::int16_t>(at, static_cast<std::int16_t>(count));
  at = put<std::int16_t>(at, static_cast<std::int16_t>(count - fraction_groups - 1));
  at = put<std::uint16_t>(at, negative ? 0x4000 : 0);
  at = put<std::int16_t>(at, static_cast<std::int16_t>(scale));
  return groups.write(at);
}

}  // namespace

char* put_numeric(char* at, Int128 mantissa, int scale) {
  if (mantissa == 0) {
    at = put<std::int32_t>(at, 8);
    at = put<std::int16_t>(at, 0);
    at = put<std::int16_t>(at, 0);
    at = put<std::uint16_t>(at, 0);
    return put<std::int16_t>(at, static_cast<std::int16_t>(scale));
  }
  const bool negative = mantissa < 0;
  const auto magnitude = static_cast<Uint128>(negative ? -mantissa : mantissa);
  // 64-bit division is several times cheaper; scale 15 keeps the padded fraction below 2^64.
  if (magnitude >> 64 == 0 && scale <= 15) {
    return put_groups(at, static_cast<std::uint64_t>(magnitude), scale, negative);
  }
  return put_groups(at, magnitude, scale, negative);
}

std::uint64_t hash_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

}  // namespace icingest::copy::detail
