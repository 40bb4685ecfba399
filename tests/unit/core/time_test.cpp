#include "icingest/time.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>
#include <limits>

namespace icingest {
namespace {

TEST(Time, ReadsOnlyWholeDates) {
  EXPECT_EQ(to_string(*parse_date("2026-11-20")), "2026-11-20");
  EXPECT_EQ(to_string(*parse_date("2024-02-29")), "2024-02-29");
  for (const char* text : {"", "2026-11-2", "2026-11-201", "2026/11/20", "2026-13-01", "2026-00-10",
                           "2025-02-29", "20261120", "x026-11-20", "2026-11-20 "}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(Time, ReadsInstantsInUtc) {
  EXPECT_EQ(to_string(*parse_instant("2025-11-28T00:00:00Z")), "2025-11-28T00:00:00Z");
  EXPECT_EQ(parse_instant("2025-11-28T01:02:03.25Z")->time_since_epoch().count() % 1'000'000, 250'000);
  for (const char* text : {"2025-11-28", "2025-11-28T00:00:00", "2025-11-28T24:00:00Z",
                           "2025-11-28T00:00:00+01:00", "2025-11-28T00:00:00.Z"}) {
    EXPECT_FALSE(parse_instant(text)) << text;
  }
}

TEST(Time, TenYearsAreCalendarYears) {
  EXPECT_EQ(to_string(years_before(make_date(2026, 11, 22), 10)), "2016-11-22");
  EXPECT_EQ(to_string(years_before(make_date(2024, 2, 29), 1)), "2023-02-28");
}

TEST(Time, KnowsTheStampsOfTheProvider) {
  // sources.md A.5 and A.6: range bars begin at midnight New York, grouped ones end at 16:00.
  EXPECT_EQ(new_york::date_of(from_unix_ms(1577941200000)), make_date(2020, 1, 2));
  EXPECT_EQ(new_york::midnight(make_date(2020, 1, 2)), from_unix_ms(1577941200000));
  EXPECT_EQ(new_york::date_of(from_unix_ms(1112331600000)), make_date(2005, 4, 1));
  EXPECT_EQ(new_york::date_of(from_unix_ms(1602705600000)), make_date(2020, 10, 14));
}

// Every midnight and every noon from 1990 to 2037 against the system's time zone database.
TEST(Time, TakesStampsBeyondAnyCalendar) {
  EXPECT_EQ(to_string(from_unix_ms(std::numeric_limits<std::int64_t>::max())), "9999-12-31T23:59:59Z");
  EXPECT_EQ(to_string(from_unix_ms(std::numeric_limits<std::int64_t>::min())), "0001-01-01T00:00:00Z");
  EXPECT_EQ(to_string(new_york::date_of(from_unix_ms(std::numeric_limits<std::int64_t>::max()))),
            "9999-12-31");
}

TEST(Time, AgreesWithTzdata) {
  ASSERT_EQ(setenv("TZ", "America/New_York", 1), 0);
  tzset();
  std::tm probe{};
  const std::time_t summer = 1'593'600'000;
  localtime_r(&summer, &probe);
  if (probe.tm_isdst == 0) GTEST_SKIP() << "the package tzdata is not installed";
  for (Date date = make_date(1990, 1, 1); date < make_date(2037, 12, 31); date += std::chrono::days(1)) {
    const Instant midnight = new_york::midnight(date);
    const std::time_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(midnight.time_since_epoch()).count();
    std::tm local{};
    localtime_r(&seconds, &local);
    ASSERT_EQ(local.tm_hour * 60 + local.tm_min, 0) << to_string(date);
    ASSERT_EQ(make_date(local.tm_year + 1900, static_cast<unsigned>(local.tm_mon + 1),
                        static_cast<unsigned>(local.tm_mday)),
              date);
    for (const int hour : {0, 1, 2, 3, 6, 7, 8, 12, 23}) {
      const Instant at = Instant(date) + std::chrono::hours(hour);
      const std::time_t then =
          std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
      localtime_r(&then, &local);
      ASSERT_EQ(new_york::date_of(at),
                make_date(local.tm_year + 1900, static_cast<unsigned>(local.tm_mon + 1),
                          static_cast<unsigned>(local.tm_mday)))
          << to_string(at);
    }
  }
  unsetenv("TZ");
  tzset();
}

}  // namespace
}  // namespace icingest
