// edgar_days.h: the days on which EDGAR takes filings: weekdays that are no federal holiday.
//
// They are not the exchange's: EDGAR is open on Good Friday and closed on Columbus and Veterans Day.
//
// Threads   pure functions
// Source    5 U.S.C. 6103, with Juneteenth from 2021 on; a holiday on a Saturday is kept on Friday, one on a
//           Sunday on Monday
#pragma once

#include "icingest/time.h"

namespace icingest::sim {

[[nodiscard]] bool edgar_is_open(Date day);
// That day, or the first open one behind it.
[[nodiscard]] Date edgar_day_from(Date day);

}  // namespace icingest::sim
