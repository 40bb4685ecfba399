#include "statements/cells.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "statements/arithmetic.h"

namespace icingest::statements {
namespace {

constexpr std::chrono::days kInstantSlack{7};

std::uint8_t misfit_of(Date a, Date b) {
  return static_cast<std::uint8_t>(std::min<std::int64_t>(std::abs((a - b).count()), 100));
}

int quarter_of(Role role) {
  switch (role) {
    case Role::ytd1: return 1;
    case Role::ytd2:
    case Role::quarter2: return 2;
    case Role::ytd3:
    case Role::quarter3: return 3;
    default: return 4;
  }
}

int digits_of(const Decimal& value) {
  const Decimal short_form = trimmed(value);
  Int128 mantissa = short_form.mantissa();
  int count = 0;
  while (mantissa != 0 && mantissa % 10 == 0) mantissa /= 10;
  for (; mantissa != 0; mantissa /= 10) ++count;
  return count;
}

// Two values of one filing for one cell: the better fitting dates, then the more precise figure, then the
// larger.
bool better(const Reading& a, const Reading& b) {
  if (a.misfit != b.misfit) return a.misfit < b.misfit;
  const int a_digits = digits_of(a.value);
  const int b_digits = digits_of(b.value);
  if (a_digits != b_digits) return a_digits > b_digits;
  return b.value < a.value;
}

}  // namespace

Cells::Cells(const Filings& filings, const std::vector<FiscalYear>& years)
    : filings_(filings), years_(years), quarter_starts_(years.size()), quarter_ends_(years.size()) {
  placed_.reserve(filings.items.size());
  place_durations();
  find_quarter_dates();
  place_instants();
  sort_cells();
}

bool Cells::speaks_for(const Item& item, const FiscalYear& year) const {
  if (item.currency.empty()) return true;
  return item.currency == year.currency && registry().concepts[item.what].taxonomy == year.taxonomy;
}

void Cells::place_durations() {
  for (const Item& item : filings_.items) {
    const Fact& fact = *item.fact;
    if (!fact.start) continue;
    const auto place = place_duration(years_, *fact.start, fact.end);
    if (!place || !speaks_for(item, years_[place->year])) continue;
    const FiscalYear& year = years_[place->year];
    std::uint8_t misfit = 0;
    if (place->role <= Role::year) misfit = misfit_of(*fact.start, year.start);
    if (place->role == Role::year || place->role == Role::quarter4) {
      misfit = static_cast<std::uint8_t>(misfit + misfit_of(fact.end, year.end));
    }
    placed_.push_back(
        {cell_of(item.what, place->year, place->role), {fact.value, item.filing, item.what, misfit}});
  }
}

// The dates most facts agree on; the later of two.
void Cells::find_quarter_dates() {
  using Votes = std::array<std::map<Date, int>, 4>;
  std::vector<Votes> starts(years_.size());
  std::vector<Votes> ends(years_.size());
  for (const Item& item : filings_.items) {
    const Fact& fact = *item.fact;
    if (!fact.start || !registry().anchors[item.what]) continue;
    const auto place = place_duration(years_, *fact.start, fact.end);
    if (!place || (years_[place->year].transition && place->role == Role::year)) continue;
    const auto quarter = static_cast<std::size_t>(quarter_of(place->role) - 1);
    ++ends[place->year][quarter][fact.end];
    if (place->role == Role::ytd1 || place->role > Role::year) ++starts[place->year][quarter][*fact.start];
  }
  const auto elect = [](const std::map<Date, int>& votes) {
    std::optional<Date> elected;
    int most = 0;
    for (const auto& [date, count] : votes) {
      if (count >= most) elected = date, most = count;
    }
    return elected;
  };
  for (std::size_t year = 0; year < years_.size(); ++year) {
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
      quarter_starts_[year][quarter] = elect(starts[year][quarter]);
      quarter_ends_[year][quarter] = elect(ends[year][quarter]);
    }
    const int last = quarters_of(years_[year]);
    if (!years_[year].open && last > 0)
      quarter_ends_[year][static_cast<std::size_t>(last - 1)] = years_[year].end;
  }
}

void Cells::place_instants() {
  for (const Item& item : filings_.items) {
    if (item.fact->start || registry().concepts[item.what].taxonomy == "dei") continue;
    for (std::size_t year = 0; year < years_.size(); ++year) {
      if (item.fact->end >= years_[year].start && item.fact->end <= years_[year].end + kInstantSlack) {
        place_instant(item, year);
      }
    }
  }
}

void Cells::place_instant(const Item& item, std::size_t year) {
  if (!speaks_for(item, years_[year])) return;
  for (int quarter = 1; quarter <= 4; ++quarter) {
    const auto end = quarter_end(year, quarter);
    if (!end || item.fact->end > *end + kInstantSlack || item.fact->end + kInstantSlack < *end) continue;
    const Role role = static_cast<Role>(static_cast<int>(Role::at1) + quarter - 1);
    placed_.push_back({cell_of(item.what, year, role),
                       {item.fact->value, item.filing, item.what, misfit_of(item.fact->end, *end)}});
  }
}

void Cells::sort_cells() {
  std::sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
    const auto left = std::tie(a.cell, a.reading.filing);
    const auto right = std::tie(b.cell, b.reading.filing);
    return left != right ? left < right : better(a.reading, b.reading);
  });
  offsets_.assign(registry().concepts.size() * years_.size() * kRoleCount + 1, 0);
  readings_.reserve(placed_.size());
  const Placed* last = nullptr;
  for (const Placed& placed : placed_) {
    const bool repeated =
        last != nullptr && last->cell == placed.cell && last->reading.filing == placed.reading.filing;
    last = &placed;
    if (repeated) continue;
    readings_.push_back(placed.reading);
    ++offsets_[placed.cell + 1];
  }
  for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
}

std::span<const Reading> Cells::at(ConceptId what, std::size_t year, Role role) const {
  const std::size_t cell = cell_of(what, year, role);
  return {readings_.data() + offsets_[cell], offsets_[cell + 1] - offsets_[cell]};
}

bool Cells::ever_differ(ConceptId a, ConceptId b) const {
  for (std::size_t year = 0; year < years_.size(); ++year) {
    for (std::size_t role = 0; role < kRoleCount; ++role) {
      for (const Reading& left : at(a, year, static_cast<Role>(role))) {
        for (const Reading& right : at(b, year, static_cast<Role>(role))) {
          if (left.filing == right.filing && !(left.value == right.value)) return true;
        }
      }
    }
  }
  return false;
}

}  // namespace icingest::statements
