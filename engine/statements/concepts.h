// concepts.h: which concepts fill which field, in order of preference.
//
// Shape     a list per field; a filing speaks with one concept per field, the first of its list that it
// reports Threads   built once, constant afterwards Source    docs/pipelines/financials.md gives the reason
// of each line
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "icingest/company_facts.h"
#include "icingest/statements.h"

namespace icingest::statements {

// How values of a field behave in time.
enum class FieldKind : std::uint8_t {
  flow,       // adds up over periods: quarters can be differences
  per_share,  // money per share: adds up nearly; changes with splits
  average,    // weighted share counts: never a difference; changes with splits
  instant,    // a balance
  shares,     // a balance of shares: changes with splits
  cover,      // a count on the cover page, dated after the period's end
};
[[nodiscard]] FieldKind kind_of(Field field);

// One line of the table: `name`, or the sum of `name` and `plus`.
struct Line {
  Field field;
  std::string_view taxonomy;
  std::string_view name;
  std::string_view plus{};
};
[[nodiscard]] std::span<const Line> lines();

// A concept as a field sees it. Ids at and above concepts().size() are sums.
struct Candidate {
  ConceptId what = 0;
  std::uint8_t rank = 0;
};
struct Use {
  Field field;
  std::uint8_t rank = 0;
};
struct Sum {
  ConceptId what = 0, first = 0, second = 0;
};

struct Registry {
  std::vector<Concept> concepts;  // those of documents, then the sums
  std::size_t document_concepts = 0;
  std::array<std::vector<Candidate>, kFieldCount> candidates;
  std::vector<std::vector<Use>> uses;  // by concept
  std::vector<FieldKind> kinds;        // by concept: of the field it fills, alone or as part of a sum
  std::vector<bool> anchors;           // by concept: whether its durations tell fiscal periods
  std::vector<bool> covers;            // by concept: of the cover page (dei)
  std::vector<Sum> sums;
};
[[nodiscard]] const Registry& registry();

}  // namespace icingest::statements
