// cells.h: facts sorted by what they say of which period: concept × fiscal year × role.
//
// Shape     a cell holds one reading per filing, in order of filing; nothing here chooses between filings
// Lifetime  borrows Filings and fiscal years
// Threads   pure functions
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "statements/filings.h"
#include "statements/fiscal_years.h"

namespace icingest::statements {

struct Reading {
  Decimal value;  // as filed
  std::uint32_t filing = 0;
  ConceptId what = 0;
  std::uint8_t misfit = 0;  // days its dates are away from the period's; less is better
};

class Cells {
 public:
  Cells(const Filings& filings, const std::vector<FiscalYear>& years);

  // Readings of one concept for one period by filing, in the year's currency and taxonomy.
  [[nodiscard]] std::span<const Reading> at(ConceptId what, std::size_t year, Role role) const {
    if (rows_[what] == kNoRow) return {};
    const std::uint32_t cell = cell_of(what, year, role);
    return {readings_.data() + offsets_[cell], offsets_[cell + 1] - offsets_[cell]};
  }

  // Whether any filing speaks in this concept at all.
  [[nodiscard]] bool has(ConceptId what) const {
    if (rows_[what] == kNoRow) return false;
    const std::uint32_t first = cell_of(what, 0, Role{});
    return offsets_[first] != offsets_[first + years_.size() * kRoleCount];
  }

  // Last day of a quarter (1..4), where any anchor fact tells it.
  [[nodiscard]] std::optional<Date> quarter_end(std::size_t year, int quarter) const {
    return quarter_ends_[year][static_cast<std::size_t>(quarter - 1)];
  }
  // First day of a quarter, where a three-month fact tells it.
  [[nodiscard]] std::optional<Date> quarter_start(std::size_t year, int quarter) const {
    return quarter_starts_[year][static_cast<std::size_t>(quarter - 1)];
  }

  // Whether some filing gives the two concepts different values for one period.
  [[nodiscard]] bool ever_differ(ConceptId a, ConceptId b) const;

 private:
  struct Placed {
    std::uint32_t cell = 0;
    Reading reading;
  };
  // Where an instant counts as the balance of a quarter's end.
  struct Balance {
    std::size_t year = 0;
    Role role = Role::at1;
    std::uint8_t misfit = 0;
  };
  void find_places();
  void find_balances();
  void place_durations();
  void place_instants();
  [[nodiscard]] bool speaks_for(const Item& item, const FiscalYear& year) const;
  void find_quarter_dates();
  void sort_cells();
  [[nodiscard]] std::uint32_t cell_of(ConceptId what, std::size_t year, Role role) const {
    return static_cast<std::uint32_t>((rows_[what] * years_.size() + year) * kRoleCount +
                                      static_cast<std::size_t>(role));
  }

  static constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

  const Registry& registry_;
  const Filings& filings_;
  const std::vector<FiscalYear>& years_;
  std::vector<std::array<std::optional<Date>, 4>> quarter_starts_, quarter_ends_;
  std::vector<std::optional<Place>> places_;    // by period
  std::vector<std::vector<Balance>> balances_;  // by period
  std::vector<std::uint32_t> rows_;  // by concept: cells are kept for the concepts that the company uses
  std::uint32_t row_count_ = 0;
  std::vector<Placed> placed_;
  std::vector<Reading> readings_;
  std::vector<std::uint32_t> offsets_;
};

}  // namespace icingest::statements
