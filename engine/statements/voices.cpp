#include "statements/voices.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <type_traits>

#include "statements/arithmetic.h"

namespace icingest::statements {
namespace {

// The figures of one filing and period that must fit together if `revenue` is the total.
struct Income {
  std::optional<Decimal> revenues, total, expenses, income, cost, gross_profit;
  std::uint8_t total_rank = 0;
};

bool leaves(const Decimal& revenue, const std::optional<Decimal>& less, const std::optional<Decimal>& rest) {
  if (!less || !rest) return false;
  return std::abs(approx(revenue) - approx(*less) - approx(*rest)) <= 0.005 * std::abs(approx(revenue));
}

bool balances(const Decimal& revenue, const Income& income) {
  return leaves(revenue, income.expenses, income.income) || leaves(revenue, income.cost, income.gross_profit);
}

void keep_larger(std::optional<Decimal>& slot, const Decimal& value) {
  if (!slot || *slot < value) slot = value;
}

}  // namespace

Speakers::Speakers(const Filings& filings, std::size_t years, const Cells& cells, const SplitBases& bases)
    : filings_(filings),
      cells_(cells),
      bases_(bases),
      chosen_(filings.filings.size()),
      years_(years),
      answers_(kFieldCount * years * kRoleCount * 2) {
  for (std::size_t field = 0; years != 0 && field < kFieldCount; ++field) {
    for (const Candidate& candidate : registry().candidates[field]) {
      if (cells.has(candidate.what)) candidates_[field].push_back(candidate);
    }
  }
  others_speak_ = std::any_of(filings.filings.begin(), filings.filings.end(),
                              [](const Filing& filing) { return filing.form_class == FormClass::other; });
  choose();
  prefer_balanced_revenue();
}

void Speakers::choose() {
  std::vector<std::array<std::uint8_t, kFieldCount>> anywhere(filings_.filings.size());
  for (auto& ranks : chosen_) ranks.fill(kNone);
  for (auto& ranks : anywhere) ranks.fill(kNone);
  for (const Item& item : filings_.items) {
    const Filing& filing = filings_.filings[item.filing];
    if (!item.currency.empty() && item.currency != filing.currency) continue;
    const auto away = std::chrono::abs(item.fact->end - *filing.own_end);
    for (const Use& use : registry().uses[item.what]) {
      const auto field = static_cast<std::size_t>(use.field);
      anywhere[item.filing][field] = std::min(anywhere[item.filing][field], use.rank);
      if (away <= std::chrono::days(3))
        chosen_[item.filing][field] = std::min(chosen_[item.filing][field], use.rank);
    }
  }
  for (std::size_t filing = 0; filing < chosen_.size(); ++filing) {
    for (std::size_t field = 0; field < kFieldCount; ++field) {
      if (chosen_[filing][field] == kNone) chosen_[filing][field] = anywhere[filing][field];
    }
  }
}

// Revenues can be a part (one region's, at BlackRock; one segment's, at SunEdison) beside a larger total. It
// can also be the smaller one rightly, after losses on hedges. The income statement decides: revenue less
// expenses is operating income, revenue less its cost is gross profit.
void Speakers::prefer_balanced_revenue() {
  static const auto id = [](std::string_view name) { return *find_concept("us-gaap", name); };
  static const ConceptId kRevenues = id("Revenues");
  static const ConceptId kTotals[] = {id("RevenueFromContractWithCustomerExcludingAssessedTax"),
                                      id("RevenueFromContractWithCustomerIncludingAssessedTax"),
                                      id("SalesRevenueNet")};
  static const ConceptId kExpenses[] = {id("CostsAndExpenses"), id("OperatingExpenses")};
  static const ConceptId kCosts[] = {id("CostOfRevenue"), id("CostOfGoodsAndServicesSold"),
                                     id("CostOfGoodsSold")};
  static const ConceptId kIncome = id("OperatingIncomeLoss");
  static const ConceptId kGrossProfit = id("GrossProfit");
  static const auto kPlayers = [] {
    std::vector<bool> players(registry().concepts.size());
    for (const ConceptId one : {kRevenues, kIncome, kGrossProfit}) players[one] = true;
    for (const ConceptId one : kTotals) players[one] = true;
    for (const ConceptId one : kExpenses) players[one] = true;
    for (const ConceptId one : kCosts) players[one] = true;
    return players;
  }();
  const auto is_revenues = [](const Item& item) { return item.what == kRevenues; };
  if (std::none_of(filings_.items.begin(), filings_.items.end(), is_revenues)) return;
  std::map<std::pair<std::uint32_t, Date>, Income> incomes;
  for (const Item& item : filings_.items) {
    const Fact& fact = *item.fact;
    if (!kPlayers[item.what] || !fact.start || fact.end != *filings_.filings[item.filing].own_end) continue;
    Income& income = incomes[{item.filing, *fact.start}];
    const auto is_one_of = [&](const auto& list) {
      return std::find(std::begin(list), std::end(list), item.what) != std::end(list);
    };
    if (item.what == kRevenues) income.revenues = fact.value;
    else if (item.what == kIncome) income.income = fact.value;
    else if (item.what == kGrossProfit) income.gross_profit = fact.value;
    else if (is_one_of(kExpenses)) keep_larger(income.expenses, fact.value);
    else if (is_one_of(kCosts)) keep_larger(income.cost, fact.value);
    else if (is_one_of(kTotals) && (!income.total || *income.total < fact.value)) {
      income.total = fact.value;
      income.total_rank = registry().uses[item.what].front().rank;
    }
  }
  for (const auto& [key, income] : incomes) {
    if (!income.revenues || !income.total || !(*income.revenues < *income.total)) continue;
    if (balances(*income.revenues, income) || !balances(*income.total, income)) continue;
    chosen_[key.first][static_cast<std::size_t>(Field::revenue)] = income.total_rank;
  }
}

bool Speakers::heard(std::uint32_t filing, Hearing hearing) const {
  const FormClass form_class = filings_.filings[filing].form_class;
  return hearing == Hearing::any || form_class == FormClass::annual || form_class == FormClass::interim;
}

Decimal Speakers::rebase(const Decimal& value, Field field, Ratio ratio) const {
  const FieldKind kind = kind_of(field);
  const bool count = kind == FieldKind::average || kind == FieldKind::shares || kind == FieldKind::cover;
  if (ratio.one() || (!count && kind != FieldKind::per_share)) return value;
  const std::int64_t up = count ? ratio.numerator : ratio.denominator;
  const std::int64_t down = count ? ratio.denominator : ratio.numerator;
  const auto product = times(value, up);
  const auto quotient = product ? divide(*product, Decimal(down, 0), count ? 0 : 6) : std::nullopt;
  return quotient ? trimmed(*quotient) : value;
}

Decimal Speakers::to_newest(const Decimal& value, Field field, std::uint32_t filing) const {
  return rebase(value, field, bases_.factors[filing]);
}

Decimal Speakers::from_newest(const Decimal& value, Field field, std::uint32_t filing) const {
  const Ratio ratio = bases_.factors[filing];
  return rebase(value, field, {ratio.denominator, ratio.numerator});
}

void Speakers::add(const Reading& reading, Field field) const {
  const Decimal newest = to_newest(reading.value, field, reading.filing);
  heard_.push_back({reading.value, newest, reading.filing, reading.what, !(newest == reading.value)});
}

Voices Speakers::keep_heard() const {
  if (heard_.empty()) return {};
  static_assert(std::is_trivially_destructible_v<Voice>);
  auto* const kept = static_cast<Voice*>(memory_.allocate(heard_.size() * sizeof(Voice), alignof(Voice)));
  std::uninitialized_copy(heard_.begin(), heard_.end(), kept);
  return {kept, heard_.size()};
}

void Speakers::hear_in(ConceptId what, Field field, std::size_t year, Role role, Hearing hearing) const {
  for (const Reading& reading : cells_.at(what, year, role)) {
    if (heard(reading.filing, hearing)) add(reading, field);
  }
}

Voices Speakers::voices_in(ConceptId what, Field field, std::size_t year, Role role, Hearing hearing) const {
  heard_.clear();
  hear_in(what, field, year, role, hearing);
  return keep_heard();
}

void Speakers::hear(Field field, std::size_t year, Role role, Hearing hearing) const {
  for (const Candidate& candidate : candidates(field)) {
    for (const Reading& reading : cells_.at(candidate.what, year, role)) {
      const bool chosen = chosen_[reading.filing][static_cast<std::size_t>(field)] == candidate.rank;
      if (chosen && heard(reading.filing, hearing)) add(reading, field);
    }
  }
  const auto earlier = [](const Voice& a, const Voice& b) { return a.filing < b.filing; };
  if (!std::is_sorted(heard_.begin(), heard_.end(), earlier))
    std::sort(heard_.begin(), heard_.end(), earlier);
  // Nobody says it in the concept of its own statement: then the first concept in which anybody says it at
  // all.
  for (const Candidate& candidate : candidates(field)) {
    if (!heard_.empty()) break;
    hear_in(candidate.what, field, year, role, hearing);
  }
}

Voices Speakers::voices(Field field, std::size_t year, Role role, Hearing hearing) const {
  if (candidates(field).empty()) return {};
  const std::size_t period = (static_cast<std::size_t>(field) * years_ + year) * kRoleCount;
  Answer& answer =
      answers_[(period + static_cast<std::size_t>(role)) * 2 + (hearing == Hearing::any ? 1 : 0)];
  if (answer.asked == Asked::never) {
    heard_.clear();
    hear(field, year, role, hearing);
    const Voices kept = keep_heard();
    answer = {kept.data(), static_cast<std::uint32_t>(kept.size()),
              kept.empty() ? Asked::silent : Asked::spoken};
  }
  return {answer.voices, answer.count};
}

}  // namespace icingest::statements
