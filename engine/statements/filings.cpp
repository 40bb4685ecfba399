#include "statements/filings.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "statements/arithmetic.h"
#include "statements/index.h"

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

// Sums of two concepts that one filing reports for one period: bank revenue, depreciation with amortisation.
void add_sums(Filings& out) {
  using Key = std::tuple<std::uint32_t, std::string_view, std::optional<Date>, Date>;
  const auto key_of = [](const Item& item) {
    return Key{item.filing, item.fact->unit, item.fact->start, item.fact->end};
  };
  std::vector<bool> present(registry().concepts.size());
  for (const Item& item : out.items) present[item.what] = true;
  for (const Sum& sum : registry().sums) {
    if (!present[sum.first] || !present[sum.second]) continue;
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

// How often each word or number was said. They are few.
template <class T>
class Tally {
 public:
  void add(const T& what) {
    for (auto& [said, count] : counts_) {
      if (said == what) return void(++count);
    }
    counts_.push_back({what, 1});
  }
  // What was said most; the smallest where two were said equally often.
  [[nodiscard]] std::optional<T> most() const {
    const std::pair<T, int>* best = nullptr;
    for (const auto& one : counts_) {
      const bool more = best == nullptr || one.second > best->second ||
                        (one.second == best->second && one.first < best->first);
      if (more) best = &one;
    }
    if (best == nullptr) return std::nullopt;
    return best->first;
  }

 private:
  std::vector<std::pair<T, int>> counts_;
};

struct Census {
  Tally<std::string_view> currencies, taxonomies;
  Tally<std::int64_t> years;
  std::optional<Date> newest_instant, newest_any;
};

void describe(Filings& out) {
  const Registry& all = registry();
  std::vector<Census> censuses(out.filings.size());
  for (const Item& item : out.items) {
    Filing& filing = out.filings[item.filing];
    Census& census = censuses[item.filing];
    const Fact& fact = *item.fact;
    if (!item.currency.empty()) {
      census.currencies.add(item.currency);
      census.taxonomies.add(all.concepts[item.what].taxonomy);
    }
    if (fact.fy) census.years.add(*fact.fy);
    census.newest_any = std::max(census.newest_any.value_or(fact.end), fact.end);
    if (fact.start && all.anchors[item.what])
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
    filing.currency = census.currencies.most().value_or("");
    filing.taxonomy = census.taxonomies.most().value_or("");
    filing.fy = census.years.most();
  }
}

// Brings them into their order; gives where each of them went.
std::vector<std::uint32_t> order_filings(std::vector<Filing>& filings) {
  std::vector<std::uint32_t> order(filings.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::tie(filings[a].filed, filings[a].accession) <
           std::tie(filings[b].filed, filings[b].accession);
  });
  std::vector<Filing> ordered;
  ordered.reserve(filings.size());
  std::vector<std::uint32_t> places(filings.size());
  for (const std::uint32_t from : order) {
    places[from] = static_cast<std::uint32_t>(ordered.size());
    ordered.push_back(filings[from]);
  }
  filings = std::move(ordered);
  return places;
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

Filings sort_by_filing(std::span<const Fact> facts, Date as_of) {
  Filings out;
  struct Usable {
    const Fact* fact = nullptr;
    std::uint32_t filing = 0;
  };
  std::vector<Usable> usable;
  usable.reserve(facts.size());
  Index filing_index(facts.size() / 8);
  for (const Fact& fact : facts) {
    if (fact.filed > as_of || fact.end > fact.filed) continue;
    const auto is_same = [&](std::uint32_t at) { return out.filings[at].accession == fact.accession; };
    const std::uint32_t known = filing_index.find(hash_of(fact.accession), is_same);
    const bool same_form = known != Index::kNone && out.filings[known].form == fact.form;
    const FormClass form_class = same_form ? out.filings[known].form_class : classify(fact.form);
    if (form_class == FormClass::excluded) continue;
    if (known == Index::kNone) {
      filing_index.add(hash_of(fact.accession), static_cast<std::uint32_t>(out.filings.size()));
      out.filings.push_back(
          {.accession = fact.accession, .form = fact.form, .filed = fact.filed, .form_class = form_class});
    }
    usable.push_back(
        {&fact, known != Index::kNone ? known : static_cast<std::uint32_t>(out.filings.size() - 1)});
  }
  const std::vector<std::uint32_t> places = order_filings(out.filings);

  Index period_index(facts.size() / 8);
  const auto period_of = [&](const Fact& fact) {
    const std::uint64_t hash = hash_of(fact.start, fact.end);
    const std::uint32_t known = period_index.find(hash, [&](std::uint32_t at) {
      return out.periods[at].start == fact.start && out.periods[at].end == fact.end;
    });
    if (known != Index::kNone) return known;
    const auto added = static_cast<std::uint32_t>(out.periods.size());
    out.periods.push_back({fact.start, fact.end});
    period_index.add(hash, added);
    return added;
  };
  const Registry& all = registry();
  out.items.reserve(usable.size());
  for (const Usable& one : usable) {
    const Fact& fact = *one.fact;
    const FieldKind kind = all.kinds[fact.what];
    const auto currency = currency_of(fact.unit, kind);
    if (!currency || !has_shape(fact, kind)) continue;
    out.items.push_back({&fact, fact.what, places[one.filing], period_of(fact), *currency});
  }
  add_sums(out);
  describe(out);
  return out;
}

}  // namespace icingest::statements
