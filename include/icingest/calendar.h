// calendar.h: the sessions of the New York Stock Exchange.
//
// Range     1990-01-01 to 2099-12-31, by rule; one-off closures are listed and end with what is known today
// Source    NYSE Rule 7.2 and its closure notices; checked in tests against recorded sessions from 1998 to
//           2021
// Threads   pure functions
#pragma once

#include <vector>

#include "icingest/time.h"

namespace icingest::nyse {

[[nodiscard]] bool is_session(Date date);
// Every session in [from, to], ascending.
[[nodiscard]] std::vector<Date> sessions(Date from, Date to);
// 16:00 New York, 13:00 on the early closes (3 July, the day after Thanksgiving, 24 December).
[[nodiscard]] Instant close_of(Date session);
// The newest session whose close is not after `now`.
[[nodiscard]] Date last_closed_session(Instant now);

}  // namespace icingest::nyse
