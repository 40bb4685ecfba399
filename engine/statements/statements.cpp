#include "icingest/statements.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <span>
#include <vector>

#include "statements/arithmetic.h"
#include "statements/voices.h"

namespace icingest {
namespace statements {
namespace {

using std::chrono::days;
constexpr days kSlack{10};

constexpr Field kHeadlines[] = {Field::revenue, Field::net_income, Field::eps_basic, Field::eps_diluted};

Role ytd(int quarter) { return static_cast<Role>(static_cast<int>(Role::ytd1) + quarter - 1); }
Role alone(int quarter) {
  return quarter == 1 ? Role::ytd1 : static_cast<Role>(static_cast<int>(Role::quarter2) + quarter - 2);
}
Role at(int quarter) { return static_cast<Role>(static_cast<int>(Role::at1) + quarter - 1); }

class Builder {
 public:
  Builder(std::span<const Fact> facts, Date as_of)
      : filings_(sort_by_filing(facts, as_of)),
        years_(find_fiscal_years(filings_)),
        cells_(filings_, years_),
        bases_(find_splits(filings_, years_, cells_)),
        speakers_(filings_, years_.size(), cells_, bases_) {
    find_covers();
  }

  Statements run() {
    Statements out;
    out.statements.reserve(years_.size() * 5);
    for (std::size_t year = 0; year < years_.size(); ++year) {
      for (int quarter = 1; quarter <= last_quarter(year); ++quarter) {
        if (const auto end = cells_.quarter_end(year, quarter)) make_quarter(out, year, quarter, *end);
      }
      if (!years_[year].open) make_year(out, year);
    }
    out.splits = bases_.splits;
    return out;
  }

 private:
  [[nodiscard]] int last_quarter(std::size_t year) const { return quarters_of(years_[year]); }

  // ---- values ----

  // A Value is large: each is made in the optional that it is returned in.
  [[nodiscard]] std::optional<Value> value_of(const Voices& voices) const {
    std::optional<Value> made;
    if (voices.empty()) return made;
    const Voice& first = voices.front();
    const Voice& latest = voices.back();
    Value& value = made.emplace();
    value.latest = latest.value;
    value.first = first.filed_value;
    value.first_filed = filings_.filings[first.filing].filed;
    value.latest_filed = filings_.filings[latest.filing].filed;
    value.split_adjusted = latest.adjusted;
    value.what = registry().concepts[latest.what];
    value.first_accession = filings_.filings[first.filing].accession;
    cite(value, latest.filing);
    return made;
  }

  void cite(Value& value, std::uint32_t filing) const {
    const std::string_view accession = filings_.filings[filing].accession;
    const auto end = value.accessions.begin() + value.accession_count;
    if (value.accession_count == value.accessions.size()) return;
    if (std::find(value.accessions.begin(), end, accession) == end)
      value.accessions[value.accession_count++] = accession;
  }

  [[nodiscard]] std::optional<Value> reported(Field field, std::size_t year, Role role,
                                              Hearing hearing) const {
    return value_of(speakers_.voices(field, year, role, hearing));
  }

  // What is said of a period and of each of its parts; nothing where nobody speaks of one of them.
  static constexpr std::size_t kMostParts = 4;
  struct Gathered {
    std::array<Voices, kMostParts> all;
    std::size_t count = 0;
    [[nodiscard]] bool empty() const { return count == 0; }
    [[nodiscard]] std::span<const Voices> view() const { return {all.data(), count}; }
  };
  template <class Get>
  static Gathered gather(Role whole, std::span<const Role> parts, Get&& get) {
    Gathered out;
    out.all[out.count++] = get(whole);
    for (const Role part : parts) {
      if (out.all[out.count - 1].empty()) break;
      out.all[out.count++] = get(part);
    }
    if (out.all[out.count - 1].empty()) out.count = 0;
    return out;
  }

  // What the filings say of a period and its parts, each in the concept of its own statement. Different concepts
  // for a year and its parts, as when a filer changes its tag between them, may stand for each other only if no
  // filing ever gave them different values.
  [[nodiscard]] Gathered spoken(Field field, std::size_t year, Role whole, std::span<const Role> parts,
                                Hearing hearing) const {
    Gathered out =
        gather(whole, parts, [&](Role role) { return speakers_.voices(field, year, role, hearing); });
    if (!out.empty() && !one_concept(out.view()) && !interchangeable(out.view())) out.count = 0;
    return out;
  }

