// market_body.h: answers as large as the provider's, from the simulator's market.
#pragma once

#include <string>

#include "icingest/pipeline.h"

namespace icingest::bench {

struct MarketBody {
  Unit unit;
  std::string json;
  std::size_t rows = 0;
};

// The whole market on one session: about 12,000 bars with symbols, in no order.
[[nodiscard]] const MarketBody& grouped_body();
// Ten years of one symbol: about 2,500 bars.
[[nodiscard]] const MarketBody& range_body();

}  // namespace icingest::bench
