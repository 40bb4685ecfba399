#include "sim/edgar_days.h"

#include <array>

namespace icingest::sim {
namespace {

using std::chrono::weekday;

struct Fixed {
  unsigned month, day;
  int since;
};
constexpr std::array kFixed = {Fixed{1, 1, 0}, Fixed{6, 19, 2021}, Fixed{7, 4, 0}, Fixed{11, 11, 0},
                               Fixed{12, 25, 0}};
// The `nth` given weekday of a month; 5 is the last.
struct Floating {
  unsigned month, nth;
  weekday day;
};
constexpr std::array kFloating = {
    Floating{1, 3, std::chrono::Monday},  Floating{2, 3, std::chrono::Monday},
    Floating{5, 5, std::chrono::Monday},  Floating{9, 1, std::chrono::Monday},
    Floating{10, 2, std::chrono::Monday}, Floating{11, 4, std::chrono::Thursday}};

bool is_fixed_holiday(Date day) {
  const auto date = civil(day);
  for (const Fixed& fixed : kFixed) {
    if (static_cast<unsigned>(date.month()) == fixed.month && static_cast<unsigned>(date.day()) == fixed.day)
      return static_cast<int>(date.year()) >= fixed.since;
  }
  return false;
}

bool is_floating_holiday(Date day) {
  const auto date = civil(day);
  const auto of_month = static_cast<unsigned>(date.day());
  for (const Floating& floating : kFloating) {
    if (static_cast<unsigned>(date.month()) != floating.month || weekday(day) != floating.day) continue;
    if (floating.nth == 5 ? of_month > 24 : (of_month - 1) / 7 + 1 == floating.nth) return true;
  }
  return false;
}

}  // namespace

bool edgar_is_open(Date day) {
  const weekday of_week(day);
  if (of_week == std::chrono::Saturday || of_week == std::chrono::Sunday) return false;
  if (is_fixed_holiday(day) || is_floating_holiday(day)) return false;
  if (of_week == std::chrono::Friday && is_fixed_holiday(day + std::chrono::days(1))) return false;
  return !(of_week == std::chrono::Monday && is_fixed_holiday(day - std::chrono::days(1)));
}

Date edgar_day_from(Date day) {
  while (!edgar_is_open(day)) day += std::chrono::days(1);
  return day;
}

}  // namespace icingest::sim
