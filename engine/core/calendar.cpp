#include "icingest/calendar.h"

#include <algorithm>
#include <array>

namespace icingest::nyse {
namespace {

using namespace std::chrono;  // NOLINT: civil calendar arithmetic reads badly otherwise

// Closures no rule gives: mourning, attacks, storms.
constexpr std::array kClosures = {
    sys_days(1994y / April / 27),      // President Nixon
    sys_days(2001y / September / 11),  // attacks of 11 September
    sys_days(2001y / September / 12),  //
    sys_days(2001y / September / 13),  //
    sys_days(2001y / September / 14),  //
    sys_days(2004y / June / 11),       // President Reagan
    sys_days(2007y / January / 2),     // President Ford
    sys_days(2012y / October / 29),    // Hurricane Sandy
    sys_days(2012y / October / 30),    //
    sys_days(2018y / December / 5),    // President G. H. W. Bush
    sys_days(2025y / January / 9),     // President Carter
};

// Gregorian Easter Sunday (the anonymous algorithm, Nature 1876).
Date easter(int y) {
  const int a = y % 19;
  const int b = y / 100;
  const int c = y % 100;
  const int d = b / 4;
  const int e = b % 4;
  const int g = (8 * b + 13) / 25;
  const int h = (19 * a + b - d - g + 15) % 30;
  const int j = c / 4;
  const int k = c % 4;
  const int m = (a + 11 * h) / 319;
  const int r = (2 * e + 2 * j - k - h + m + 32) % 7;
  const int n = (h - m + r + 90) / 25;
  const int p = (h - m + r + n + 19) % 32;
  return sys_days(year(y) / month(static_cast<unsigned>(n)) / day(static_cast<unsigned>(p)));
}

// A Saturday holiday is kept on Friday, a Sunday one on Monday.
Date observed(Date holiday) {
  const weekday on(holiday);
  if (on == Saturday) return holiday - days(1);
  if (on == Sunday) return holiday + days(1);
  return holiday;
}

bool is_holiday(Date date) {
  const year_month_day c(date);
  const year y = c.year();
  const int number = static_cast<int>(y);
  switch (static_cast<unsigned>(c.month())) {
    case 1:
      // New Year's Day on a Saturday is not kept: 31 December closes the year's books.
      if (c.day() == 1d) return true;
      if (c.day() == 2d && weekday(date) == Monday) return true;
      return number >= 1998 && date == sys_days(y / January / Monday[3]);
    case 2: return date == sys_days(y / February / Monday[3]);
    case 3:
    case 4: return date == easter(number) - days(2);
    case 5: return date == sys_days(y / May / Monday[last]);
    case 6: return number >= 2022 && date == observed(sys_days(y / June / 19));
    case 7: return date == observed(sys_days(y / July / 4));
    case 9: return date == sys_days(y / September / Monday[1]);
    case 11: return date == sys_days(y / November / Thursday[4]);
    case 12: return date == observed(sys_days(y / December / 25));
    default: return false;
  }
}

}  // namespace

bool is_session(Date date) {
  const weekday on(date);
  if (on == Saturday || on == Sunday || is_holiday(date)) return false;
  return std::find(kClosures.begin(), kClosures.end(), date) == kClosures.end();
}

std::vector<Date> sessions(Date from, Date to) {
  std::vector<Date> found;
  for (Date date = from; date <= to; date += days(1)) {
    if (is_session(date)) found.push_back(date);
  }
  return found;
}

Instant close_of(Date session) {
  const year_month_day c(session);
  const bool before_independence_day =
      c.month() == July && c.day() == 3d && weekday(session + days(1)) != Saturday;
  const bool christmas_eve = c.month() == December && c.day() == 24d;
  const bool after_thanksgiving = session == sys_days(c.year() / November / Thursday[4]) + days(1);
  const bool early = before_independence_day || christmas_eve || after_thanksgiving;
  return new_york::midnight(session) + hours(early ? 13 : 16);
}

Date last_closed_session(Instant now) {
  Date date = new_york::date_of(now);
  while (!is_session(date) || close_of(date) > now) date -= days(1);
  return date;
}

}  // namespace icingest::nyse
