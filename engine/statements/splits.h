// splits.h: stock splits, told by what filings did to share data already filed.
//
// Shape     a split is seen where a filing restates weighted share counts of an earlier filing by a ratio of
// small
//           whole numbers and restates their EPS by its inverse; factors bring any filing's share data to the
//           newest basis
// Threads   pure functions
// Limits    a split is unknown until a filing shows it; a recapitalisation at an odd ratio is no split
#pragma once

#include <vector>

#include "statements/cells.h"

namespace icingest::statements {

struct Ratio {
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
  [[nodiscard]] bool one() const { return numerator == denominator; }
};

struct SplitBases {
  std::vector<SplitSeen> splits;
  std::vector<Ratio> factors;  // by filing: newest-basis shares for one of its own
};

[[nodiscard]] SplitBases find_splits(const Filings& filings, const std::vector<FiscalYear>& years,
                                     const Cells& cells);

}  // namespace icingest::statements
