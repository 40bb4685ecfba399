#include <algorithm>
#include <map>
#include <tuple>

#include "icingest/statements.h"
#include "statements/arithmetic.h"
#include "statements/index.h"

namespace icingest {
namespace {

bool one_key(const Fact& a, const Fact& b) {
  return a.what == b.what && a.end == b.end && a.start == b.start && a.accession == b.accession &&
         a.unit == b.unit;
}

std::uint64_t hash_of_key(const Fact& fact) {
  return statements::hash_of(fact.accession) ^
         statements::mix(statements::hash_of(fact.start, fact.end) + fact.what);
}

// All that two facts of one key can differ in. Numbers by their text: 713 and 713.0 are two rows of the table.
auto rest_of(const Fact& fact) {
  return std::tuple(fact.value.to_string(), fact.frame, fact.fy, fact.fp, fact.form, fact.filed);
}

// The document's order must not decide, so the last word has what only describes the filing.
bool stands_before(const Fact& a, const Fact& b) {
  if (!(a.value == b.value)) return statements::says_more(a.value, b.value);
  return rest_of(b) < rest_of(a);
}

}  // namespace

std::vector<Finding> settle_duplicates(std::vector<Fact>& facts) {
  statements::Index seen(facts.size());
  std::map<std::uint32_t, std::vector<std::uint32_t>> repeated;  // by the first of a key: all that have it
  for (std::uint32_t i = 0; i < facts.size(); ++i) {
    const std::uint64_t hash = hash_of_key(facts[i]);
    const std::uint32_t first =
        seen.find(hash, [&](std::uint32_t at) { return one_key(facts[at], facts[i]); });
    if (first == statements::Index::kNone) seen.add(hash, i);
    else repeated.try_emplace(first, 1, first).first->second.push_back(i);
  }
  std::vector<Finding> found;
  if (repeated.empty()) return found;
  std::vector<bool> dropped(facts.size());
  for (const auto& [first, same_key] : repeated) {
    const Fact& best = facts[*std::min_element(
        same_key.begin(), same_key.end(), [&](auto a, auto b) { return stands_before(facts[a], facts[b]); })];
    for (const std::uint32_t at : same_key) {
      const Fact& fact = facts[at];
      dropped[at] = rest_of(fact) != rest_of(best);
      if (fact.value == best.value) continue;
      found.push_back(
          {"duplicate", fact.end, std::nullopt, concepts()[fact.what].name, fact.value, best.value,
           fact.accession,
           "two values for one period in one filing; the more precise one stands, then the larger"});
    }
  }
  std::erase_if(facts,
                [&](const Fact& fact) { return dropped[static_cast<std::size_t>(&fact - facts.data())]; });
  return found;
}

}  // namespace icingest
