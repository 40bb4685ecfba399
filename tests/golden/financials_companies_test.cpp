// What recorded companies' documents are known to hold: vintages, original filings, and each class of defect
// that the statements must not have.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "support/company.h"
#include "support/fact_list.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::date;
using test::find_quarter;
using test::find_year;
using test::recorded_company;

constexpr const char* kApple = "CIK0000320193.2026-03.json.gz";
constexpr const char* kAppleBefore = "CIK0000320193.2025-02.json.gz";

std::string latest(const Statement* statement, Field field) {
  if (statement == nullptr) return "no statement";
  return (*statement)[field] ? (*statement)[field]->latest.to_string() : "none";
}
std::string first(const Statement* statement, Field field) {
  if (statement == nullptr) return "no statement";
  return (*statement)[field] ? (*statement)[field]->first.to_string() : "none";
}

std::string describe(const Value& value) {
  std::string text = value.latest.to_string() + " " + to_string(value.latest_filed) + " first " +
                     value.first.to_string() + " " + to_string(value.first_filed) + " " +
                     std::string(value.first_accession) + " " + std::string(to_string(value.origin)) + " " +
                     std::string(value.what.name) + (value.split_adjusted ? " split" : "") +
                     (value.scaled ? " scaled" : "");
  for (std::size_t i = 0; i < value.accession_count; ++i) text += " " + std::string(value.accessions[i]);
  return text;
}

// Everything a statement says, as text.
std::string describe(const Statements& statements) {
  std::string text;
  for (const SplitSeen& split : statements.splits) {
    text += std::to_string(split.numerator) + ":" + std::to_string(split.denominator) + " " +
            to_string(split.filed) + "\n";
  }
  for (const Statement& one : statements.statements) {
    text += to_string(one.start) + ".." + to_string(one.end) + " " + std::to_string(one.fiscal_year) + " " +
            std::to_string(one.quarter.value_or(0)) + " " + std::string(one.form) + " " +
            std::string(one.accession) + " " + to_string(one.filing_date) + " " +
            to_string(one.latest_filing_date) + " " + std::string(one.currency) + "\n";
    for (std::size_t i = 0; i < kFieldCount; ++i) {
      if (one.values[i])
        text += "  " + std::string(to_string(static_cast<Field>(i))) + " " + describe(*one.values[i]) + "\n";
    }
  }
  return text;
}

using Key = std::tuple<ConceptId, std::string_view, std::optional<Date>, Date, std::string_view>;
Key key_of(const Fact& fact) { return {fact.what, fact.unit, fact.start, fact.end, fact.accession}; }

TEST(FinancialsVintages, LoadingTheOlderThenTheNewerEqualsLoadingTheNewer) {
  ICINGEST_NEEDS_SHARED_DATA();
  const test::Company& before = recorded_company(kAppleBefore);
  const test::Company& after = recorded_company(kApple);
  std::map<Key, Fact> table;
  for (const Fact& fact : before.facts()) table.insert_or_assign(key_of(fact), fact);
  EXPECT_EQ(table.size(), before.facts().size()) << "the key of financial_facts is unique";
  for (const Fact& fact : after.facts()) table.insert_or_assign(key_of(fact), fact);
  EXPECT_EQ(table.size(), after.facts().size()) << "the newer vintage adds and loses nothing";
  std::vector<Fact> both;
  for (const auto& [key, fact] : table) both.push_back(fact);
  EXPECT_EQ(describe(build_statements(both, make_date(2099, 1, 1))), describe(after.statements()));
}

TEST(FinancialsVintages, AsOfTheOlderDateEqualsTheOlderVintage) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements older = recorded_company(kAppleBefore).statements();
  const Statements then = recorded_company(kApple).statements(date("2025-02-15"));
  EXPECT_EQ(describe(then), describe(older));
  EXPECT_NE(describe(recorded_company(kApple).statements()), describe(older));
}

