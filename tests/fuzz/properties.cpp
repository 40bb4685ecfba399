#include "fuzz/properties.h"

#include <algorithm>
#include <array>

#include "icingest/result.h"

namespace icingest::fuzz {
namespace {

constexpr std::array kTargets = {Target{"bars", &broken_by_bars}, Target{"tickers", &broken_by_tickers},
                                 Target{"encoder", &broken_by_encoder},
                                 Target{"inflate", &broken_by_inflate}};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target& target(std::string_view name) {
  const auto found =
      std::find_if(kTargets.begin(), kTargets.end(), [&](const Target& one) { return one.name == name; });
  ICINGEST_CHECK(found != kTargets.end());
  return *found;
}

}  // namespace icingest::fuzz
