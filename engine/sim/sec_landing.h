// sec_landing.h: the pages from which people take the addresses of the SEC's quarterly data sets. They lead to two
// directories, so an address cannot be composed from a release's name. The sets behind the links are not simulated.
//
// Threads   pure functions
// Source    sources.md B.8 and B.10
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "icingest/calendar.h"

namespace icingest::sim {

// The page at this path as it is on that day, the newest release first; nothing when there is none.
[[nodiscard]] std::optional<std::string> sec_landing_page(std::string_view path, Date today);

}  // namespace icingest::sim
