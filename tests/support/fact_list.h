// fact_list.h: facts written by hand, for tests of periods and vintages.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/statements.h"

namespace icingest::test {

[[nodiscard]] inline Date date(std::string_view text) { return parse_date(text).value(); }

// What it builds points into it: it moves, but is not copied, and a temporary builds nothing.
class FactList {
 public:
  FactList() = default;
  FactList(FactList&&) = default;
  FactList& operator=(FactList&&) = default;

  // One filing; facts added next belong to it.
  FactList& filing(std::string_view accession, std::string_view form, std::string_view filed,
                   std::optional<std::int64_t> fy = std::nullopt) {
    accession_ = keep(accession);
    form_ = keep(form);
    filed_ = parse_date(filed).value();
    fy_ = fy;
    return *this;
  }
  FactList& flow(std::string_view name, std::string_view start, std::string_view end, std::string_view value,
                 std::string_view unit = "USD", std::string_view taxonomy = "us-gaap") {
    add(taxonomy, name, unit, end, value).start = parse_date(start).value();
    return *this;
  }
  FactList& balance(std::string_view name, std::string_view end, std::string_view value,
                    std::string_view unit = "USD", std::string_view taxonomy = "us-gaap") {
    add(taxonomy, name, unit, end, value);
    return *this;
  }
  // Revenue, net income and operating cash flow of one period: what every report has.
  FactList& report(std::string_view start, std::string_view end, std::int64_t revenue,
                   std::string_view unit = "USD") {
    flow("Revenues", start, end, std::to_string(revenue), unit);
    return flow("NetIncomeLoss", start, end, std::to_string(revenue / 10), unit);
  }

  [[nodiscard]] std::vector<Fact>& facts() { return facts_; }
  [[nodiscard]] Statements build(Date as_of = make_date(2099, 12, 31)) const& {
    return build_statements(facts_, as_of);
  }
  Statements build(Date as_of = make_date(2099, 12, 31)) const&& = delete;

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }
  Fact& add(std::string_view taxonomy, std::string_view name, std::string_view unit, std::string_view end,
            std::string_view value) {
    Fact& fact = facts_.emplace_back();
    fact.what = find_concept(taxonomy, name).value();
    fact.unit = keep(unit);
    fact.end = parse_date(end).value();
    ICINGEST_CHECK(Decimal::parse(value, fact.value) == Fault::none);
    fact.accession = accession_;
    fact.form = form_;
    fact.filed = filed_;
    fact.fy = fy_;
    return fact;
  }

  std::vector<Fact> facts_;
  std::deque<std::string> texts_;
  std::string_view accession_, form_;
  Date filed_{};
  std::optional<std::int64_t> fy_;
};

}  // namespace icingest::test
