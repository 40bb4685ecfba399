// known_facts.h: the facts of a company that the table holds already, beside those of a new document.
//
// A later document may leave out what an earlier one had (a filing withdrawn, a concept moved to another company). What
// was known stays known, so statements are made from both.
//
// Lifetime  the facts point into this object
// Threads   one owner
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "icingest/company_facts.h"
#include "icingest/known_rows.h"

namespace icingest {

class KnownFacts {
 public:
  // Replaces what is held by the company's rows of financial_facts. Concepts that this build does not know are left out.
  Result<void> read(KnownRows& tables, std::int64_t cik);
  [[nodiscard]] const std::vector<Fact>& facts() const { return facts_; }

  // Appends the facts that `facts` has not: of one fact by one filing, the document's word counts.
  void add_missing_to(std::vector<Fact>& facts) const;

 private:
  [[nodiscard]] std::string_view keep(std::string_view text) { return *texts_.emplace(text).first; }

  std::unordered_set<std::string> texts_;
  std::vector<Fact> facts_;
};

}  // namespace icingest
