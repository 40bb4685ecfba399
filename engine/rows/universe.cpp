#include "icingest/universe.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace icingest {

std::size_t Universe::Hash::operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }

Universe Universe::of(std::vector<std::string> symbols) {
  Universe universe;
  universe.everything_ = false;
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  universe.symbols_ = std::move(symbols);
  universe.index_.reserve(universe.symbols_.size());
  for (const std::string& symbol : universe.symbols_) universe.index_.insert(symbol);
  return universe;
}

std::string Universe::fingerprint() const {
  XXH64_hash_t hash = everything_ ? 1 : 0;
  for (const std::string& symbol : symbols_) hash = XXH3_64bits_withSeed(symbol.data(), symbol.size(), hash);
  return fmt::format("{:016x}", hash);
}

}  // namespace icingest
