#include "icingest/batch.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL  // one call per row is enough
#include <xxhash.h>

namespace icingest {

std::string to_string(const Digest& digest) {
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", digest.lanes[0], digest.lanes[1], digest.lanes[2],
                     digest.lanes[3]);
}

Digest digest_of(const char* bytes, std::size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(bytes, size);
  return {{static_cast<std::uint32_t>(hash.low64), static_cast<std::uint32_t>(hash.low64 >> 32),
           static_cast<std::uint32_t>(hash.high64), static_cast<std::uint32_t>(hash.high64 >> 32)}};
}

}  // namespace icingest
