// Two companies that changed what their statements are measured by: L3Harris its year end, Mercer International its
// currency. The facts are in tests/data/sec; expected figures are those that the companies published.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "icingest/financial_rows.h"
#include "support/company.h"
#include "support/fact_list.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::Company;
using test::date;
using test::find_quarter;
using test::find_year;

const Company& l3harris() {
  static const Company company(test::read_kept_facts("CIK0000202058-subset.json"));
  return company;
}
const Company& mercer() {
  static const Company company(test::read_kept_facts("CIK0001333274-subset.json"));
  return company;
}

std::string latest(const Statement* statement, Field field, std::int64_t in) {
  if (statement == nullptr) return "no statement";
  if (!(*statement)[field]) return "none";
  return std::to_string(static_cast<std::int64_t>((*statement)[field]->latest.mantissa()) / in);
}
constexpr std::int64_t kMillions = 1'000'000;
constexpr std::int64_t kThousands = 1'000;

// Every day on which something was filed: what is true must be so on each of them.
std::set<Date> filing_days(const Company& company) {
  std::set<Date> days;
  for (const Fact& fact : company.facts()) days.insert(fact.filed);
  return days;
}

TEST(FinancialsChanges, TheFactsAreReadAndNoneRefusedOrRepeated) {
  for (const auto& [company, rows] : {std::pair(&l3harris(), 237U), std::pair(&mercer(), 144U)}) {
    ASSERT_TRUE(company->result());
    EXPECT_TRUE(company->decoded().refused.empty());
    std::vector<Fact> facts = company->facts();
    EXPECT_EQ(facts.size(), rows);
    EXPECT_TRUE(settle_duplicates(facts).empty());
    EXPECT_EQ(facts.size(), rows);
  }
}

TEST(FinancialsChanges, YearsBeforeAndAfterATransitionPeriod) {
  const Statements all = l3harris().statements();
  struct Year {
    const char* end;
    std::int64_t label;
    const char *revenue, *net_income, *cash;
  };
  for (const auto& [end, label, revenue, net_income, cash] :
       {Year{"2017-06-30", 2017, "5897", "543", "569"}, Year{"2018-06-29", 2018, "6168", "699", "751"},
        Year{"2019-06-28", 2019, "6801", "949", "1185"}, Year{"2021-01-01", 2020, "18194", "1119", "2790"}}) {
    const Statement* year = find_year(all, date(end));
    ASSERT_NE(year, nullptr) << end;
    EXPECT_EQ(year->fiscal_year, label) << end;
    EXPECT_EQ(latest(year, Field::revenue, kMillions), revenue) << end;
    EXPECT_EQ(latest(year, Field::net_income, kMillions), net_income) << end;
    EXPECT_EQ(latest(year, Field::operating_cash_flow, kMillions), cash) << end;
  }
  EXPECT_EQ(find_year(all, date("2021-01-01"))->start, date("2020-01-04"));
  // The report for 2020 shows the twelve months to 3 January 2020 too, 12,856 million: a column, no fiscal year.
  EXPECT_EQ(find_year(all, date("2020-01-03")), nullptr);
}

TEST(FinancialsChanges, ATransitionPeriodIsAStatementAndNoRow) {
  const Statements all = l3harris().statements();
  std::vector<const Statement*> transitions;
  for (const Statement& one : all.statements) {
    if (one.kind == PeriodKind::transition) transitions.push_back(&one);
  }
  ASSERT_EQ(transitions.size(), 1U);
  const Statement& period = *transitions.front();
  EXPECT_EQ(period.start, date("2019-06-29"));
  EXPECT_EQ(period.end, date("2020-01-03"));
  EXPECT_EQ(period.form, "10-KT");
  EXPECT_EQ(period.filing_date, date("2020-03-03"));
  EXPECT_EQ(latest(&period, Field::revenue, kMillions), "9263");
  EXPECT_EQ(latest(&period, Field::net_income, kMillions), "822");
  EXPECT_EQ(latest(&period, Field::operating_cash_flow, kMillions), "939");
  EXPECT_EQ(latest(&period, Field::total_assets, kMillions), "38336");
  EXPECT_EQ(latest(&period, Field::cover_shares, 1), "216896195");
  EXPECT_FALSE(has_row(period));
}

