#include "icingest/universe.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#define XXH_INLINE_ALL  // a symbol hashes in fewer cycles than a call takes
#include <xxhash.h>

namespace icingest {

Universe Universe::of(std::vector<std::string> symbols) {
  Universe universe;
  universe.everything_ = false;
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  universe.symbols_ = std::move(symbols);
  universe.slots_.resize(std::bit_ceil(universe.symbols_.size() * 2 + 1));
  const std::size_t mask = universe.slots_.size() - 1;
  for (std::uint32_t number = 0; number < universe.symbols_.size(); ++number) {
    const std::string& symbol = universe.symbols_[number];
    const std::uint64_t hash = XXH3_64bits(symbol.data(), symbol.size());
    std::size_t at = hash & mask;
    while (universe.slots_[at].number != kNone) at = (at + 1) & mask;
    universe.slots_[at] = {static_cast<std::uint32_t>(hash >> 32), number};
  }
  return universe;
}

bool Universe::find(std::string_view symbol) const {
  const std::uint64_t hash = XXH3_64bits(symbol.data(), symbol.size());
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].number != kNone; at = (at + 1) & mask) {
    if (slots_[at].tag == static_cast<std::uint32_t>(hash >> 32) && symbols_[slots_[at].number] == symbol)
      return true;
  }
  return false;
}

std::string Universe::fingerprint() const {
  XXH64_hash_t hash = everything_ ? 1 : 0;
  for (const std::string& symbol : symbols_) hash = XXH3_64bits_withSeed(symbol.data(), symbol.size(), hash);
  return fmt::format("{:016x}", hash);
}

}  // namespace icingest
