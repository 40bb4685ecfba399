// sec_made_up.h: a companyfacts document of a company that is not, from a seed and a number.
//
// Of sixteen numbers one is a registrant with nothing but filing fees, two are foreign filers (IFRS, 20-F, with
// half-years in 6-K), the others file 10-K and 10-Q. As with real ones each period is reported by several
// filings, some years are restated, `fy` and `fp` are the filing's, a fourth quarter is never reported as such,
// cash flows are year to date, `frame` sits on the last filed row of its period, and labels may be null.
//
// Units     whole currency units
// Threads   pure functions
#pragma once

#include <cstdint>
#include <string>

#include "icingest/time.h"

namespace icingest::sim {

// What has been filed by `to` about the eleven years before it. The name and the CIK are placeholders.
[[nodiscard]] std::string made_up_companyfacts(std::uint64_t seed, std::uint64_t number, Date to);

}  // namespace icingest::sim
