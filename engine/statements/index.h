// index.h: finds things by a hash: a flat table from hash to number; what is equal, its user says.
//
// Shape     numbers are those of a list its user keeps; each is added once
// Threads   one owner
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "icingest/time.h"

namespace icingest::statements {

class Index {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit Index(std::size_t expected) { slots_.resize(std::bit_ceil(expected + expected / 2 + 64)); }

  // The number with that hash for which `is_same` holds; kNone when there is none.
  template <class IsSame>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, IsSame&& is_same) const {
    const auto mark = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[at];
      if (slot.number == kNone) return kNone;
      if (slot.mark == mark && is_same(slot.number)) return slot.number;
    }
  }

  void add(std::uint64_t hash, std::uint32_t number) {
    if (++used_ * 4 > slots_.size() * 3) grow();
    place(slots_, {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash), number});
  }

 private:
  struct Slot {
    std::uint32_t mark = 0;
    std::uint32_t low = 0;
    std::uint32_t number = kNone;
  };
  static void place(std::vector<Slot>& slots, const Slot& slot) {
    std::size_t at = slot.low & (slots.size() - 1);
    while (slots[at].number != kNone) at = (at + 1) & (slots.size() - 1);
    slots[at] = slot;
  }
  void grow() {
    std::vector<Slot> larger(slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.number != kNone) place(larger, slot);
    }
    slots_.swap(larger);
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

[[nodiscard]] inline std::uint64_t mix(std::uint64_t hash) {
  hash *= 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 29;
}

// Of an accession number its end tells most; any other text is hashed by its first and last bytes too.
[[nodiscard]] inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const std::size_t some = text.size() < sizeof(last) ? text.size() : sizeof(last);
  if (some != 0) {
    std::memcpy(&first, text.data(), some);
    std::memcpy(&last, text.data() + text.size() - some, some);
  }
  return mix(mix(last + text.size()) ^ first);
}

[[nodiscard]] inline std::uint64_t hash_of(std::optional<Date> start, Date end) {
  const auto day = [](Date date) { return static_cast<std::uint32_t>(date.time_since_epoch().count()); };
  const std::uint64_t begin = start ? day(*start) : std::uint64_t{1} << 31;
  return mix(begin << 32 | day(end));
}

}  // namespace icingest::statements
