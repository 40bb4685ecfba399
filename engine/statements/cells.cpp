#include "statements/cells.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>

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

// Two values of one filing for one cell: the better fitting dates, then the more precise figure, then the
// larger.
bool better(const Reading& a, const Reading& b) {
  if (a.misfit != b.misfit) return a.misfit < b.misfit;
  return says_more(a.value, b.value);
}

}  // namespace

Cells::Cells(const Filings& filings, const std::vector<FiscalYear>& years)
    : registry_(registry()),
      filings_(filings),
      years_(years),
      quarter_starts_(years.size()),
      quarter_ends_(years.size()) {
  placed_.reserve(filings.items.size());
  rows_.assign(registry_.concepts.size(), kNoRow);
  for (const Item& item : filings.items) {
    if (rows_[item.what] == kNoRow) rows_[item.what] = row_count_++;
  }
  find_places();
  place_durations();
  find_quarter_dates();
  find_balances();
  place_instants();
  sort_cells();
}

void Cells::find_places() {
  places_.reserve(filings_.periods.size());
  for (const Period& period : filings_.periods)
    places_.push_back(period.start ? place_duration(years_, *period.start, period.end) : std::nullopt);
}

bool Cells::speaks_for(const Item& item, const FiscalYear& year) const {
  if (item.currency.empty()) return true;
  return item.currency == year.currency && registry_.concepts[item.what].taxonomy == year.taxonomy;
}

void Cells::place_durations() {
  for (const Item& item : filings_.items) {
    const Fact& fact = *item.fact;
    const auto& place = places_[item.period];
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
  std::vector<int> counts(filings_.periods.size());
  for (const Item& item : filings_.items) counts[item.period] += registry_.anchors[item.what] ? 1 : 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& place = places_[i];
    if (counts[i] == 0 || !place || (years_[place->year].transition && place->role == Role::year)) continue;
    const Period& period = filings_.periods[i];
    const auto quarter = static_cast<std::size_t>(quarter_of(place->role) - 1);
    ends[place->year][quarter][period.end] += counts[i];
    if (place->role == Role::ytd1 || place->role > Role::year)
      starts[place->year][quarter][*period.start] += counts[i];
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

void Cells::find_balances() {
  balances_.resize(filings_.periods.size());
  for (std::size_t i = 0; i < balances_.size(); ++i) {
    const auto& [start, day] = filings_.periods[i];
    if (start) continue;
    for (std::size_t year = 0; year < years_.size(); ++year) {
      if (day < years_[year].start || day > years_[year].end + kInstantSlack) continue;
      for (int quarter = 1; quarter <= 4; ++quarter) {
        const auto end = quarter_end(year, quarter);
        if (!end || day > *end + kInstantSlack || day + kInstantSlack < *end) continue;
        const Role role = static_cast<Role>(static_cast<int>(Role::at1) + quarter - 1);
        balances_[i].push_back({year, role, misfit_of(day, *end)});
      }
    }
  }
}

void Cells::place_instants() {
  for (const Item& item : filings_.items) {
    if (item.fact->start || registry_.covers[item.what]) continue;
    for (const auto& [year, role, misfit] : balances_[item.period]) {
      if (!speaks_for(item, years_[year])) continue;
      placed_.push_back({cell_of(item.what, year, role), {item.fact->value, item.filing, item.what, misfit}});
    }
  }
}

// By cell first: counted, because there are few more readings than cells. Then each cell, which is short and nearly in
// order as it comes.
void Cells::sort_cells() {
  const std::size_t cells = row_count_ * years_.size() * kRoleCount;
  offsets_.assign(cells + 1, 0);
  for (const Placed& placed : placed_) ++offsets_[placed.cell + 1];
  for (std::size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
  std::vector<Reading> sorted(placed_.size());
  for (const Placed& placed : placed_) sorted[offsets_[placed.cell]++] = placed.reading;
  // Each offset is the end of its cell now, which is where the next one begins.
  readings_.reserve(sorted.size());
  std::uint32_t begin = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const std::uint32_t end = offsets_[cell];
    offsets_[cell] = static_cast<std::uint32_t>(readings_.size());
    if (begin == end) continue;
    const auto first = sorted.begin() + begin;
    const auto last = sorted.begin() + end;
    begin = end;
    const auto before = [](const Reading& a, const Reading& b) {
      return a.filing != b.filing ? a.filing < b.filing : better(a, b);
    };
    if (!std::is_sorted(first, last, before)) std::sort(first, last, before);
    const auto same_filing = [](const Reading& a, const Reading& b) { return a.filing == b.filing; };
    std::unique_copy(first, last, std::back_inserter(readings_), same_filing);
  }
  offsets_[cells] = static_cast<std::uint32_t>(readings_.size());
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