// Facts read from the filings' own documents: what the statements gave on the day of that filing.
void expect_originals(const std::string& csv, const std::string& company_file, std::size_t at_least) {
  const test::Company& company = recorded_company(company_file);
  ASSERT_TRUE(company.result());
  std::map<std::string, Date> filed;
  std::set<ConceptId> recorded;  // some files hold a choice of concepts
  for (const Fact& fact : company.facts()) {
    filed[std::string(fact.accession)] = fact.filed;
    recorded.insert(fact.what);
  }
  std::map<Date, Statements> by_day;
  std::size_t compared = 0;
  std::size_t found = 0;
  for (const test::ReportedFact& fact : test::reported_facts(csv)) {
    const auto day = filed.find(fact.accession);
    const auto what = find_concept("us-gaap", fact.concept_name);
    if (day == filed.end() || !what || !recorded.contains(*what)) continue;
    Decimal value;
    ASSERT_EQ(Decimal::parse(fact.value, value), Fault::none) << fact.value;
    const Date end = date(fact.end);
    const auto start = fact.start.empty() ? std::nullopt : parse_date(fact.start);
    const bool in_facts = std::any_of(company.facts().begin(), company.facts().end(), [&](const Fact& one) {
      return one.what == *what && one.end == end && one.start == start && one.accession == fact.accession &&
             one.value == value;
    });
    EXPECT_TRUE(in_facts) << fact.concept_name << " " << fact.start << ".." << fact.end << " "
                          << fact.accession;
    found += in_facts ? 1 : 0;

    if (!by_day.contains(day->second)) by_day[day->second] = company.statements(day->second);
    const Statements& known = by_day[day->second];
    const std::int64_t length = start ? (end - *start).count() + 1 : 0;
    if (start && length > 125 && length < 340) continue;  // year to date: a view over the facts
    const Statement* statement = start && length > 340 ? find_year(known, end) : find_quarter(known, end);
    if (statement == nullptr) continue;  // an instant of no period
    for (std::size_t i = 0; i < kFieldCount; ++i) {
      const auto& mine = statement->values[i];
      const auto field = static_cast<Field>(i);
      if (!mine || mine->origin != Origin::reported || mine->what.name != fact.concept_name ||
          mine->split_adjusted)
        continue;
      if (field == Field::shares_outstanding || mine->scaled) continue;
      EXPECT_EQ(mine->latest, value) << to_string(field) << " " << fact.start << ".." << fact.end << " "
                                     << fact.accession;
      ++compared;
    }
  }
  EXPECT_GE(compared, at_least) << found << " found in the facts";
}

TEST(FinancialsOriginals, AppleFilings) {
  ICINGEST_NEEDS_SHARED_DATA();
  expect_originals("reported_AAPL.csv", kApple, 300);
}
TEST(FinancialsOriginals, NvidiaFilings) {
  ICINGEST_NEEDS_SHARED_DATA();
  expect_originals("reported_NVDA.csv", "CIK0001045810.json.gz", 300);
}
TEST(FinancialsOriginals, MicrosoftFilings) {
  ICINGEST_NEEDS_SHARED_DATA();
  expect_originals("reported_MSFT.csv", "subset/MSFT.json.gz", 10);
}

// ---- the defects of the Python system, one by one (schema-and-core.md 4.3) ----

TEST(FinancialsDefects, EveryRowHasAKeyOfItsOwn) {  // S1, S13
  ICINGEST_NEEDS_SHARED_DATA();
  for (const char* file :
       {kApple, "CIK0001637459.json.gz", "CIK0000945436.json.gz", "CIK0000022701.json.gz"}) {
    std::set<std::pair<Date, std::int64_t>> keys;
    for (const Statement& one : recorded_company(file).statements().statements) {
      if (one.kind == PeriodKind::transition) continue;
      EXPECT_TRUE(keys.insert({one.end, one.quarter.value_or(0)}).second)
          << file << " " << to_string(one.end);
    }
  }
}

TEST(FinancialsDefects, EarningsPerShareAreRead) {  // S2
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements apple = recorded_company(kApple).statements();
  const Statement* year = find_year(apple, date("2024-09-28"));
  EXPECT_EQ(latest(year, Field::eps_basic), "6.11");
  EXPECT_EQ(latest(year, Field::eps_diluted), "6.08");
  EXPECT_EQ((*year)[Field::eps_diluted]->origin, Origin::reported);
}

TEST(FinancialsDefects, SecondAndThirdQuartersAreThreeMonths) {  // S3
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements apple = recorded_company(kApple).statements();
  EXPECT_EQ(latest(find_quarter(apple, date("2025-06-28")), Field::revenue),
            "94036000000");  // nine months: 313695000000
  EXPECT_EQ(latest(find_quarter(apple, date("2025-06-28")), Field::net_income), "23434000000");
  const Statement* third = find_quarter(apple, date("2025-06-28"));
  EXPECT_EQ((*third)[Field::operating_cash_flow]->origin, Origin::difference)
      << "cash flows are reported year to date only";
}

