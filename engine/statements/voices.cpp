#include "statements/voices.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "statements/arithmetic.h"

namespace icingest::statements {
namespace {

// The figures of one filing and period that must fit together if `revenue` is the total.
struct Income {
  std::optional<Decimal> revenues, contracts, expenses, income;
  std::uint8_t contracts_rank = 0;
};

bool balances(const Decimal& revenue, const Income& income) {
  const auto left = minus(revenue, *income.expenses);
  if (!left) return false;
  return std::abs(approx(*left) - approx(*income.income)) <= 0.005 * std::abs(approx(revenue));
}

}  // namespace

Speakers::Speakers(const Filings& filings, const Cells& cells, const SplitBases& bases)
    : filings_(filings), cells_(cells), bases_(bases), chosen_(filings.filings.size()) {
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

// Revenues can be a part (one region's, at BlackRock) beside a larger total from contracts. It can also be
// smaller rightly, after losses on hedges. The income statement decides: revenue less expenses is operating
// income.
void Speakers::prefer_balanced_revenue() {
  static const auto id = [](std::string_view name) { return *find_concept("us-gaap", name); };
  static const ConceptId kRevenues = id("Revenues");
  static const ConceptId kContracts[] = {id("RevenueFromContractWithCustomerExcludingAssessedTax"),
                                         id("RevenueFromContractWithCustomerIncludingAssessedTax")};
  static const ConceptId kExpenses[] = {id("CostsAndExpenses"), id("OperatingExpenses")};
  static const ConceptId kIncome = id("OperatingIncomeLoss");
  std::map<std::pair<std::uint32_t, Date>, Income> incomes;
  for (const Item& item : filings_.items) {
    if (!item.fact->start || item.fact->end != *filings_.filings[item.filing].own_end) continue;
    Income& income = incomes[{item.filing, *item.fact->start}];
    if (item.what == kRevenues) income.revenues = item.fact->value;
    if (item.what == kIncome) income.income = item.fact->value;
    for (const ConceptId what : kContracts) {
      if (item.what != what || (income.contracts && item.fact->value < *income.contracts)) continue;
      income.contracts = item.fact->value;
      income.contracts_rank = registry().uses[what].front().rank;
    }
    for (const ConceptId what : kExpenses) {
      if (item.what == what && (!income.expenses || *income.expenses < item.fact->value))
        income.expenses = item.fact->value;
    }
  }
  for (const auto& [key, income] : incomes) {
    if (!income.revenues || !income.contracts || !income.expenses || !income.income) continue;
    if (*income.contracts < *income.revenues || *income.contracts == *income.revenues) continue;
    if (balances(*income.revenues, income) || !balances(*income.contracts, income)) continue;
    chosen_[key.first][static_cast<std::size_t>(Field::revenue)] = income.contracts_rank;
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

void Speakers::add(Voices& out, const Reading& reading, Field field) const {
  const Decimal newest = to_newest(reading.value, field, reading.filing);
  out.push_back({reading.value, newest, reading.filing, reading.what, !(newest == reading.value)});
}

Voices Speakers::voices_in(ConceptId what, Field field, std::size_t year, Role role, Hearing hearing) const {
  Voices out;
  for (const Reading& reading : cells_.at(what, year, role)) {
    if (heard(reading.filing, hearing)) add(out, reading, field);
  }
  return out;
}

Voices Speakers::voices(Field field, std::size_t year, Role role, Hearing hearing) const {
  Voices out;
  const auto& candidates = registry().candidates[static_cast<std::size_t>(field)];
  for (const Candidate& candidate : candidates) {
    for (const Reading& reading : cells_.at(candidate.what, year, role)) {
      const bool chosen = chosen_[reading.filing][static_cast<std::size_t>(field)] == candidate.rank;
      if (chosen && heard(reading.filing, hearing)) add(out, reading, field);
    }
  }
  std::sort(out.begin(), out.end(), [](const Voice& a, const Voice& b) { return a.filing < b.filing; });
  // Nobody says it in the concept of its own statement: then the first concept in which anybody says it at
  // all.
  for (const Candidate& candidate : candidates) {
    if (!out.empty()) break;
    out = voices_in(candidate.what, field, year, role, hearing);
  }
  return out;
}

}  // namespace icingest::statements
