// sec_pages.h: what the SEC says when it does not give what was asked for.
//
// Threads   pure functions
// Source    sources.md B.1; recorded bodies in sec/errors of the recorded data
#pragma once

#include "sim/http_types.h"

namespace icingest::sim {

[[nodiscard]] SimAnswer sec_rate_page(int status);  // 403, sometimes 429
[[nodiscard]] SimAnswer sec_agent_page();           // 403: no contact in User-Agent
[[nodiscard]] SimAnswer sec_firewall_page(
    std::string_view target);                              // 403 of the edge, about nothing in particular
[[nodiscard]] SimAnswer sec_maintenance_page(int status);  // 503
[[nodiscard]] SimAnswer sec_no_object(std::string_view target);  // 403, XML: the archive has no such object
[[nodiscard]] SimAnswer sec_no_key(std::string_view target);     // 404, XML: data.sec.gov has no such key

}  // namespace icingest::sim