TEST(FinancialsChanges, QuartersOfATransitionPeriodAreNumberedFromItsStart) {
  const Statements all = l3harris().statements();
  struct Quarter {
    const char *start, *end;
    std::int64_t label, number;
    const char *revenue, *net_income, *cash, *assets;
    Origin origin;  // of revenue
  };
  const std::vector<Quarter> expected = {
      {"2018-06-30", "2018-09-28", 2019, 1, "1542", "213", "117", "9889", Origin::reported},
      {"2018-09-29", "2018-12-28", 2019, 2, "1666", "225", "352", "9852", Origin::reported},
      {"2018-12-29", "2019-03-29", 2019, 3, "1728", "243", "405", "9792", Origin::reported},
      {"2019-03-30", "2019-06-28", 2019, 4, "1865", "268", "311", "10117", Origin::reported},
      {"2019-06-29", "2019-09-27", 2020, 1, "4431", "429", "81", "38947", Origin::reported},
      {"2019-09-28", "2020-01-03", 2020, 2, "4832", "393", "858", "38336", Origin::difference},
      {"2020-01-04", "2020-04-03", 2020, 1, "4626", "217", "533", "38105", Origin::reported},
      {"2020-04-04", "2020-07-03", 2020, 2, "4445", "283", "802", "37852", Origin::reported},
      {"2020-07-04", "2020-10-02", 2020, 3, "4463", "426", "757", "37145", Origin::reported},
      {"2020-10-03", "2021-01-01", 2020, 4, "4660", "193", "698", "36960", Origin::difference},
      {"2021-01-02", "2021-04-02", 2021, 1, "4567", "468", "661", "36590", Origin::reported}};
  std::size_t found = 0;
  for (const Statement& one : all.statements) {
    if (!one.quarter || one.end < date("2018-09-01")) continue;
    ASSERT_LT(found, expected.size()) << "a quarter that nobody had: " << to_string(one.end);
    const Quarter& quarter = expected[found++];
    EXPECT_EQ(to_string(one.start), quarter.start) << quarter.end;
    EXPECT_EQ(to_string(one.end), quarter.end);
    EXPECT_EQ(one.fiscal_year, quarter.label) << quarter.end;
    EXPECT_EQ(*one.quarter, quarter.number) << quarter.end;
    EXPECT_EQ(latest(&one, Field::revenue, kMillions), quarter.revenue) << quarter.end;
    EXPECT_EQ(latest(&one, Field::net_income, kMillions), quarter.net_income) << quarter.end;
    EXPECT_EQ(latest(&one, Field::operating_cash_flow, kMillions), quarter.cash) << quarter.end;
    EXPECT_EQ(latest(&one, Field::total_assets, kMillions), quarter.assets) << quarter.end;
    EXPECT_EQ(one[Field::revenue]->origin, quarter.origin) << quarter.end;
  }
  EXPECT_EQ(found, expected.size());
}

// Whatever was known when: periods follow each other, and nothing comes twice.
TEST(FinancialsChanges, NoDayHasTwoRowsOfOneKeyOrOneLabelForTwoYears) {
  for (const Company* company : {&l3harris(), &mercer()}) {
    for (const Date day : filing_days(*company)) {
      const Statements all = company->statements(day);
      std::set<std::pair<Date, std::int64_t>> keys;
      std::map<std::int64_t, Date> labels;
      Date last_end{}, last_quarter{};
      for (const Statement& one : all.statements) {
        if (has_row(one)) {
          EXPECT_TRUE(keys.insert({one.end, one.quarter.value_or(0)}).second)
              << to_string(one.end) << " on " << to_string(day);
        }
        Date& last = one.quarter ? last_quarter : last_end;
        EXPECT_GT(one.start, last) << to_string(one.end) << " on " << to_string(day);
        last = one.end;
        if (one.kind != PeriodKind::year) continue;
        EXPECT_TRUE(labels.try_emplace(one.fiscal_year, one.end).second)
            << one.fiscal_year << " on " << to_string(day);
      }
    }
  }
}

TEST(FinancialsChanges, TheChangeIsKnownFromTheTransitionReportOn) {
  // Before it, the quarter to September 2019 was the first of a year that would end in June.
  const Statements before = l3harris().statements(date("2020-03-02"));
  const Statement* quarter = find_quarter(before, date("2019-09-27"));
  ASSERT_NE(quarter, nullptr);
  EXPECT_EQ(*quarter->quarter, 1);
  EXPECT_EQ(quarter->fiscal_year, 2020);
  EXPECT_EQ(find_quarter(before, date("2020-01-03")), nullptr);
  const Statements then = l3harris().statements(date("2020-03-03"));
  EXPECT_EQ(latest(find_quarter(then, date("2020-01-03")), Field::revenue, kMillions), "4832");
  EXPECT_EQ(find_quarter(then, date("2019-09-27"))->fiscal_year, 2020) << "its label stays";
  // Nine months of the new year, and no annual report: its fourth quarter is nobody's.
  const Statements later = l3harris().statements(date("2020-12-31"));
  EXPECT_EQ(find_quarter(later, date("2020-10-02"))->quarter, 3);
  EXPECT_EQ(find_quarter(later, date("2021-01-01")), nullptr);
  EXPECT_EQ(find_year(later, date("2021-01-01")), nullptr);
}

// New revenue rules recast fiscal 2018: its nine months are known only as recast, its quarters and the year in both
// ways. A year of one vintage less nine months of another, 1,675 million, would be nobody's quarter.
TEST(FinancialsChanges, AQuarterIsTheDifferenceOfFiguresOfOneVintage) {
  const auto fourth = [](const char* day) {
    const Statements all = l3harris().statements(date(day));
    return latest(find_quarter(all, date("2018-06-29")), Field::revenue, kMillions);
  };
  EXPECT_EQ(fourth("2018-08-27"), "1666") << "6,182 less 1,413, 1,535 and 1,568";
  EXPECT_EQ(fourth("2019-06-30"), "1666") << "nine months recast, the year not yet";
  EXPECT_EQ(fourth("2021-05-31"), "1661") << "6,168 less 4,507";
  const Statements all = l3harris().statements();
  const auto& value = (*find_quarter(all, date("2018-06-29")))[Field::revenue];
  EXPECT_EQ(value->first.to_string(), "1666000000");
  EXPECT_EQ(value->first_filed, date("2018-08-27"));
  for (const Finding& finding : check_statements(all)) {
    if (finding.rule != "quarter_sum") continue;
    EXPECT_EQ(to_string(finding.period_end), "2017-06-30") << finding.field << ": recast as a year alone";
  }
}