TEST(FinancialsDefects, APeriodWithoutHeadlinesLeavesTheOthersAlone) {  // S4
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements nikola = recorded_company("CIK0001731289.json.gz").statements();
  EXPECT_GE(nikola.statements.size(), 30U);
  for (const Statement& one : nikola.statements) {
    EXPECT_TRUE(one[Field::revenue] || one[Field::net_income] || one[Field::eps_basic] ||
                one[Field::eps_diluted])
        << to_string(one.end);
  }
}

TEST(FinancialsDefects, ComparativesNeverTakeThePlaceOfThePeriod) {  // S5
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements apple = recorded_company(kApple).statements();
  // Apple changed its revenue tag in fiscal 2019: each quarter keeps its own end and filing.
  const Statement* quarter = find_quarter(apple, date("2018-12-29"));
  EXPECT_EQ(latest(quarter, Field::revenue), "84310000000");
  EXPECT_EQ(latest(find_quarter(apple, date("2017-12-30")), Field::revenue), "88293000000");
  EXPECT_EQ(find_quarter(apple, date("2017-12-30"))->filing_date, date("2018-02-02"));
}

TEST(FinancialsDefects, YearAndQuartersShareALabel) {  // S6
  ICINGEST_NEEDS_SHARED_DATA();
  for (const char* file : {"CIK0000104169.json.gz", "CIK0001045810.json.gz", "CIK0001637459.json.gz",
                           "CIK0000909832.json.gz", kApple, "CIK0001640147.json.gz"}) {
    const Statements all = recorded_company(file).statements();
    std::map<std::int64_t, Date> ends;
    for (const Statement& year : all.statements) {
      if (year.kind != PeriodKind::year) continue;
      EXPECT_TRUE(ends.try_emplace(year.fiscal_year, year.end).second)
          << file << ": two years labelled " << year.fiscal_year;
      for (const Statement& quarter : all.statements) {
        if (!quarter.quarter || quarter.end <= year.start || quarter.end > year.end) continue;
        EXPECT_EQ(quarter.fiscal_year, year.fiscal_year) << file << " " << to_string(quarter.end);
      }
    }
  }
  // A 53-week year that ends on 3 January 2016 is 2015, and no quarter is pushed ahead.
  const Statements kraft = recorded_company("CIK0001637459.json.gz").statements();
  EXPECT_EQ(find_year(kraft, date("2016-01-03"))->fiscal_year, 2015);
  EXPECT_EQ(find_year(kraft, date("2016-12-31"))->fiscal_year, 2016);
  const Statements nvidia = recorded_company("CIK0001045810.json.gz").statements();
  EXPECT_EQ(find_year(nvidia, date("2025-01-26"))->fiscal_year, 2025);
}

TEST(FinancialsDefects, RestatementsAndAmendmentsAreSeen) {  // S7, S10, S13
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements kraft = recorded_company("CIK0001637459.json.gz").statements();
  const Statement* year = find_year(kraft, date("2017-12-30"));
  EXPECT_EQ(first(year, Field::net_income), "10999000000");
  EXPECT_EQ(latest(year, Field::net_income), "10941000000") << "restated in the report for 2018";
  EXPECT_EQ((*year)[Field::net_income]->first_filed, date("2018-02-16"));
  EXPECT_EQ((*year)[Field::net_income]->latest_filed, date("2020-02-14"));
  const Statements then = recorded_company("CIK0001637459.json.gz").statements(date("2018-12-31"));
  EXPECT_EQ(latest(find_year(then, date("2017-12-30")), Field::net_income), "10999000000");
  // Apple's 10-K/A of January 2010 restated fiscal 2009 for a new accounting standard.
  const Statements apple = recorded_company(kApple).statements();
  EXPECT_EQ(first(find_year(apple, date("2009-09-26")), Field::net_income), "5704000000");
  EXPECT_EQ(latest(find_year(apple, date("2009-09-26")), Field::net_income), "8235000000");
}