  // A part that was first filed after its whole may be of a later vintage.
  static bool any_late(std::span<const Voices> all) {
    return std::any_of(all.begin() + 1, all.end(),
                       [&](const Voices& part) { return part.front().filing > all.front().front().filing; });
  }
  // A part that was first filed with the wrong sign: SunEdison's loss of the first quarter of 2014.
  static bool any_turned(std::span<const Voices> all) {
    return std::any_of(all.begin() + 1, all.end(), [&](const Voices& part) {
      const double first = approx(part.front().value);
      return first != 0 && std::abs(first + approx(part.back().value)) <= 0.01 * std::abs(first);
    });
  }

  // A period less its parts, in one concept.
  [[nodiscard]] std::optional<Value> difference(Field field, std::size_t year, Role whole,
                                                std::span<const Role> parts, Hearing hearing) const {
    const Gathered all = spoken(field, year, whole, parts, hearing);
    if (!all.empty()) return subtract(field, all.view());
    for (const Candidate& candidate : speakers_.candidates(field)) {
      const Gathered same = gather(whole, parts, [&](Role role) {
        return speakers_.voices_in(candidate.what, field, year, role, hearing);
      });
      if (!same.empty()) return subtract(field, same.view());
    }
    return std::nullopt;
  }

  static bool one_concept(std::span<const Voices> all) {
    const ConceptId what = all.front().front().what;
    for (const Voices& voices : all) {
      for (const Voice& voice : voices) {
        if (voice.what != what) return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool interchangeable(std::span<const Voices> all) const {
    const ConceptId what = all.front().front().what;
    for (const Voices& voices : all) {
      for (const Voice& voice : voices) {
        if (voice.what != what && cells_.ever_differ(what, voice.what)) return false;
      }
    }
    return true;
  }

  // Restatements come in vintages: a restated year less unrestated nine months would put twelve months'
  // correction into one quarter. So the newest figures are used only where the whole and a part have both
  // been restated; otherwise those of the day when the whole was first filed.
  [[nodiscard]] std::optional<Value> subtract(Field field, std::span<const Voices> all) const {
    std::array<const Voice*, kMostParts> bases{&all.front().front()};
    std::array<const Voice*, kMostParts> newests{&all.front().back()};
    bool part_restated = false;
    for (std::size_t i = 1; i < all.size(); ++i) {
      bases[i] = known_at(all[i], bases.front()->filing);
      newests[i] = &all[i].back();
      part_restated = part_restated || !(newests[i]->value == bases[i]->value);
    }
    const std::span<const Voice* const> base(bases.data(), all.size());
    const std::span<const Voice* const> newest(newests.data(), all.size());
    const bool whole_restated = !(newest.front()->value == base.front()->value);
    const std::span<const Voice* const> used = whole_restated && part_restated ? newest : base;
    const auto first = net(base);
    const auto latest = net(used);
    if (!first || !latest) return std::nullopt;
    Value value{.latest = *latest,
                .first = speakers_.from_newest(*first, field, base.front()->filing),
                .origin = Origin::difference,
                .what = registry().concepts[used.front()->what],
                .first_accession = filings_.filings[base.front()->filing].accession};
    for (const Voice* voice : base)
      value.first_filed = std::max(value.first_filed, filings_.filings[voice->filing].filed);
    for (const Voice* voice : used) {
      value.latest_filed = std::max(value.latest_filed, filings_.filings[voice->filing].filed);
      value.split_adjusted = value.split_adjusted || voice->adjusted;
      cite(value, voice->filing);
    }
    return value;
  }

  static const Voice* known_at(const Voices& voices, std::uint32_t filing) {
    const Voice* known = &voices.front();
    for (const Voice& voice : voices) {
      if (voice.filing <= filing) known = &voice;
    }
    return known;
  }

  static std::optional<Decimal> net(std::span<const Voice* const> voices) {
    std::optional<Decimal> rest = voices.front()->value;
    for (std::size_t i = 1; i < voices.size() && rest; ++i) rest = minus(*rest, voices[i]->value);
    if (rest) rest = trimmed(*rest);
    return rest;
  }

  // A discrete quarter: the reported three months, else a difference. A three-month fact with the value of
  // the longer period is that period's figure under wrong dates (Oracle's revenue of fiscal 2018, in its
  // report of 2020), unless nothing was earned before; then the difference says the same.
  [[nodiscard]] std::optional<Value> quarter_value(Field field, std::size_t year, int quarter,
                                                   Hearing hearing) const {
    const bool last_of_transition = years_[year].transition && quarter == last_quarter(year);
    if (quarter == 1 && last_of_transition) return reported(field, year, Role::year, hearing);
    const Voices all = speakers_.voices(field, year, alone(quarter), hearing);
    if (quarter == 1) return value_of(all);
    const Role whole = quarter == 4 || last_of_transition ? Role::year : ytd(quarter);
    const Voices longer = speakers_.voices(field, year, whole, hearing);
    const auto is_of_longer = [&](const Voice& voice) {
      return std::any_of(longer.begin(), longer.end(), [&](const Voice& other) {
        return other.value == voice.value && !voice.value.zero();
      });
    };
    std::vector<Voice> sifted;
    Voices own = all;
    if (std::any_of(all.begin(), all.end(), is_of_longer)) {
      std::remove_copy_if(all.begin(), all.end(), std::back_inserter(sifted), is_of_longer);
      own = sifted;
    }
    const bool adds_up = kind_of(field) != FieldKind::average;
    if (!adds_up) return value_of(all);
    if (!own.empty()) return value_of(own);
    auto value = remainder(field, year, quarter, whole, hearing);
    if (!value) value = value_of(all);
    return value;
  }

  // What the quarters before leave of `whole`.
  [[nodiscard]] std::optional<Value> remainder(Field field, std::size_t year, int quarter, Role whole,
                                               Hearing hearing) const {
    std::array<Role, 3> each{};
    for (int before = 1; before < quarter; ++before)
      each[static_cast<std::size_t>(before - 1)] = alone(before);
    const std::span<const Role> quarters(each.data(), static_cast<std::size_t>(quarter - 1));
    const std::array<Role, 1> so_far{ytd(quarter - 1)};
    // EPS of quarters add up to the year's better than year-to-date EPS do, each being rounded alone.
    const bool by_quarters = kind_of(field) == FieldKind::per_share;
    if (by_quarters && !steady_shares(field, year, quarter, whole)) return std::nullopt;
    if (!by_quarters) {
      // Quarters that were known with the whole go before what came later for all of them together.
      const Gathered sum = spoken(field, year, whole, so_far, hearing);
      if (!sum.empty() && any_late(sum.view())) {
        const Gathered each_alone = spoken(field, year, whole, quarters, hearing);
        if (!each_alone.empty() && !any_late(each_alone.view()) && !any_turned(each_alone.view()))
          return subtract(field, each_alone.view());
      }
    }
    auto value =
        difference(field, year, whole, by_quarters ? quarters : std::span<const Role>(so_far), hearing);
    if (!value)
      value = difference(field, year, whole, by_quarters ? std::span<const Role>(so_far) : quarters, hearing);
    return value;
  }

  // EPS adds up only while the number of shares stays about the same: with a quarter more of them, the
  // difference would say more about the shares than about the quarter.
  [[nodiscard]] bool steady_shares(Field eps, std::size_t year, int quarter, Role whole) const {
    const Field count =
        eps == Field::eps_basic ? Field::weighted_shares_basic : Field::weighted_shares_diluted;
    double least = 0;
    double most = 0;
    const auto look = [&](Role role) {
      const Voices voices = speakers_.voices(count, year, role, Hearing::periodic);
      if (voices.empty()) return;
      const double shares = approx(voices.back().value);
      least = least == 0 ? shares : std::min(least, shares);
      most = std::max(most, shares);
    };
    look(whole);
    for (int before = 1; before < quarter; ++before) look(alone(before));
    return most <= 1.25 * least;
  }

  [[nodiscard]] std::optional<Value> flow(Field field, std::size_t year, std::optional<int> quarter) const {
    std::optional<Value> value;
    if (speakers_.candidates(field).empty()) return value;
    for (const Hearing hearing : {Hearing::periodic, Hearing::any}) {
      if (hearing == Hearing::any && !speakers_.others_speak()) break;
      value = quarter ? quarter_value(field, year, *quarter, hearing)
                      : reported(field, year, Role::year, hearing);
      if (value) break;
    }
    return value;
  }

  [[nodiscard]] std::optional<Value> balance(Field field, std::size_t year, int quarter) const {
    std::optional<Value> value;
    if (speakers_.candidates(field).empty()) return value;
    for (const Hearing hearing : {Hearing::periodic, Hearing::any}) {
      if (hearing == Hearing::any && !speakers_.others_speak()) break;
      value = reported(field, year, at(quarter), hearing);
      if (value) break;
    }
    return value;
  }

  // The count on the cover of the first report of the period: later amendments count shares of a later day.
  [[nodiscard]] std::optional<Value> cover(std::optional<std::uint32_t> filing) const {
    const Item* const newest = filing ? covers_[*filing] : nullptr;
    if (newest == nullptr || newest->fact->value.zero()) return std::nullopt;
    const Decimal value = speakers_.to_newest(newest->fact->value, Field::cover_shares, newest->filing);
    const Voice voice{newest->fact->value, value, newest->filing, newest->what,
                      !(value == newest->fact->value)};
    return value_of({&voice, 1});
  }

  void find_covers() {
    covers_.assign(filings_.filings.size(), nullptr);
    for (const Item& item : filings_.items) {
      if (!registry().covers[item.what]) continue;
      const Item*& newest = covers_[item.filing];
      if (newest == nullptr || newest->fact->end < item.fact->end) newest = &item;
    }
  }

  // ---- statements ----

  [[nodiscard]] std::optional<std::uint32_t> first_report(Date end, bool annual) const {
    for (std::uint32_t i = 0; i < filings_.filings.size(); ++i) {
      const Filing& filing = filings_.filings[i];
      if (!filing.own_end || filing.form_class > FormClass::interim) continue;
      if (annual && filing.form_class != FormClass::annual) continue;
      if (*filing.own_end <= end + kSlack && end <= *filing.own_end + kSlack) return i;
    }
    return std::nullopt;
  }

  // Statements are large, so each is made where it stays, and taken away again when it says nothing.

  void make_year(Statements& out, std::size_t index) const {
    const FiscalYear& year = years_[index];
    Statement& statement = out.statements.emplace_back();
    statement.kind = year.transition ? PeriodKind::transition : PeriodKind::year;
    statement.start = year.start;
    statement.end = year.end;
    fill(statement, index, std::nullopt, year.transition ? last_quarter(index) : 4, true);
    if (!finish(statement)) out.statements.pop_back();
  }

  void make_quarter(Statements& out, std::size_t index, int quarter, Date end) const {
    Statement& statement = out.statements.emplace_back();
    statement.kind = PeriodKind::quarter;
    statement.start = start_of(index, quarter, end);
    statement.end = end;
    statement.quarter = quarter;
    fill(statement, index, quarter, quarter, quarter == last_quarter(index));
    if (!finish(statement)) out.statements.pop_back();
  }

  [[nodiscard]] Date start_of(std::size_t year, int quarter, Date end) const {
    if (quarter == 1) return years_[year].start;
    if (const auto before = cells_.quarter_end(year, quarter - 1)) return *before + days(1);
    return cells_.quarter_start(year, quarter).value_or(end - days(90));
  }

  void fill(Statement& statement, std::size_t year, std::optional<int> quarter, int balance_at,
            bool annual) const {
    statement.fiscal_year = years_[year].label;
    statement.currency = years_[year].currency;
    statement.taxonomy = years_[year].taxonomy;
    auto own = first_report(statement.end, annual);
    if (!own && annual) own = first_report(statement.end, false);
    for (std::size_t i = 0; i < kFieldCount; ++i) {
      const Field field = static_cast<Field>(i);
      switch (kind_of(field)) {
        case FieldKind::flow:
        case FieldKind::per_share:
        case FieldKind::average: statement[field] = flow(field, year, quarter); break;
        case FieldKind::instant:
        case FieldKind::shares: statement[field] = balance(field, year, balance_at); break;
        case FieldKind::cover: statement[field] = cover(own); break;
      }
    }
    if (!own) return;
    statement.form = filings_.filings[*own].form;
    statement.accession = filings_.filings[*own].accession;
    statement.filing_date = filings_.filings[*own].filed;
  }

  // Completes a statement; false where nothing of the income statement is known.
  [[nodiscard]] bool finish(Statement& statement) const {
    const auto known = [&](Field field) { return statement[field].has_value(); };
    if (std::none_of(std::begin(kHeadlines), std::end(kHeadlines), known)) return false;
    if (statement.accession.empty()) date_by_values(statement);
    for (const auto& value : statement.values) {
      if (value) statement.latest_filing_date = std::max(statement.latest_filing_date, value->latest_filed);
    }
    complete(statement);
    return true;
  }

  // A period known from comparative columns only: first known when the first of them was filed.
  void date_by_values(Statement& statement) const {
    const Value* first = nullptr;
    for (const Field field : kHeadlines) {
      const auto& value = statement[field];
      if (value && (first == nullptr || value->first_filed < first->first_filed)) first = &*value;
    }
    statement.filing_date = first->first_filed;
    statement.accession = first->first_accession;
    for (const Filing& filing : filings_.filings) {
      if (filing.accession == statement.accession) statement.form = filing.form;
    }
  }

  static void complete(Statement& statement);

  Filings filings_;
  std::vector<FiscalYear> years_;
  Cells cells_;
  SplitBases bases_;
  Speakers speakers_;
  std::vector<const Item*> covers_;  // by filing: the newest count on its cover page
};

// ---- values computed from others of the same statement ----

template <class Operation>
std::optional<Value> combine(const std::optional<Value>& a, const std::optional<Value>& b,
                             Operation&& operation) {
  if (!a || !b) return std::nullopt;
  const std::optional<Decimal> latest = operation(a->latest, b->latest);
  const std::optional<Decimal> first = operation(a->first, b->first);
  if (!latest || !first) return std::nullopt;
  Value value{.latest = trimmed(*latest),
              .first = trimmed(*first),
              .first_filed = std::max(a->first_filed, b->first_filed),
              .latest_filed = std::max(a->latest_filed, b->latest_filed),
              .origin = Origin::computed,
              .split_adjusted = a->split_adjusted || b->split_adjusted,
              .first_accession = a->first_accession};
  for (const Value* part : {&*a, &*b}) {
    for (std::size_t i = 0; i < part->accession_count; ++i) {
      const auto end = value.accessions.begin() + value.accession_count;
      const bool there = std::find(value.accessions.begin(), end, part->accessions[i]) != end;
      if (!there && value.accession_count < value.accessions.size())
        value.accessions[value.accession_count++] = part->accessions[i];
    }
  }
  return value;
}

// Some filers tag share counts in thousands or millions of what they say. Net income and EPS tell how many
// there are; a count that is smaller by 1,000 or 1,000,000 is scaled and marked. Without EPS nothing is
// scaled.
void scale_shares(Statement& statement) {
  const auto& income = statement[Field::net_income];
  const auto& eps = statement[Field::eps_basic] ? statement[Field::eps_basic] : statement[Field::eps_diluted];
  if (!income || !eps || eps->origin != Origin::reported || std::abs(approx(eps->latest)) < 0.05) return;
  const double implied = approx(income->latest) / approx(eps->latest);
  for (const Field field : {Field::weighted_shares_basic, Field::weighted_shares_diluted, Field::cover_shares,
                            Field::balance_shares}) {
    auto& value = statement[field];
    if (!value || value->latest.zero() || implied <= 0) continue;
    const double ratio = implied / approx(value->latest);
    for (const std::int64_t factor : {std::int64_t{1000}, std::int64_t{1'000'000}}) {
      if (std::abs(ratio / static_cast<double>(factor) - 1) > 0.3) continue;
      if (const auto scaled = times(value->latest, factor)) value->latest = *scaled, value->scaled = true;
      break;
    }
  }
}

void compute_eps(Statement& statement, Field eps, Field shares) {
  if (statement[eps] || !statement[shares] || statement[shares]->latest.zero()) return;
  statement[eps] =
      combine(statement[Field::net_income], statement[shares],
              [](const Decimal& income, const Decimal& count) { return divide(income, count, 4); });
}

void compute_liabilities(Statement& statement) {
  if (statement[Field::total_liabilities]) return;
  std::optional<Value> equity = statement[Field::total_equity];
  if (!equity) equity = statement[Field::shareholders_equity];
  if (!statement[Field::total_equity] && statement[Field::minority_interest]) {
    equity = combine(equity, statement[Field::minority_interest], plus);
  }
  auto rest = combine(statement[Field::total_assets], equity, minus);
  if (statement[Field::temporary_equity]) rest = combine(rest, statement[Field::temporary_equity], minus);
  statement[Field::total_liabilities] = rest;
}

void Builder::complete(Statement& statement) {
  scale_shares(statement);
  for (const Field count : {Field::cover_shares, Field::balance_shares, Field::weighted_shares_basic}) {
    if (!statement[Field::shares_outstanding]) statement[Field::shares_outstanding] = statement[count];
  }
  if (!statement[Field::gross_profit]) {
    statement[Field::gross_profit] =
        combine(statement[Field::revenue], statement[Field::cost_of_revenue], minus);
  }
  if (!statement[Field::operating_expenses]) {
    statement[Field::operating_expenses] =
        combine(statement[Field::gross_profit], statement[Field::operating_income], minus);
  }
  statement[Field::free_cash_flow] =
      combine(statement[Field::operating_cash_flow], statement[Field::capex],
              [](const Decimal& cash, const Decimal& spent) { return minus(cash, absolute(spent)); });
  compute_eps(statement, Field::eps_basic, Field::weighted_shares_basic);
  compute_eps(statement, Field::eps_diluted, Field::weighted_shares_diluted);
  compute_liabilities(statement);
}

}  // namespace
}  // namespace statements

Statements build_statements(std::span<const Fact> facts, Date as_of) {
  return statements::Builder(facts, as_of).run();
}

}  // namespace icingest
