// company.h: recorded companyfacts documents as decoded facts, and what the recorded data's README says they
// hold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "icingest/company_facts.h"
#include "icingest/statements.h"

namespace icingest::test {

// A body with everything that its facts point into.
class Company {
 public:
  explicit Company(const std::string& body);
  [[nodiscard]] const Result<void>& result() const { return result_; }
  [[nodiscard]] const CompanyFacts& decoded() const { return facts_; }
  [[nodiscard]] const std::vector<Fact>& facts() const { return facts_.facts; }
  [[nodiscard]] Statements statements(Date as_of = make_date(2099, 12, 31)) const {
    return build_statements(facts_.facts, as_of);
  }

 private:
  std::unique_ptr<Buffer> body_;
  std::unique_ptr<simdjson::ondemand::parser> parser_;
  CompanyFacts facts_;
  Result<void> result_;
};

// `file` under sec/companyfacts of the recorded data: "CIK0000320193.2026-03.json.gz".
[[nodiscard]] const Company& recorded_company(const std::string& file);

// The statement of the fiscal year or quarter that ends on that day; null when there is none.
[[nodiscard]] const Statement* find_year(const Statements& statements, Date end);
[[nodiscard]] const Statement* find_quarter(const Statements& statements, Date end);

// A line of the README's table of reported annual figures; cells without thousands separators, "-" where
// none.
struct OracleYear {
  std::string file, company, concept_name, unit, revenue, net_income, eps_diluted, form, accession,
      q4_revenue, q4_net_income;
  Date end{};
};
[[nodiscard]] std::vector<OracleYear> oracle_years();

// A line of sec/oracle/reported_*.csv: a fact read from the filing itself.
struct ReportedFact {
  std::string accession, form, concept_name, start, end, value, unit;
};
[[nodiscard]] std::vector<ReportedFact> reported_facts(const std::string& file);

}  // namespace icingest::test
