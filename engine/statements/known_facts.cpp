#include "icingest/known_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/text.h"

namespace icingest {
namespace {

// Columns of kFinancialFacts, in its order.
enum Column : std::size_t {
  kCik,
  kTaxonomy,
  kConcept,
  kUnit,
  kStart,
  kEnd,
  kDays,
  kAccession,
  kValue,
  kForm,
  kFiled,
  kFy,
  kFp,
  kFrame
};
static_assert(decltype(kFinancialFacts)::kColumns == kFrame + 1);

auto key_of(const Fact& fact) { return std::tie(fact.what, fact.unit, fact.end, fact.start, fact.accession); }

Failure unreadable(std::int64_t cik) {
  return Failure(
      Error{.action = Action::fail_unit,
            .exit = ExitCode::person,
            .message = fmt::format("financial_facts of company {} holds a row that is no fact", cik),
            .remedy = "delete the company's rows and its unit, and load it again"});
}

}  // namespace

Result<void> KnownFacts::read(KnownRows& tables, std::int64_t cik) {
  texts_.clear();
  facts_.clear();
  static const TableInfo table = describe(kFinancialFacts);
  return tables.each(table, "cik", cik, [&](KnownRows::Row row) -> Result<void> {
    const auto what = find_concept(*row[kTaxonomy], *row[kConcept]);
    if (!what) return {};
    Fact& fact = facts_.emplace_back();
    fact.what = *what;
    fact.unit = keep(*row[kUnit]);
    const auto end = parse_date(*row[kEnd]);
    const auto filed = parse_date(*row[kFiled]);
    if (row[kStart]) fact.start = parse_date(*row[kStart]);
    if (!end || !filed || fact.start.has_value() != row[kStart].has_value() ||
        Decimal::parse(*row[kValue], fact.value) != Fault::none)
      return unreadable(cik);
    fact.end = *end;
    fact.filed = *filed;
    fact.accession = keep(*row[kAccession]);
    fact.form = keep(*row[kForm]);
    if (row[kFy]) fact.fy = text::parse_int(*row[kFy]);
    if (row[kFp]) fact.fp = keep(*row[kFp]);
    if (row[kFrame]) fact.frame = keep(*row[kFrame]);
    return {};
  });
}

void KnownFacts::add_missing_to(std::vector<Fact>& facts) const {
  std::vector<const Fact*> sorted;
  sorted.reserve(facts.size());
  for (const Fact& fact : facts) sorted.push_back(&fact);
  const auto before = [](const Fact* a, const Fact* b) { return key_of(*a) < key_of(*b); };
  std::sort(sorted.begin(), sorted.end(), before);
  std::vector<const Fact*> missing;
  for (const Fact& fact : facts_) {
    if (!std::binary_search(sorted.begin(), sorted.end(), &fact, before)) missing.push_back(&fact);
  }
  for (const Fact* fact : missing) facts.push_back(*fact);
}

}  // namespace icingest
