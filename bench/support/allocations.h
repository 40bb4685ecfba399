// allocations.h: how often this program has allocated so far, by every operator new.
//
// Threads   any; the count is exact once the others rest
#pragma once

#include <cstdint>

namespace icingest::bench {

[[nodiscard]] std::int64_t allocations();

}  // namespace icingest::bench
