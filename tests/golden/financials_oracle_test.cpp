// Published figures against what the statement builder makes of the recorded facts, to the last digit. Both
// tables are read at run time: the README's from its markdown, the originals' from sec/oracle/*.csv.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "support/company.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::find_quarter;
using test::find_year;
using test::recorded_company;

Decimal decimal(const std::string& text) {
  Decimal value;
  EXPECT_EQ(Decimal::parse(text, value), Fault::none) << text;
  return value;
}

void expect_first(const Statement& statement, Field field, const std::string& wanted,
                  const std::string& what) {
  const auto& value = statement[field];
  ASSERT_TRUE(value) << what << " " << to_string(field);
  EXPECT_EQ(value->first, decimal(wanted))
      << what << " " << to_string(field) << " " << value->first.to_string();
}

TEST(FinancialsOracle, AnnualFiguresAndFourthQuartersOfTheReadme) {
  ICINGEST_NEEDS_SHARED_DATA();
  const auto years = test::oracle_years();
  ASSERT_EQ(years.size(), 20U) << "the README's table has changed its form";
  std::size_t quarters = 0;
  for (const test::OracleYear& year : years) {
    const std::string what = year.company + " " + to_string(year.end);
    const test::Company& company = recorded_company(year.file);
    ASSERT_TRUE(company.result()) << what;
    const Statements statements = company.statements();
    const Statement* annual = find_year(statements, year.end);
    ASSERT_NE(annual, nullptr) << what;
    expect_first(*annual, Field::revenue, year.revenue, what);
    expect_first(*annual, Field::net_income, year.net_income, what);
    EXPECT_EQ((*annual)[Field::revenue]->first_accession, year.accession) << what;
    EXPECT_EQ(annual->accession, year.accession) << what;
    EXPECT_EQ(annual->form, year.form) << what;
    EXPECT_EQ(annual->currency, year.unit) << what;
    const auto& eps = (*annual)[Field::eps_diluted];
    const bool has_eps = eps && eps->origin == Origin::reported;
    EXPECT_EQ(has_eps, year.eps_diluted != "-") << what;
    if (has_eps) expect_first(*annual, Field::eps_diluted, year.eps_diluted, what);

    const Statement* fourth = find_quarter(statements, year.end);
    if (year.q4_revenue == "-") {
      continue;  // not in the table
    }
    ++quarters;
    ASSERT_NE(fourth, nullptr) << what;
    EXPECT_EQ(fourth->quarter, 4) << what;
    expect_first(*fourth, Field::revenue, year.q4_revenue, what);
    expect_first(*fourth, Field::net_income, year.q4_net_income, what);
  }
  EXPECT_EQ(quarters, 15U);
}

// On the day a report was filed, what it said is what was known.
TEST(FinancialsOracle, AsOfTheFilingDateTheLatestValueIsTheFirst) {
  ICINGEST_NEEDS_SHARED_DATA();
  for (const test::OracleYear& year : test::oracle_years()) {
    const std::string what = year.company + " " + to_string(year.end);
    const test::Company& company = recorded_company(year.file);
    const Statements all = company.statements();
    const Statement* annual = find_year(all, year.end);
    ASSERT_NE(annual, nullptr) << what;
    const Statements then = company.statements(annual->filing_date);
    const Statement* known = find_year(then, year.end);
    ASSERT_NE(known, nullptr) << what;
    EXPECT_EQ((*known)[Field::revenue]->latest, decimal(year.revenue)) << what;
    EXPECT_EQ((*known)[Field::net_income]->latest, decimal(year.net_income)) << what;
    if (year.eps_diluted != "-") {
      EXPECT_EQ((*known)[Field::eps_diluted]->latest, decimal(year.eps_diluted)) << what;
    }
    EXPECT_EQ(find_year(company.statements(annual->filing_date - std::chrono::days(1)), year.end), nullptr)
        << what;
  }
}

}  // namespace
}  // namespace icingest
