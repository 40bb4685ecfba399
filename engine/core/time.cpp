#include "icingest/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace icingest {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::last;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::Sunday;
using std::chrono::sys_days;
using std::chrono::year;

// A fixed run of decimal digits; -1 when there is anything else.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (at + count > text.size()) return -1;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

struct Summer {
  Date begin;  // clocks go forward at 02:00 of this date
  Date end;    // and back at 02:00 summer time of this one
};

Summer summer_of(year y) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): month names, in this function only
  const int number = static_cast<int>(y);
  if (number >= 2007) return {sys_days(y / March / Sunday[2]), sys_days(y / November / Sunday[1])};
  if (number >= 1987) return {sys_days(y / April / Sunday[1]), sys_days(y / October / Sunday[last])};
  if (number == 1974) return {sys_days(y / January / 6), sys_days(y / October / Sunday[last])};
  if (number == 1975) return {sys_days(y / February / 23), sys_days(y / October / Sunday[last])};
  return {sys_days(y / April / Sunday[last]), sys_days(y / October / Sunday[last])};
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto digit = [&](std::size_t at) { return static_cast<unsigned char>(text[at]) - unsigned{'0'}; };
  unsigned most = 0;
  for (const std::size_t at : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U}) most = std::max(most, digit(at));
  if (most > 9) return std::nullopt;
  const auto y = static_cast<int>(digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3));
  const unsigned m = digit(5) * 10 + digit(6);
  const unsigned d = digit(8) * 10 + digit(9);
  if (m - 1 > 11 || d - 1 > 30) return std::nullopt;
  const bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
  constexpr std::array<unsigned, 13> kBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
  const unsigned february = leap && m == 2 ? 1 : 0;
  if (d > kBefore[m] - kBefore[m - 1] + february) return std::nullopt;
  // Leap days of the years before this one, counted from the year 0, which had one.
  const int past = y - 1;
  const int leap_days = y == 0 ? 0 : past / 4 - past / 100 + past / 400 + 1;
  constexpr int kEpoch = 719'528;  // days from 0000-01-01 to 1970-01-01
  const unsigned in_year = kBefore[m - 1] + (leap && m > 2 ? 1 : 0) + d - 1;
  return Date(days(y * 365 + leap_days + static_cast<int>(in_year) - kEpoch));
}

std::string to_string(Date date) {
  const std::chrono::year_month_day c = civil(date);
  const int y = static_cast<int>(c.year());
  const auto m = static_cast<unsigned>(c.month());
  const auto d = static_cast<unsigned>(c.day());
  if (y < 0 || y > 9999) return fmt::format("{:04}-{:02}-{:02}", y, m, d);
  const auto digit = [](unsigned value) { return static_cast<char>('0' + value % 10); };
  const auto years = static_cast<unsigned>(y);
  return {digit(years / 1000),
          digit(years / 100),
          digit(years / 10),
          digit(years),
          '-',
          digit(m / 10),
          digit(m),
          '-',
          digit(d / 10),
          digit(d)};
}

std::optional<Instant> parse_instant(std::string_view text) {
  if (text.size() < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  const auto date = parse_date(text.substr(0, 10));
  const int h = digits(text, 11, 2);
  const int m = digits(text, 14, 2);
  const int s = digits(text, 17, 2);
  if (!date || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59) return std::nullopt;
  Instant instant = *date + hours(h) + minutes(m) + std::chrono::seconds(s);
  const std::string_view fraction = text.substr(19, text.size() - 20);
  if (fraction.empty()) return instant;
  if (fraction[0] != '.' || fraction.size() == 1) return std::nullopt;
  std::int64_t unit = 100'000;
  for (const char c : fraction.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    instant += microseconds(unit * (c - '0'));
    unit /= 10;
  }
  return instant;
}

std::string to_string(Instant instant) {
  const Date date = std::chrono::floor<days>(instant);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(instant - date).count();
  return fmt::format("{}T{:02}:{:02}:{:02}Z", to_string(date), seconds / 3600, seconds / 60 % 60,
                     seconds % 60);
}

Instant from_unix_ms(std::int64_t milliseconds) {
  constexpr std::chrono::sys_time<std::chrono::milliseconds> kFirst = sys_days(year(1) / 1 / 1);
  constexpr std::chrono::sys_time<std::chrono::milliseconds> kEnd = sys_days(year(10'000) / 1 / 1);
  return Instant(std::chrono::milliseconds(
      std::clamp(milliseconds, kFirst.time_since_epoch().count(), kEnd.time_since_epoch().count() - 1)));
}

std::chrono::year_month_day civil(Date date) { return {date}; }

Date make_date(int y, unsigned m, unsigned d) {
  return sys_days(year(y) / std::chrono::month(m) / std::chrono::day(d));
}

Date years_before(Date date, int years) {
  const std::chrono::year_month_day moved = civil(date) - std::chrono::years(years);
  return moved.ok() ? sys_days(moved) : sys_days(moved.year() / moved.month() / last);
}

namespace new_york {
namespace {

// A stretch of time with one offset: a summer, or what lies before or behind it in its year.
struct Season {
  Instant begin{};
  Instant end{};
  hours offset{0};
};

Season season_of(Instant instant) {
  const year y = civil(std::chrono::floor<days>(instant - hours(5))).year();
  const Summer summer = summer_of(y);
  const Instant forward = Instant(summer.begin) + hours(7);
  const Instant back = Instant(summer.end) + hours(6);
  if (instant < forward) return {Instant(sys_days(y / 1 / 1)) + hours(5), forward, hours(5)};
  if (instant < back) return {forward, back, hours(4)};
  return {back, Instant(sys_days((y + std::chrono::years(1)) / 1 / 1)) + hours(5), hours(5)};
}

// Rows come in order of time or all of one day, so the season of the last one nearly always serves.
hours offset_at(Instant instant) {
  thread_local Season season;
  if (instant < season.begin || instant >= season.end) season = season_of(instant);
  return season.offset;
}

}  // namespace

// 05:00 UTC is midnight or an hour behind it, and before the clocks change at 02:00, so its offset is midnight's.
Instant midnight(Date date) {
  const Instant utc_midnight(date);
  return utc_midnight + offset_at(utc_midnight + hours(5));
}

Date date_of(Instant instant) { return std::chrono::floor<days>(instant - offset_at(instant)); }

}  // namespace new_york
}  // namespace icingest