TEST(FinancialsDefects, ForeignFilersHaveStatementsInTheirOwnCurrency) {  // S10
  ICINGEST_NEEDS_SHARED_DATA();
  const std::map<std::string, std::string> currencies = {
      {"CIK0001046179.json.gz", "TWD"}, {"CIK0001000184.json.gz", "EUR"}, {"CIK0001094517.json.gz", "JPY"},
      {"CIK0001577552.json.gz", "CNY"}, {"CIK0001000275.json.gz", "CAD"}, {"CIK0001997711.json.gz", "USD"}};
  for (const auto& [file, currency] : currencies) {
    const Statements all = recorded_company(file).statements();
    EXPECT_FALSE(all.statements.empty()) << file;
    for (const Statement& one : all.statements)
      EXPECT_EQ(one.currency, currency) << file << " " << to_string(one.end);
  }
  // Toyota changed from US-GAAP to IFRS: each year in the standard of its own report.
  const Statements toyota = recorded_company("CIK0001094517.json.gz").statements();
  EXPECT_EQ(find_year(toyota, date("2020-03-31"))->taxonomy, "us-gaap");
  EXPECT_EQ(find_year(toyota, date("2021-03-31"))->taxonomy, "ifrs-full");
}

TEST(FinancialsDefects, ShareCountsComeFromTheCoverAndMistakenUnitsAreMarked) {  // S10, S11
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements apple = recorded_company(kApple).statements();
  const auto& shares = (*find_year(apple, date("2024-09-28")))[Field::shares_outstanding];
  EXPECT_EQ(shares->latest.to_string(), "15115823000");
  EXPECT_EQ(shares->what.name, "EntityCommonStockSharesOutstanding");
  // McDonald's tags 713.4 shares where it means millions.
  const Statements mcdonalds = recorded_company("CIK0000063908.json.gz").statements();
  const auto& weighted = (*find_year(mcdonalds, date("2025-12-31")))[Field::weighted_shares_basic];
  EXPECT_EQ(weighted->first.to_string(), "713.4");
  EXPECT_EQ(weighted->latest, Decimal(713'400'000, 0));
  EXPECT_TRUE(weighted->scaled);
}

TEST(FinancialsDefects, ColumnsThatNobodyFilledAreFilled) {  // S14
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements apple = recorded_company(kApple).statements();
  const Statement* year = find_year(apple, date("2024-09-28"));
  for (const Field field :
       {Field::current_assets, Field::current_liabilities, Field::inventory, Field::pretax_income,
        Field::income_tax, Field::depreciation_amortization, Field::dividends_paid, Field::stock_compensation,
        Field::weighted_shares_basic, Field::weighted_shares_diluted, Field::cover_shares}) {
    EXPECT_TRUE((*year)[field]) << to_string(field);
  }
  EXPECT_EQ(latest(year, Field::current_assets), "152987000000");
  EXPECT_EQ(latest(year, Field::inventory), "7286000000");
}

TEST(FinancialsDefects, APartIsNotTakenForTheTotal) {
  ICINGEST_NEEDS_SHARED_DATA();
  // BlackRock tags the Americas as Revenues, SunEdison one segment; their income statements balance with the
  // totals.
  EXPECT_EQ(latest(find_year(recorded_company("CIK0001364742.json.gz").statements(), date("2023-12-31")),
                   Field::revenue),
            "17859000000");
  EXPECT_EQ(first(find_year(recorded_company("CIK0000945436.json.gz").statements(), date("2012-12-31")),
                  Field::revenue),
            "2529900000");
}

TEST(FinancialsDefects, TheYearUnderAQuartersDatesIsNotBelieved) {
  ICINGEST_NEEDS_SHARED_DATA();
  // Oracle's report of 2020 gives fiscal 2018's 39,383 million for its last three months.
  const Statements oracle = recorded_company("subset/ORCL.json.gz").statements();
  const Statement* fourth = find_quarter(oracle, date("2018-05-31"));
  EXPECT_EQ((*fourth)[Field::revenue]->origin, Origin::difference);
  EXPECT_EQ(latest(fourth, Field::revenue), "11014000000") << "39,383 less the restated nine months, 28,369";
  EXPECT_EQ(first(fourth, Field::revenue), "11252000000") << "39,831 less 28,579, as first filed";
}

