// filings.h: facts of one company sorted into the filings that carried them.
//
// Shape     a Filing per accession with what can be told of it: its own period, currency, taxonomy; an Item
// per fact
//           that can matter to a statement
// Lifetime  borrows the facts
// Threads   pure functions
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "statements/concepts.h"

namespace icingest::statements {

enum class FormClass : std::uint8_t {
  annual,    // 10-K, 10-KT, 20-F, 40-F and amendments
  interim,   // 10-Q, 6-K and amendments
  other,     // 8-K recasts, registration statements: counts only where no periodic report speaks
  excluded,  // proxy statements: their figures are pay tables, seen wrong by a factor of 1,000
};
[[nodiscard]] FormClass classify(std::string_view form);

struct Filing {
  std::string_view accession;
  std::string_view form;
  Date filed{};
  FormClass form_class = FormClass::other;
  std::optional<Date>
      own_end;  // the newest period whose flows it reports; there for every filing with an Item
  std::optional<std::int64_t> fy;
  std::string_view currency;
  std::string_view taxonomy;
};

// A duration or an instant that facts have. A company has some hundred of them for thousands of facts, so what dates
// decide is decided once for each.
struct Period {
  std::optional<Date> start;
  Date end{};
};

struct Item {
  const Fact* fact = nullptr;
  ConceptId what = 0;
  std::uint32_t filing = 0;
  std::uint32_t period = 0;
  std::string_view currency;  // of money and per-share values; empty for shares
};

struct Filings {
  std::vector<Filing> filings;  // by date filed, then accession
  std::vector<Period> periods;  // each once
  std::vector<Item> items;
  std::deque<Fact> sums;  // facts made by adding two of one filing
};

// Facts filed after `as_of`, ending after they were filed, or in a unit their field cannot have are left out.
[[nodiscard]] Filings sort_by_filing(std::span<const Fact> facts, Date as_of);

}  // namespace icingest::statements
