// time.h: instants, New York dates, and the words for them.
//
// Units     Instant is microseconds since 1970-01-01 UTC; Date is a civil date without a zone
// Source    New York offsets by the rules in force since 1967-04-30 (15 U.S.C. 260a and its amendments of
//           1974, 1986 and 2005); the machine's time zone and tzdata are never consulted
// Threads   pure functions
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace icingest {

using Instant = std::chrono::sys_time<std::chrono::microseconds>;
using Date = std::chrono::sys_days;

// "2026-11-20" and nothing else (four-digit year, real calendar date).
[[nodiscard]] std::optional<Date> parse_date(std::string_view text);
[[nodiscard]] std::string to_string(Date date);

// RFC 3339 in UTC, "2025-11-28T00:00:00Z", with optional fraction; offsets other than Z are refused.
[[nodiscard]] std::optional<Instant> parse_instant(std::string_view text);
// "2026-11-20T21:00:00Z"; fractions are cut.
[[nodiscard]] std::string to_string(Instant instant);

// Clamped to the years 0001 to 9999, which every function here takes.
[[nodiscard]] Instant from_unix_ms(std::int64_t milliseconds);

[[nodiscard]] std::chrono::year_month_day civil(Date date);
[[nodiscard]] inline int year_of(Date date) { return static_cast<int>(civil(date).year()); }
[[nodiscard]] Date make_date(int year, unsigned month, unsigned day);
// The same day `years` earlier; 29 February becomes 28 February.
[[nodiscard]] Date years_before(Date date, int years);

namespace new_york {
// 00:00 New York of that date, as an instant: 05:00Z in winter, 04:00Z in summer.
[[nodiscard]] Instant midnight(Date date);
// The New York date at that instant.
[[nodiscard]] Date date_of(Instant instant);
}  // namespace new_york

}  // namespace icingest