TEST(FinancialsDefects, SplitsOfRecordedCompanies) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::map<std::string, std::vector<std::string>> known = {
      {kApple, {"7:1", "4:1"}},
      {"CIK0001045810.json.gz", {"4:1", "10:1"}},
      {"CIK0001318605.json.gz", {"5:1", "3:1"}},
      {"CIK0000104169.json.gz", {"3:1"}},
      {"CIK0001094517.json.gz", {"5:1"}},
      {"CIK0001577552.json.gz", {"8:1"}},
      {"CIK0000909832.json.gz", {}},
      {"CIK0001637459.json.gz", {}},
      {"CIK0001067983.json.gz", {}},
      {"CIK0001731289.json.gz", {"1:30"}},
  };
  for (const auto& [file, splits] : known) {
    std::vector<std::string> seen;
    for (const SplitSeen& split : recorded_company(file).statements().splits) {
      seen.push_back(std::to_string(split.numerator) + ":" + std::to_string(split.denominator));
    }
    EXPECT_EQ(seen, splits) << file;
  }
  const Statements nvidia = recorded_company("CIK0001045810.json.gz").statements();
  const Statement* quarter = find_quarter(nvidia, date("2024-04-28"));
  EXPECT_EQ(first(quarter, Field::eps_diluted), "5.98");
  EXPECT_EQ(latest(quarter, Field::eps_diluted), "0.6");
}

TEST(FinancialsDefects, SixteenWeekQuarters) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Statements costco = recorded_company("CIK0000909832.json.gz").statements();
  const Statement* fourth = find_quarter(costco, date("2024-09-01"));
  EXPECT_EQ(fourth->start, date("2024-05-13"));
  EXPECT_EQ(latest(fourth, Field::revenue), "79697000000");
  EXPECT_EQ(find_quarter(costco, date("2023-09-03"))->start, date("2023-05-08")) << "seventeen weeks";
}

// TSMC and Alibaba gave six months in reports on form 6-K. They stay facts: no quarter is made of them.
TEST(FinancialsDefects, HalfYearsOfRecordedCompaniesAreNotCut) {
  ICINGEST_NEEDS_SHARED_DATA();
  struct Case {
    const char* file;
    Date end;
  };
  for (const auto& [file, end] : {Case{"CIK0001046179.json.gz", make_date(2020, 6, 30)},
                                  Case{"CIK0001046179.json.gz", make_date(2021, 6, 30)},
                                  Case{"CIK0001577552.json.gz", make_date(2019, 9, 30)},
                                  Case{"CIK0001577552.json.gz", make_date(2020, 9, 30)}}) {
    const auto& company = test::recorded_company(file);
    const Date half_year_end = end;
    EXPECT_TRUE(std::any_of(company.facts().begin(), company.facts().end(),
                            [&](const Fact& fact) {
                              return fact.end == half_year_end && fact.start &&
                                     (fact.end - *fact.start).count() > 150;
                            }))
        << file << ": the half year is not there any more";
    EXPECT_EQ(test::find_quarter(company.statements(), end), nullptr) << file << " " << to_string(end);
  }
}

TEST(FinancialsDefects, OddBodiesAndRegistrantsWithoutStatements) {
  ICINGEST_NEEDS_SHARED_DATA();
  EXPECT_FALSE(recorded_company("subset/SPOT.json").result()) << "a bare boolean where concepts belong";
  for (const char* file : {"CIK0001181412.json", "CIK0002089271.json"}) {
    const test::Company& company = recorded_company(file);
    ASSERT_TRUE(company.result()) << file;
    EXPECT_TRUE(company.decoded().cik) << file;
    EXPECT_TRUE(company.facts().empty()) << file << ": fee tables only";
    EXPECT_TRUE(company.statements().statements.empty());
  }
}

TEST(FinancialsDefects, EveryRecordedRowIsReadAndNoneRefused) {
  ICINGEST_NEEDS_SHARED_DATA();
  std::size_t documents = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::shared_data() / "sec" / "companyfacts")) {
    if (!file.is_regular_file()) continue;
    const test::Company& company = recorded_company(file.path().filename().string());
    ASSERT_TRUE(company.result()) << file.path();
    EXPECT_TRUE(company.decoded().refused.empty()) << file.path();
    EXPECT_EQ(company.decoded().rows_seen, static_cast<std::int64_t>(company.facts().size()));
    ++documents;
  }
  EXPECT_GE(documents, 29U);
}

}  // namespace
}  // namespace icingest
