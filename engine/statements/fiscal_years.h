// fiscal_years.h: the fiscal years of a company, from nothing but the start and end dates of its facts.
//
// Shape     disjoint years in order; a year without annual report yet is open; shorter fiscal periods are
// transitions Threads   pure functions Source    docs/pipelines/financials.md, "Periods"
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "statements/filings.h"

namespace icingest::statements {

struct FiscalYear {
  Date start{};
  Date end{};               // of an open year: where it should end
  bool open = false;        // no annual fact yet
  bool transition = false;  // shorter than a year, as reported
  std::int64_t label = 0;
  std::optional<std::uint32_t> own;  // the filing that first reported it as its own period
  std::string_view currency;         // one currency and one taxonomy per year: those of `own`
  std::string_view taxonomy;
};

// How many quarters it has: 4, or fewer of a transition.
[[nodiscard]] int quarters_of(const FiscalYear& year);

[[nodiscard]] std::vector<FiscalYear> find_fiscal_years(const Filings& filings);

// Where a duration lies in its fiscal year.
enum class Role : std::uint8_t { ytd1, ytd2, ytd3, year, quarter2, quarter3, quarter4, at1, at2, at3, at4 };
inline constexpr std::size_t kRoleCount = 11;

struct Place {
  std::size_t year = 0;
  Role role = Role::year;
};
// None for periods that are no quarter, half, nine months or year of any fiscal year.
[[nodiscard]] std::optional<Place> place_duration(const std::vector<FiscalYear>& years, Date start, Date end);

[[nodiscard]] inline std::int64_t days_of(Date start, Date end) { return (end - start).count() + 1; }

}  // namespace icingest::statements