TEST(FinancialsChanges, EachYearIsInTheCurrencyOfItsOwnReport) {
  const Statements all = mercer().statements();
  struct Year {
    const char *end, *currency, *revenue, *net_income, *assets;
  };
  for (const auto& [end, currency, revenue, net_income, assets] :
       {Year{"2010-12-31", "EUR", "905599", "86279", "1216075"},
        Year{"2011-12-31", "EUR", "899475", "50075", "1217250"},
        Year{"2012-12-31", "EUR", "834143", "-12185", "1183603"},
        Year{"2013-12-31", "USD", "1088385", "-26375", "1548559"},
        Year{"2014-12-31", "USD", "1175112", "113154", "1306229"},
        Year{"2015-12-31", "USD", "1033204", "75502", "1182817"}}) {
    const Statement* year = find_year(all, date(end));
    EXPECT_EQ(year->currency, currency) << end;
    EXPECT_EQ(latest(year, Field::revenue, kThousands), revenue) << end;
    EXPECT_EQ(latest(year, Field::net_income, kThousands), net_income) << end;
    EXPECT_EQ(latest(year, Field::total_assets, kThousands), assets) << end;
  }
  // The reports for 2013 and 2014 show 2012 again, in dollars: 1,072,736, a loss of 15,670, assets of 1,560,581.
  const Statement* year = find_year(all, date("2012-12-31"));
  EXPECT_EQ((*year)[Field::revenue]->latest_filed, date("2013-02-15"));
  EXPECT_EQ((*year)[Field::net_income]->latest_filed, date("2013-02-15"));
  EXPECT_EQ((*year)[Field::total_assets]->latest_filed, date("2013-11-01"));
  // What is newer in euros is a restatement.
  EXPECT_EQ((*find_year(all, date("2011-12-31")))[Field::revenue]->first.to_string(), "889368000");
}

TEST(FinancialsChanges, NoQuarterMixesCurrencies) {
  const Statements all = mercer().statements();
  struct Quarter {
    const char *end, *currency, *revenue, *net_income;
  };
  for (const auto& [end, currency, revenue, net_income] :
       {Quarter{"2012-09-30", "EUR", "223275", "-9712"}, Quarter{"2012-12-31", "EUR", "191256", "-5161"},
        Quarter{"2013-03-31", "USD", "261785", "-561"}, Quarter{"2013-06-30", "USD", "274700", "-13015"},
        Quarter{"2013-09-30", "USD", "269218", "-2966"}, Quarter{"2013-12-31", "USD", "282682", "-9833"},
        Quarter{"2014-03-31", "USD", "305685", "21041"}, Quarter{"2014-12-31", "USD", "282625", "3205"}}) {
    const Statement* quarter = find_quarter(all, date(end));
    ASSERT_NE(quarter, nullptr) << end;
    EXPECT_EQ(quarter->currency, currency) << end;
    EXPECT_EQ(latest(quarter, Field::revenue, kThousands), revenue) << end;
    EXPECT_EQ(latest(quarter, Field::net_income, kThousands), net_income) << end;
  }
  EXPECT_EQ(latest(find_quarter(all, date("2013-03-31")), Field::total_assets, kThousands), "none")
      << "1,185,560 are euros, and nobody gave them in dollars";
  EXPECT_EQ((*find_quarter(all, date("2013-03-31")))[Field::revenue]->first_filed, date("2014-05-02"));
}

TEST(FinancialsChanges, QuartersOfTheYearOfTheChangeComeWithTheirDollars) {
  const auto revenues = [](const char* day) {
    const Statements all = mercer().statements(date(day));
    std::string text;
    for (const char* end : {"2013-03-31", "2013-06-30", "2013-09-30", "2013-12-31"}) {
      const Statement* quarter = find_quarter(all, date(end));
      if (quarter == nullptr) text += "- ";
      else text += latest(quarter, Field::revenue, kThousands) + " " + std::string(quarter->currency) + " ";
    }
    return text;
  };
  EXPECT_EQ(revenues("2014-02-20"), "198272 EUR 210146 EUR 203121 EUR - ");
  // The year is in dollars now, and its quarters are not: 1,088,385 less 611,539 euros would be no quarter.
  EXPECT_EQ(revenues("2014-02-21"), "- - - - ");
  EXPECT_EQ(revenues("2014-08-01"), "261785 USD 274700 USD - - ");
  EXPECT_EQ(revenues("2014-10-31"), "261785 USD 274700 USD 269218 USD 282682 USD ");
}

}  // namespace
}  // namespace icingest
