#include "statements/filings.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "statements/arithmetic.h"

namespace icingest::statements {
namespace {

bool is_currency(std::string_view unit) {
  return unit.size() == 3 &&
         std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// The currency part of a unit that a field of this kind can have; none when it cannot have it.
std::optional<std::string_view> currency_of(std::string_view unit, FieldKind kind) {
  switch (kind) {
    case FieldKind::flow:
    case FieldKind::instant: return is_currency(unit) ? std::optional(unit) : std::nullopt;
    case FieldKind::per_share:
      if (unit.size() != 10 || unit.substr(3) != "/shares" || !is_currency(unit.substr(0, 3)))
        return std::nullopt;
      return unit.substr(0, 3);
    case FieldKind::average:
    case FieldKind::shares:
    case FieldKind::cover: return unit == "shares" ? std::optional(std::string_view{}) : std::nullopt;
  }
  return std::nullopt;
}

bool has_shape(const Fact& fact, FieldKind kind) {
  const bool instant = kind == FieldKind::instant || kind == FieldKind::shares || kind == FieldKind::cover;
  return fact.start.has_value() != instant;
}

FieldKind kind_of_concept(ConceptId what) {
  const auto& all = registry();
  if (!all.uses[what].empty()) return kind_of(all.uses[what].front().field);
  for (const Sum& sum : all.sums) {  // a concept that only ever counts as part of a sum
    if (sum.first == what || sum.second == what) return kind_of(all.uses[sum.what].front().field);
  }
  return FieldKind::flow;
}

// Sums of two concepts that one filing reports for one period: bank revenue, depreciation with amortisation.
void add_sums(Filings& out) {
  using Key = std::tuple<std::uint32_t, std::string_view, std::optional<Date>, Date>;
  const auto key_of = [](const Item& item) {
    return Key{item.filing, item.fact->unit, item.fact->start, item.fact->end};
  };
  for (const Sum& sum : registry().sums) {
    std::map<Key, const Fact*> firsts;
    for (const Item& item : out.items) {
      if (item.what == sum.first) firsts[key_of(item)] = item.fact;
    }
    const std::size_t count = firsts.empty() ? 0 : out.items.size();
    for (std::size_t i = 0; i < count; ++i) {
      Item item = out.items[i];
      if (item.what != sum.second) continue;
      const auto first = firsts.find(key_of(item));
      if (first == firsts.end()) continue;
      const auto total = plus(first->second->value, item.fact->value);
      if (!total) continue;
      Fact& made = out.sums.emplace_back(*item.fact);
      made.what = sum.what;
      made.value = *total;
      item.fact = &made;
      item.what = sum.what;
      out.items.push_back(item);
    }
  }
}

// The word most of them use; the first in the alphabet where two are used equally often.
std::string_view most_used(const std::map<std::string_view, int>& counts) {
  std::string_view best;
  int most = 0;
  for (const auto& [word, count] : counts) {
    if (count > most) best = word, most = count;
  }
  return best;
}

struct Census {
  std::map<std::string_view, int> currencies, taxonomies;
  std::map<std::int64_t, int> years;
  std::optional<Date> newest_instant, newest_any;
};

void describe(Filings& out) {
  std::vector<Census> censuses(out.filings.size());
  for (const Item& item : out.items) {
    Filing& filing = out.filings[item.filing];
    Census& census = censuses[item.filing];
    const Fact& fact = *item.fact;
    if (!item.currency.empty()) {
      ++census.currencies[item.currency];
      ++census.taxonomies[registry().concepts[item.what].taxonomy];
    }
    if (fact.fy) ++census.years[*fact.fy];
    census.newest_any = std::max(census.newest_any.value_or(fact.end), fact.end);
    if (fact.start && is_anchor(item.what))
      filing.own_end = std::max(filing.own_end.value_or(fact.end), fact.end);
    if (!fact.start && !item.currency.empty()) {
      census.newest_instant = std::max(census.newest_instant.value_or(fact.end), fact.end);
    }
  }
  for (std::size_t i = 0; i < out.filings.size(); ++i) {
    Filing& filing = out.filings[i];
    const Census& census = censuses[i];
    if (!filing.own_end) filing.own_end = census.newest_instant ? census.newest_instant : census.newest_any;
    // A convenience translation gives dollars for some columns; the reporting currency is there for all of
    // them.
    filing.currency = most_used(census.currencies);
    filing.taxonomy = most_used(census.taxonomies);
    int most = 0;
    for (const auto& [year, count] : census.years) {
      if (count > most) filing.fy = year, most = count;
    }
  }
}

}  // namespace

FormClass classify(std::string_view form) {
  if (form.starts_with("10-K") || form.starts_with("20-F") || form.starts_with("40-F"))
    return FormClass::annual;
  if (form.starts_with("10-Q") || form.starts_with("6-K")) return FormClass::interim;
  if (form.find("14A") != std::string_view::npos || form.find("14C") != std::string_view::npos) {
    return FormClass::excluded;
  }
  return FormClass::other;
}

bool is_anchor(ConceptId what) {
  for (const Use& use : registry().uses[what]) {
    switch (use.field) {
      case Field::revenue:
      case Field::net_income:
      case Field::pretax_income:
      case Field::eps_basic:
      case Field::eps_diluted:
      case Field::operating_cash_flow: return true;
      default: break;
    }
  }
  return false;
}

Filings sort_by_filing(std::span<const Fact> facts, Date as_of) {
  Filings out;
  std::unordered_map<std::string_view, std::uint32_t> index;
  const auto usable = [&](const Fact& fact) {
    return fact.filed <= as_of && fact.end <= fact.filed && classify(fact.form) != FormClass::excluded;
  };
  for (const Fact& fact : facts) {
    if (!usable(fact) || !index.try_emplace(fact.accession, 0).second) continue;
    out.filings.push_back({.accession = fact.accession,
                           .form = fact.form,
                           .filed = fact.filed,
                           .form_class = classify(fact.form)});
  }
  std::sort(out.filings.begin(), out.filings.end(), [](const Filing& a, const Filing& b) {
    return std::tie(a.filed, a.accession) < std::tie(b.filed, b.accession);
  });
  for (std::uint32_t i = 0; i < out.filings.size(); ++i) index[out.filings[i].accession] = i;

  out.items.reserve(facts.size());
  for (const Fact& fact : facts) {
    if (!usable(fact)) continue;
    const FieldKind kind = kind_of_concept(fact.what);
    const auto currency = currency_of(fact.unit, kind);
    if (!currency || !has_shape(fact, kind)) continue;
    out.items.push_back({&fact, fact.what, index.at(fact.accession), *currency});
  }
  add_sums(out);
  describe(out);
  return out;
}

}  // namespace icingest::statements
