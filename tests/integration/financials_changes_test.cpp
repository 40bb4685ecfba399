// Companies that changed their year end or currency, and a filing that contradicts itself, as a run leaves them.
#include <fmt/format.h>

#include "support/financials.h"
#include "support/recorded_sec.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::Finished;
using test::RecordedSec;

class FinancialsChanges : public test::Financials {};

// L3Harris: years to the end of June, half a year of transition, years to the end of December.
TEST_F(FinancialsChanges, ATransitionPeriodIsNoRowAndItsQuartersAre) {
  RecordedSec sec{{"0000202058", test::read_kept_facts("CIK0000202058-subset.json")}};
  const pg::DbConfig db = database({{"LHX", "0000202058"}});
  complete(db, sec_at(sec.url()), live());
  EXPECT_EQ(
      test::query(db,
                  "SELECT string_agg(fiscal_year || ' ' || period_end_date, ', ' ORDER BY period_end_date) "
                  "FROM financials WHERE fiscal_quarter IS NULL AND fiscal_year > 2017"),
      "2018 2018-06-29, 2019 2019-06-28, 2020 2021-01-01");
  EXPECT_EQ(
      test::query(db,
                  "SELECT string_agg(period || ' ' || period_end_date || ' ' || revenue / 1000000, ', ' "
                  "ORDER BY period_end_date) FROM financials WHERE fiscal_quarter IS NOT NULL "
                  "AND period_end_date BETWEEN '2019-06-01' AND '2020-12-01'"),
      "Q4 2019-06-28 1865, Q1 2019-09-27 4431, Q2 2020-01-03 4832, Q1 2020-04-03 4626, "
      "Q2 2020-07-03 4445, Q3 2020-10-02 4463");
  // The figures of the transition period itself are in the facts.
  EXPECT_EQ(test::query(db,
                        "SELECT DISTINCT value FROM financial_facts WHERE concept = 'NetIncomeLoss' "
                        "AND period_start = '2019-06-29' AND period_end = '2020-01-03'"),
            "822000000");
  expect_verified(db);
}

// Both the transition period and the year after it are 2020 to the filer; neither takes the other's facts.
TEST_F(FinancialsChanges, YearToDateFactsBeginWithThePeriodTheyBelongTo) {
  RecordedSec sec{{"0000202058", test::read_kept_facts("CIK0000202058-subset.json")}};
  const pg::DbConfig db = database({{"LHX", "0000202058"}});
  complete(db, sec_at(sec.url()), live());
  const auto to_date = [&](int year) {
    return test::query(
        db,
        fmt::format(
            "SELECT string_agg(DISTINCT period_start || ' ' || period || ' ' || div(value, 1000000), ', ') "
            "FROM financial_facts_ytd WHERE ticker = 'LHX' AND fiscal_year = {} "
            "AND concept = 'NetCashProvidedByUsedInOperatingActivities'",
            year));
  };
  EXPECT_EQ(to_date(2019),
            "2018-06-30 FY 1185, 2018-06-30 Q1 117, 2018-06-30 Q2 469, 2018-06-30 Q3 874, "
            "2018-06-30 Q4 1185");
  EXPECT_EQ(to_date(2020),
            "2019-06-29 Q1 81, 2019-06-29 Q2 939, 2020-01-04 FY 2790, 2020-01-04 Q1 533, "
            "2020-01-04 Q2 1335, 2020-01-04 Q3 2092, 2020-01-04 Q4 2790");
}

// Mercer International: euros until the third quarter of 2013, dollars from the report for that year.
TEST_F(FinancialsChanges, EveryRowIsInOneCurrencyAndNoQuarterIsLostInTheEnd) {
  RecordedSec sec{{"0001333274", test::read_kept_facts("CIK0001333274-subset.json")}};
  const pg::DbConfig db = database({{"MERC", "0001333274"}});
  complete(db, sec_at(sec.url()), live());
  EXPECT_EQ(test::query(db,
                        "SELECT string_agg(fiscal_year || ' ' || currency || ' ' || revenue / 1000, ', ' "
                        "ORDER BY period_end_date) FROM financials WHERE fiscal_quarter IS NULL "
                        "AND fiscal_year BETWEEN 2011 AND 2014"),
            "2011 EUR 899475, 2012 EUR 834143, 2013 USD 1088385, 2014 USD 1175112");
  EXPECT_EQ(test::query(db,
                        "SELECT string_agg(period || ' ' || currency || ' ' || revenue / 1000, ', ' "
                        "ORDER BY period) FROM financials WHERE fiscal_year = 2013 AND fiscal_quarter > 0"),
            "Q1 USD 261785, Q2 USD 274700, Q3 USD 269218, Q4 USD 282682");
  expect_verified(db);
}

TEST_F(FinancialsChanges, TwoValuesOfOneFilingAreOneRowAndAFinding) {
  const std::string row =
      R"({"start":"2012-01-01","end":"2012-12-31","val":834143000,"accn":"0001193125-13-062873",)";
  const std::string body = test::read_kept_facts("CIK0001333274-subset.json");
  const std::size_t at = body.find(row);
  ASSERT_NE(at, std::string::npos);
  const std::size_t end = body.find('}', at) + 1;
  const std::string rounded = R"({"start":"2012-01-01","end":"2012-12-31","val":834100000,)"
                              R"("accn":"0001193125-13-062873","fy":2012,"fp":"FY","form":"10-K",)"
                              R"("filed":"2013-02-15"})";
  std::string before = body;
  before.insert(at, rounded + ",");
  std::string after = body;
  after.insert(end, "," + rounded);
  std::string left;
  for (const std::string& document : {before, after}) {
    RecordedSec sec{{"0001333274", document}};
    const pg::DbConfig db = database({{"MERC", "0001333274"}});
    const Finished finished = run(db, sec_at(sec.url()), live());
    EXPECT_EQ(finished.exit_code, 0) << "nothing to quarantine" << finished.out << finished.err;
    EXPECT_EQ(
        test::query(db,
                    "SELECT value FROM financial_facts WHERE concept = 'Revenues' AND days = 366 "
                    "AND accession = '0001193125-13-062873' AND unit = 'EUR' AND period_end = '2012-12-31'"),
        "834143000");
    EXPECT_EQ(
        test::query(db,
                    "SELECT string_agg(concat_ws(' ', period_end, field, accession, expected, actual), ', ') "
                    "FROM icingest.findings WHERE rule = 'duplicate'"),
        "2012-12-31 Revenues 0001193125-13-062873 834100000 834143000");
    expect_verified(db);
    if (left.empty()) left = tables(db);
    EXPECT_EQ(tables(db), left) << "the order of the rows decided";
  }
}

}  // namespace
}  // namespace icingest
