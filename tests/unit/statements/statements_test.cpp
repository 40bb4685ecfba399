// Period rules one at a time, on facts written by hand. Real companies are in tests/golden/financials_*.cpp.
#include "icingest/statements.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "support/company.h"
#include "support/fact_list.h"

namespace icingest {
namespace {

using test::date;
using test::FactList;
using test::find_quarter;
using test::find_year;

std::string latest(const Statement* statement, Field field) {
  if (statement == nullptr) return "no statement";
  return (*statement)[field] ? (*statement)[field]->latest.to_string() : "none";
}

// A calendar-year filer with all four reports.
FactList plain_year() {
  FactList list;
  list.filing("q1", "10-Q", "2023-05-01", 2023).report("2023-01-01", "2023-03-31", 100);
  list.filing("q2", "10-Q", "2023-08-01", 2023)
      .report("2023-04-01", "2023-06-30", 110)
      .report("2023-01-01", "2023-06-30", 210);
  list.filing("q3", "10-Q", "2023-11-01", 2023)
      .report("2023-07-01", "2023-09-30", 120)
      .report("2023-01-01", "2023-09-30", 330);
  list.filing("k", "10-K", "2024-02-15", 2023).report("2023-01-01", "2023-12-31", 500);
  return list;
}

// The same year in one concept, its quarters by themselves and nothing to date.
FactList quarters_and_year(const char* concept_name, const char* first, const char* second, const char* third,
                           const char* year) {
  FactList list;
  list.filing("q1", "10-Q", "2023-05-01").flow(concept_name, "2023-01-01", "2023-03-31", first);
  list.filing("q2", "10-Q", "2023-08-01").flow(concept_name, "2023-04-01", "2023-06-30", second);
  list.filing("q3", "10-Q", "2023-11-01").flow(concept_name, "2023-07-01", "2023-09-30", third);
  list.filing("k", "10-K", "2024-02-15", 2023).flow(concept_name, "2023-01-01", "2023-12-31", year);
  return list;
}

TEST(Statements, FourthQuarterIsTheYearLessNineMonths) {
  const FactList list = plain_year();
  const Statements built = list.build();
  ASSERT_EQ(built.statements.size(), 5U);
  const Statement* fourth = find_quarter(built, date("2023-12-31"));
  EXPECT_EQ(latest(fourth, Field::revenue), "170");
  EXPECT_EQ((*fourth)[Field::revenue]->origin, Origin::difference);
  EXPECT_EQ((*fourth)[Field::revenue]->accessions[0], "k");
  EXPECT_EQ((*fourth)[Field::revenue]->accessions[1], "q3");
  EXPECT_EQ(fourth->start, date("2023-10-01"));
  EXPECT_EQ(fourth->quarter, 4);
  EXPECT_EQ(fourth->filing_date, date("2024-02-15"));
  EXPECT_EQ((*find_quarter(built, date("2023-06-30")))[Field::revenue]->origin, Origin::reported);
}

TEST(Statements, NothingDependsOnOrderNorOnFyFpAndFrame) {
  FactList list = plain_year();
  const Statements before = list.build();
  std::mt19937 random(7);
  std::shuffle(list.facts().begin(), list.facts().end(), random);
  for (Fact& fact : list.facts()) fact.fy.reset(), fact.fp = "Q9", fact.frame = "CY1999";
  const Statements after = list.build();
  ASSERT_EQ(after.statements.size(), before.statements.size());
  for (std::size_t i = 0; i < before.statements.size(); ++i) {
    EXPECT_EQ(after.statements[i].end, before.statements[i].end);
    EXPECT_EQ(after.statements[i].fiscal_year, before.statements[i].fiscal_year);
    EXPECT_EQ(latest(&after.statements[i], Field::revenue), latest(&before.statements[i], Field::revenue));
  }
}

TEST(Statements, QuartersWithoutThreeMonthFactsAreDifferences) {
  FactList list;
  list.filing("q1", "10-Q", "2023-05-01").report("2023-01-01", "2023-03-31", 100);
  list.filing("q2", "10-Q", "2023-08-01").report("2023-01-01", "2023-06-30", 210);
  list.filing("q3", "10-Q", "2023-11-01").report("2023-01-01", "2023-09-30", 330);
  const Statements built = list.build();
  EXPECT_EQ(latest(find_quarter(built, date("2023-06-30")), Field::revenue), "110");
  EXPECT_EQ(latest(find_quarter(built, date("2023-09-30")), Field::revenue), "120");
  EXPECT_EQ(find_year(built, date("2023-12-31")), nullptr) << "no annual report yet";
}

TEST(Statements, AsOfADateOnlyWhatWasFiledByThen) {
  const FactList list = plain_year();
  EXPECT_EQ(list.build(date("2023-04-30")).statements.size(), 0U);
  EXPECT_EQ(list.build(date("2023-08-01")).statements.size(), 2U);
  EXPECT_EQ(find_quarter(list.build(date("2024-02-14")), date("2023-12-31")), nullptr);
  EXPECT_NE(find_quarter(list.build(date("2024-02-15")), date("2023-12-31")), nullptr);
}

TEST(Statements, ARestatementIsTheLatestValueAndTheFirstIsKept) {
  FactList list = plain_year();
  list.filing("k2", "10-K", "2025-02-15", 2024)
      .report("2024-01-01", "2024-12-31", 700)
      .report("2023-01-01", "2023-12-31", 480);
  const Statements built = list.build();
  const auto& revenue = (*find_year(built, date("2023-12-31")))[Field::revenue];
  EXPECT_EQ(revenue->latest.to_string(), "480");
  EXPECT_EQ(revenue->first.to_string(), "500");
  EXPECT_EQ(revenue->first_filed, date("2024-02-15"));
  EXPECT_EQ(revenue->latest_filed, date("2025-02-15"));
  // Nine months were not restated: the quarter keeps the figures that belong together.
  EXPECT_EQ(latest(find_quarter(built, date("2023-12-31")), Field::revenue), "170");
}

TEST(Statements, YearAndNineMonthsRestatedTogetherMoveTheFourthQuarter) {
  FactList list = plain_year();
  list.filing("q3b", "10-Q", "2024-11-01", 2024)
      .report("2024-01-01", "2024-09-30", 400)
      .report("2023-01-01", "2023-09-30", 300);
  list.filing("k2", "10-K", "2025-02-15", 2024)
      .report("2024-01-01", "2024-12-31", 700)
      .report("2023-01-01", "2023-12-31", 480);
  const Statements built = list.build();
  const auto& fourth = (*find_quarter(built, date("2023-12-31")))[Field::revenue];
  EXPECT_EQ(fourth->latest.to_string(), "180");
  EXPECT_EQ(fourth->first.to_string(), "170");
}

// Nine months that were first filed as recast are of another vintage than the year before it was recast; the three
// quarters are known in both.
TEST(Statements, PartsKnownWithTheWholeGoBeforeThoseOfALaterVintage) {
  FactList list = quarters_and_year("Revenues", "100", "110", "120", "500");
  const auto revenue = [&](const char* start, const char* end, const char* value) {
    list.flow("Revenues", start, end, value);
  };
  list.filing("q3b", "10-Q", "2024-11-01");
  revenue("2023-01-01", "2023-09-30", "321");
  EXPECT_EQ(latest(find_quarter(list.build(), date("2023-12-31")), Field::revenue), "170")
      << "neither the year nor the quarters are recast yet";
  revenue("2023-07-01", "2023-09-30", "111");
  list.filing("k2", "10-K", "2025-02-15", 2024);
  revenue("2023-01-01", "2023-12-31", "490");
  const Statements built = list.build();
  const auto& fourth = (*find_quarter(built, date("2023-12-31")))[Field::revenue];
  EXPECT_EQ(fourth->latest.to_string(), "169") << "490 less 100, 110 and 111";
  EXPECT_EQ(fourth->first.to_string(), "170");
  EXPECT_EQ(fourth->first_filed, date("2024-02-15"));
}

// A first quarter that was filed as a profit and was a loss: nine months that came later are right.
TEST(Statements, AFirstQuarterWithTheWrongSignDoesNotGoBeforeLaterNineMonths) {
  FactList list = quarters_and_year("NetIncomeLoss", "613.6", "-41.2", "-283.4", "-1180.4");
  list.filing("q1b", "10-Q", "2024-05-01");
  list.flow("NetIncomeLoss", "2023-01-01", "2023-03-31", "-614");
  list.filing("q3b", "10-Q", "2024-11-01");
  list.flow("NetIncomeLoss", "2023-01-01", "2023-09-30", "-939");
  EXPECT_EQ(latest(find_quarter(list.build(), date("2023-12-31")), Field::net_income), "-241.4");
}

TEST(Statements, AmendmentsReplaceProxiesAreIgnoredAndRecastsComeLast) {
  FactList list = plain_year();
  list.filing("ka", "10-K/A", "2024-03-15", 2023).report("2023-01-01", "2023-12-31", 501);
  list.filing("p", "DEF 14A", "2024-04-15").report("2023-01-01", "2023-12-31", 500'000);
  list.filing("e", "8-K", "2024-05-15")
      .report("2023-01-01", "2023-12-31", 499)
      .report("2020-01-01", "2020-12-31", 42);
  const Statements built = list.build();
  EXPECT_EQ(latest(find_year(built, date("2023-12-31")), Field::revenue), "501");
}

TEST(Statements, LabelsFollowTheFilerForYearAndItsQuartersAlike) {
  // A retailer that calls the year ending on 2 February 2025 its fiscal 2024; one of its reports is
  // mistagged.
  FactList list;
  list.filing("k1", "10-K", "2023-03-15", 2022).report("2022-01-31", "2023-01-29", 1000);
  list.filing("k2", "10-K", "2024-03-15", 2024).report("2023-01-30", "2024-01-28", 1000);
  list.filing("q2", "10-Q", "2024-08-20", 2024).report("2024-04-29", "2024-07-28", 250);
  list.filing("k3", "10-K", "2025-03-15", 2024).report("2024-01-29", "2025-02-02", 1000);
  list.filing("q2b", "10-Q", "2025-08-20", 2025)
      .report("2025-05-05", "2025-08-03", 260)
      .report("2025-02-03", "2025-08-03", 500);
  const Statements built = list.build();
  EXPECT_EQ(find_year(built, date("2023-01-29"))->fiscal_year, 2022);
  EXPECT_EQ(find_year(built, date("2024-01-28"))->fiscal_year, 2023);
  EXPECT_EQ(find_year(built, date("2025-02-02"))->fiscal_year, 2024);
  EXPECT_EQ(find_quarter(built, date("2024-07-28"))->fiscal_year, 2024);
  EXPECT_EQ(find_quarter(built, date("2025-08-03"))->fiscal_year, 2025) << "the open year: one more";
}

TEST(Statements, AYearEndThatSlipsIntoJanuaryKeepsItsYear) {
  FactList list;
  list.filing("k1", "10-K", "2025-02-20", 2024).report("2023-12-31", "2024-12-28", 1000);
  list.filing("q3", "10-Q", "2025-10-20", 2025)
      .report("2025-06-29", "2025-09-27", 250)
      .report("2024-12-29", "2025-09-27", 700);
  list.filing("k2", "10-K", "2026-02-20", 2025).report("2024-12-29", "2026-01-03", 1000);
  const Statements built = list.build();
  EXPECT_EQ(find_year(built, date("2026-01-03"))->fiscal_year, 2025);
  EXPECT_EQ(find_quarter(built, date("2025-09-27"))->fiscal_year, 2025);
  EXPECT_EQ(latest(find_quarter(built, date("2026-01-03")), Field::revenue), "300");
}

TEST(Statements, QuartersOfTwelveTwelveTwelveAndSixteenWeeks) {
  FactList list;
  list.filing("q1", "10-Q", "2023-12-20").report("2023-09-04", "2023-11-26", 57);
  list.filing("q2", "10-Q", "2024-03-13")
      .report("2023-11-27", "2024-02-18", 58)
      .report("2023-09-04", "2024-02-18", 115);
  list.filing("q3", "10-Q", "2024-06-06")
      .report("2024-02-19", "2024-05-12", 59)
      .report("2023-09-04", "2024-05-12", 174);
  list.filing("k", "10-K", "2024-10-09", 2024).report("2023-09-04", "2024-09-01", 254);
  const Statements built = list.build();
  EXPECT_EQ(find_quarter(built, date("2024-05-12"))->quarter, 3);
  const Statement* fourth = find_quarter(built, date("2024-09-01"));
  EXPECT_EQ(latest(fourth, Field::revenue), "80");
  EXPECT_EQ(fourth->start, date("2024-05-13"));
}

TEST(Statements, AChangedYearEndMakesATransitionPeriodWithQuartersOfItsOwn) {
  FactList list;
  list.filing("k1", "10-K", "2022-08-20", 2022).report("2021-07-01", "2022-06-30", 1000);
  list.filing("t1", "10-QT", "2022-11-10").report("2022-07-01", "2022-09-30", 260);
  list.filing("kt", "10-KT", "2023-02-20", 2022).report("2022-07-01", "2022-12-31", 550);
  list.filing("q1", "10-Q", "2023-05-10", 2023).report("2023-01-01", "2023-03-31", 300);
  list.filing("k2", "10-K", "2024-02-20", 2023).report("2023-01-01", "2023-12-31", 1300);
  const Statements built = list.build();
  const auto transition =
      std::find_if(built.statements.begin(), built.statements.end(),
                   [](const Statement& one) { return one.kind == PeriodKind::transition; });
  ASSERT_NE(transition, built.statements.end());
  EXPECT_EQ(transition->end, date("2022-12-31"));
  EXPECT_EQ(latest(&*transition, Field::revenue), "550");
  EXPECT_EQ(find_year(built, date("2022-12-31")), nullptr) << "six months are no year";
  EXPECT_EQ(find_quarter(built, date("2022-09-30"))->quarter, 1);
  EXPECT_EQ(latest(find_quarter(built, date("2022-12-31")), Field::revenue), "290");
  EXPECT_EQ(find_quarter(built, date("2023-03-31"))->quarter, 1);
  EXPECT_EQ(latest(find_year(built, date("2023-12-31")), Field::revenue), "1300");
}

TEST(Statements, HalfYearFilersHaveYearsAndNoInventedQuarters) {
  FactList list;
  list.filing("h1", "6-K", "2023-08-20").report("2023-01-01", "2023-06-30", 400, "GBP");
  list.filing("k", "20-F", "2024-03-20", 2023).report("2023-01-01", "2023-12-31", 900, "GBP");
  const Statements built = list.build();
  ASSERT_EQ(built.statements.size(), 1U);
  EXPECT_EQ(latest(find_year(built, date("2023-12-31")), Field::revenue), "900");
  EXPECT_EQ(built.statements[0].currency, "GBP");
}

TEST(Statements, EachYearSpeaksTheCurrencyOfItsOwnReport) {
  FactList list;
  list.filing("k1", "40-F", "2022-03-20", 2021)
      .report("2021-01-01", "2021-12-31", 900, "CAD")
      .balance("Assets", "2021-12-31", "5000", "CAD");
  list.filing("k2", "40-F", "2023-03-20", 2022)
      .report("2022-01-01", "2022-12-31", 800, "USD")
      .report("2021-01-01", "2021-12-31", 720, "USD")
      .balance("Assets", "2022-12-31", "4400", "USD");
  const Statements built = list.build();
  const Statement* before = find_year(built, date("2021-12-31"));
  EXPECT_EQ(before->currency, "CAD");
  EXPECT_EQ(latest(before, Field::revenue), "900")
      << "the restated column is in dollars: another figure, not a newer one";
  EXPECT_EQ(find_year(built, date("2022-12-31"))->currency, "USD");
}

TEST(Statements, ConvenienceTranslationsAreNotTheReportingCurrency) {
  FactList list;
  list.filing("k", "20-F", "2024-05-20", 2024)
      .report("2023-04-01", "2024-03-31", 941, "CNY")
      .report("2022-04-01", "2023-03-31", 868, "CNY")
      .report("2023-04-01", "2024-03-31", 130, "USD");
  const Statements built = list.build();
  const Statement* year = find_year(built, date("2024-03-31"));
  EXPECT_EQ(year->currency, "CNY");
  EXPECT_EQ(latest(year, Field::revenue), "941");
}

FactList split_year() {
  FactList list;
  const auto shares = [&](const char* start, const char* end, const char* count, const char* eps) {
    list.flow("WeightedAverageNumberOfDilutedSharesOutstanding", start, end, count, "shares");
    list.flow("EarningsPerShareDiluted", start, end, eps, "USD/shares");
  };
  list.filing("q1", "10-Q", "2024-05-29").report("2024-01-29", "2024-04-28", 26044);
  shares("2024-01-29", "2024-04-28", "2489000000", "5.98");
  shares("2023-01-30", "2023-04-30", "2490000000", "0.82");
  list.filing("q2", "10-Q", "2024-08-28").report("2024-04-29", "2024-07-28", 30040);
  shares("2024-04-29", "2024-07-28", "24848000000", "0.67");
  shares("2024-01-29", "2024-07-28", "24869000000", "1.27");
  list.filing("q1b", "10-Q", "2025-05-28").report("2025-01-27", "2025-04-27", 44062);
  shares("2025-01-27", "2025-04-27", "24611000000", "0.76");
  shares("2024-01-29", "2024-04-28", "24890000000", "0.6");
  return list;
}

TEST(Statements, ASplitIsAppliedToWhatWasFiledBeforeIt) {
  const FactList list = split_year();
  const Statements built = list.build();
  ASSERT_EQ(built.splits.size(), 1U);
  EXPECT_EQ(built.splits[0].numerator, 10);
  EXPECT_EQ(built.splits[0].denominator, 1);
  EXPECT_EQ(built.splits[0].accession, "q1b");
  const auto& restated = (*find_quarter(built, date("2024-04-28")))[Field::eps_diluted];
  EXPECT_EQ(restated->latest.to_string(), "0.6") << "the filer's own restatement, not 0.598";
  EXPECT_EQ(restated->first.to_string(), "5.98");
  EXPECT_FALSE(restated->split_adjusted);
  const auto& older = (*find_quarter(built, date("2023-04-30")))[Field::eps_diluted];
  EXPECT_EQ(older->latest.to_string(), "0.082");
  EXPECT_TRUE(older->split_adjusted);
  EXPECT_EQ((*find_quarter(built, date("2023-04-30")))[Field::weighted_shares_diluted]->latest.to_string(),
            "24900000000");
}

TEST(Statements, BeforeTheSplitWasFiledNothingIsAdjusted) {
  const FactList list = split_year();
  const Statements built = list.build(date("2024-08-01"));
  EXPECT_TRUE(built.splits.empty());
  EXPECT_EQ(latest(find_quarter(built, date("2024-04-28")), Field::eps_diluted), "5.98");
}

TEST(Statements, AMistakenUnitIsNoSplit) {
  FactList list;
  list.filing("k1", "10-K", "2023-02-20").report("2022-01-01", "2022-12-31", 1'000'000'000);
  list.flow("WeightedAverageNumberOfSharesOutstandingBasic", "2022-01-01", "2022-12-31", "50000", "shares");
  list.flow("EarningsPerShareBasic", "2022-01-01", "2022-12-31", "2", "USD/shares");
  list.filing("k2", "10-K", "2024-02-20").report("2023-01-01", "2023-12-31", 1'000'000'000);
  list.flow("WeightedAverageNumberOfSharesOutstandingBasic", "2022-01-01", "2022-12-31", "50000000",
            "shares");
  list.flow("EarningsPerShareBasic", "2022-01-01", "2022-12-31", "2", "USD/shares");
  list.flow("WeightedAverageNumberOfSharesOutstandingBasic", "2023-01-01", "2023-12-31", "50000", "shares");
  list.flow("EarningsPerShareBasic", "2023-01-01", "2023-12-31", "2", "USD/shares");
  const Statements built = list.build();
  EXPECT_TRUE(built.splits.empty());
  const auto& count = (*find_year(built, date("2023-12-31")))[Field::weighted_shares_basic];
  EXPECT_EQ(count->latest.to_string(), "50000000") << "net income and EPS say how many there are";
  EXPECT_TRUE(count->scaled);
  EXPECT_EQ(count->first.to_string(), "50000");
}

TEST(Statements, AFilingSpeaksWithOneConceptPerField) {
  FactList list;
  list.filing("k", "10-K", "2024-02-15", 2023)
      .flow("StockholdersEquity", "2023-01-01", "2023-12-31", "1")  // no duration: ignored
      .report("2023-01-01", "2023-12-31", 500)
      .balance("StockholdersEquity", "2023-12-31", "900")
      .balance("StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest", "2022-12-31", "870");
  list.filing("k0", "10-K", "2023-02-15", 2022)
      .report("2022-01-01", "2022-12-31", 450)
      .balance("StockholdersEquity", "2022-12-31", "800");
  const Statements built = list.build();
  EXPECT_EQ(latest(find_year(built, date("2022-12-31")), Field::shareholders_equity), "800")
      << "the later report's total with minority interest is not a restatement";
  EXPECT_EQ(latest(find_year(built, date("2023-12-31")), Field::shareholders_equity), "900");
}

TEST(Statements, BankRevenueIsTheSumOfItsTwoParts) {
  FactList list;
  list.filing("k", "10-K", "2024-02-15", 2023)
      .flow("InterestIncomeExpenseNet", "2023-01-01", "2023-12-31", "23500000000")
      .flow("NoninterestIncome", "2023-01-01", "2023-12-31", "23600000000")
      .flow("RevenueFromContractWithCustomerExcludingAssessedTax", "2023-01-01", "2023-12-31", "5000000000")
      .flow("NetIncomeLoss", "2023-01-01", "2023-12-31", "14390000000");
  const Statements built = list.build();
  EXPECT_EQ(latest(find_year(built, date("2023-12-31")), Field::revenue), "47100000000");
}

TEST(Statements, ZeroIsAValueAndAbsenceIsNot) {
  FactList list;
  list.filing("k", "10-K", "2024-02-15", 2023)
      .report("2023-01-01", "2023-12-31", 0)
      .flow("NetCashProvidedByUsedInOperatingActivities", "2023-01-01", "2023-12-31", "-30")
      .flow("PaymentsToAcquirePropertyPlantAndEquipment", "2023-01-01", "2023-12-31", "0");
  const Statements built = list.build();
  const Statement* year = find_year(built, date("2023-12-31"));
  EXPECT_EQ(latest(year, Field::revenue), "0");
  EXPECT_EQ(latest(year, Field::free_cash_flow), "-30");
  EXPECT_EQ(latest(year, Field::cost_of_revenue), "none");
}

TEST(Findings, EachRuleOnItsOwnCase) {
  FactList list = plain_year();
  list.filing("k", "10-K", "2024-02-15", 2023)
      .balance("Assets", "2023-12-31", "1000")
      .balance("Liabilities", "2023-12-31", "600")
      .balance("StockholdersEquity", "2023-12-31", "300");
  std::vector<Finding> found = check_statements(list.build());
  ASSERT_EQ(found.size(), 2U) << "the year's row and the fourth quarter's";
  EXPECT_EQ(found[0].rule, "balance");
  EXPECT_EQ(found[0].expected->to_string(), "900");
  EXPECT_EQ(found[0].actual->to_string(), "1000");

  list.balance("MinorityInterest", "2023-12-31", "100");
  EXPECT_TRUE(check_statements(list.build()).empty()) << "with minority interest it balances";

  list.filing("k", "10-K", "2024-02-15", 2023)
      .balance("Assets", "2023-12-31", "1001")
      .balance("Assets", "2024-06-30", "5");
  const std::vector<Finding> facts = check_facts(list.facts());
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].rule, "future_period");
}

TEST(Findings, OfTwoValuesOfOneFilingTheOneThatSaysMoreStandsWhateverTheirOrder) {
  std::vector<std::string> assets = {"1200", "1234", "1234", "1235", "1235"};
  do {
    FactList list = plain_year();
    list.filing("k", "10-K", "2024-02-15", 2023);
    for (const std::string& value : assets) list.balance("Assets", "2023-12-31", value);
    const std::size_t before = list.facts().size();
    const std::vector<Finding> found = settle_duplicates(list.facts());
    EXPECT_EQ(list.facts().size(), before - 3) << "an exact repetition is left to the table";
    ASSERT_EQ(found.size(), 3U);
    std::multiset<std::string> dropped;
    for (const Finding& one : found) {
      EXPECT_EQ(one.rule, "duplicate");
      EXPECT_EQ(one.field, "Assets");
      EXPECT_EQ(one.accession, "k");
      EXPECT_EQ(one.period_end, date("2023-12-31"));
      EXPECT_EQ(one.actual->to_string(), "1235");
      dropped.insert(one.expected->to_string());
    }
    EXPECT_EQ(dropped, (std::multiset<std::string>{"1200", "1234", "1234"}));
    EXPECT_EQ(latest(find_year(list.build(), date("2023-12-31")), Field::total_assets), "1235");
    EXPECT_TRUE(settle_duplicates(list.facts()).empty()) << "settled";
  } while (std::next_permutation(assets.begin(), assets.end()));
}

TEST(Findings, OtherPeriodsUnitsAndFilingsAreNoDuplicates) {
  FactList list = plain_year();
  list.filing("k", "10-K", "2024-02-15", 2023)
      .balance("Assets", "2023-12-31", "1000")
      .balance("Assets", "2022-12-31", "900")
      .balance("Assets", "2023-12-31", "930", "EUR")
      .flow("NetIncomeLoss", "2023-12-31", "2023-12-31", "1");
  list.filing("ka", "10-K/A", "2024-03-15", 2023).balance("Assets", "2023-12-31", "1001");
  const std::size_t before = list.facts().size();
  EXPECT_TRUE(settle_duplicates(list.facts()).empty());
  EXPECT_EQ(list.facts().size(), before);
}

// The same figure twice, with what describes the filing told differently: one row, and nothing to find.
TEST(Findings, WhatDescribesTheFilingMakesNoSecondValue) {
  for (const bool turned : {false, true}) {
    FactList list;
    list.filing("k", "10-K", "2024-02-15", 2023);
    for (const bool framed : {turned, !turned}) {
      list.balance("Assets", "2023-12-31", "1000");
      if (framed) list.facts().back().frame = "CY2023Q4I";
    }
    EXPECT_TRUE(settle_duplicates(list.facts()).empty());
    ASSERT_EQ(list.facts().size(), 1U);
    EXPECT_EQ(list.facts().front().frame, "CY2023Q4I");
  }
}

TEST(Findings, ReportedQuartersThatDoNotAddUp) {
  FactList list = plain_year();
  list.filing("k", "10-K", "2024-02-15", 2023).flow("Revenues", "2023-10-01", "2023-12-31", "150");
  const std::vector<Finding> found = check_statements(list.build());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rule, "quarter_sum");
  EXPECT_EQ(found[0].field, "revenue");
  EXPECT_EQ(found[0].expected->to_string(), "480");
  EXPECT_EQ(found[0].actual->to_string(), "500");
}

}  // namespace
}  // namespace icingest
