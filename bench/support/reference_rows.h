// reference_rows.h: an aggregates answer → the COPY tuples it should become, the obvious way: strings of
// digits and the tests' slow encoder. Shares no arithmetic with the code that is timed.
#pragma once

#include <string>

#include "bench/support/market_body.h"

namespace icingest::bench {

[[nodiscard]] std::string reference_tuples(const MarketBody& body);

// Any JSON number in plain notation with exactly `scale` digits behind the point, rounded half-even.
[[nodiscard]] std::string plain_number(std::string_view token, int scale);

// A field of `size` bytes, big-endian, behind its length.
[[nodiscard]] std::string slow_integer(std::int64_t value, int size);

}  // namespace icingest::bench
