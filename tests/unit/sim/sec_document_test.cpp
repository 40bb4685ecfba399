#include "sim/sec_document.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/edgar_days.h"
#include "sim/sec_made_up.h"
#include "support/company.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kSmall =
    R"({"cik": 999001, "entityName": "Example \"Widgets\" Inc", "facts": {
  "dei": {"EntityPublicFloat": {"label": "Float {of} [all]", "description": null, "units": {"USD": [
    {"end": "2023-03-31", "val": 812000000, "accn": "0000999001-23-000044", "fy": 2023, "fp": "FY", "form": "10-K", "filed": "2023-11-02", "frame": "CY2023Q1I"}]}}},
  "us-gaap": {
   "NetIncomeLoss": {"label": "Net, \\\"income\\\"", "description": "d", "units": {"USD": [
    {"start": "2021-10-01", "end": "2022-09-30", "val": -41200000, "accn": "0000999001-22-000051", "fy": 2022, "fp": "FY", "form": "10-K", "filed": "2022-11-03"},
    {"start": "2021-10-01", "end": "2022-09-30", "val": 41900000, "accn": "0000999001-23-000044", "fy": 2023, "fp": "FY", "form": "10-K", "filed": "2023-11-02", "frame": "CY2022"}]}},
   "EarningsPerShareBasic": {"label": null, "description": null, "units": {"USD/shares": [
    {"start": "2022-10-01", "end": "2023-09-30", "val": 0.31, "accn": "0000999001-23-000044", "fy": 2023, "fp": "FY", "form": "10-K", "filed": "2023-11-02"}]}}}}})";

Date day(int year, unsigned month, unsigned of_month) { return make_date(year, month, of_month); }
const Identity kSelf{999001, ""};

TEST(SecDocument, IsWholeAndWithoutBlanks) {
  SecDocument document(kSmall);
  const std::string text = document.as_of(kSelf, day(2026, 1, 1), std::nullopt).plain();
  EXPECT_TRUE(text.starts_with(R"({"cik":999001,"entityName":"Example \"Widgets\" Inc","facts":{"dei":{)"))
      << text;
  EXPECT_NE(text.find(R"("label":"Float {of} [all]","description":null)"), std::string::npos);
  EXPECT_NE(text.find(R"({"start":"2021-10-01","end":"2022-09-30","val":-41200000,"accn")"),
            std::string::npos);
  EXPECT_TRUE(text.ends_with("}]}}}}}")) << text;
  EXPECT_EQ(document.name(), "Example \"Widgets\" Inc");
  EXPECT_EQ(SecDocument(R"({"cik":1,"entityName":"Tesla,\u00a0Inc\u2019s","facts":{}})").name(),
            "Tesla, Inc's");
}

TEST(SecDocument, KnowsItsFilings) {
  const SecDocument document(kSmall);
  ASSERT_EQ(document.filings().size(), 2U);
  EXPECT_EQ(document.filings()[0].accession, "0000999001-22-000051");
  EXPECT_EQ(document.filings()[1].form, "10-K");
  EXPECT_EQ(document.filings()[1].filed, day(2023, 11, 2));
  EXPECT_EQ(document.filings()[1].period, day(2023, 9, 30)) << "the newest of its flows, not of its balances";
}

TEST(SecDocument, OfAnEarlierDayHasNothingFiledSince) {
  SecDocument document(kSmall);
  EXPECT_EQ(
      document.as_of(kSelf, day(2023, 11, 1), std::nullopt).plain(),
      R"({"cik":999001,"entityName":"Example \"Widgets\" Inc","facts":{"us-gaap":{"NetIncomeLoss":{"label":)"
      R"("Net, \\\"income\\\"","description":"d","units":{"USD":[{"start":"2021-10-01","end":"2022-09-30",)"
      R"("val":-41200000,"accn":"0000999001-22-000051","fy":2022,"fp":"FY","form":"10-K",)"
      R"("filed":"2022-11-03"}]}}}}})");
  EXPECT_EQ(document.as_of(kSelf, day(2020, 1, 1), std::nullopt).plain(),
            R"({"cik":999001,"entityName":"Example \"Widgets\" Inc","facts":{}})");
}

TEST(SecDocument, TakesAnotherNameAndNumber) {
  SecDocument document(kSmall);
  const SplitText text = document.as_of({7, "Some \"Other\" Co"}, day(2026, 1, 1), std::nullopt);
  EXPECT_TRUE(text.plain().starts_with(R"({"cik":7,"entityName":"Some \"Other\" Co","facts":{"dei")"));
  // The SEC writes the number in three ways.
  SecDocument padded(R"({"cik":"0000999001","entityName":"A","facts":{}})");
  EXPECT_EQ(padded.as_of({7, "B"}, day(2026, 1, 1), std::nullopt).plain(),
            R"({"cik":"0000000007","entityName":"B","facts":{}})");
  SecDocument bare(R"({"cik":"999001","entityName":"A","facts":{}})");
  EXPECT_EQ(bare.as_of({7, ""}, day(2026, 1, 1), std::nullopt).plain(),
            R"({"cik":"7","entityName":"A","facts":{}})");
}

TEST(SecDocument, WithAnotherShapeIsKept) {
  for (const char* odd :
       {"{}", "[1,2]", R"({"cik":1,"entityName":"A","facts":{"us-gaap":{"_stripped":true}}})"}) {
    SecDocument document(odd);
    EXPECT_EQ(document.as_of({1, ""}, day(2020, 1, 1), std::nullopt).plain(), odd);
    EXPECT_TRUE(document.filings().empty()) << odd;
  }
}

TEST(SecDocument, AnAmendmentRepeatsTheNewestReport) {
  SecDocument document(kSmall);
  const Amendment amendment{day(2024, 1, 5), "0000999777-24-000001"};
  const std::string text = document.as_of(kSelf, day(2024, 2, 1), amendment).plain();
  EXPECT_NE(
      text.find(R"("val":41900000,"accn":"0000999001-23-000044","fy":2023,"fp":"FY","form":"10-K","filed":)"
                R"("2023-11-02"},{"start":"2021-10-01","end":"2022-09-30","val":41901000,"accn":)"
                R"("0000999777-24-000001","fy":2023,"fp":"FY","form":"10-K/A","filed":"2024-01-05",)"
                R"("frame":"CY2022"})"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("val":0.31,"accn":"0000999777-24-000001")"), std::string::npos)
      << "only whole numbers change";
  EXPECT_EQ(text.find(R"("val":-41201000)"), std::string::npos) << "the older report is not amended";
}

// Made-up documents are what the decoder and the statements' rules are written for.
class MadeUp : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(MadeUp, IsADocumentOfCompanyfacts) {
  const Date to = day(2026, 11, 20);
  const std::string text = made_up_companyfacts(5, GetParam(), to);
  EXPECT_EQ(text, made_up_companyfacts(5, GetParam(), to));
  EXPECT_NE(text, made_up_companyfacts(6, GetParam(), to));
  const test::Company company(text);
  ASSERT_TRUE(company.result()) << company.result().error().describe();
  EXPECT_TRUE(company.decoded().refused.empty());
  std::set<std::string_view> forms;
  for (const Fact& fact : company.facts()) {
    EXPECT_LE(fact.filed, to);
    EXPECT_TRUE(edgar_is_open(fact.filed)) << to_string(fact.filed);
    EXPECT_LE(fact.end, fact.filed);
    forms.insert(fact.form);
  }
  std::size_t years = 0;
  std::size_t quarters = 0;
  for (const Statement& statement : company.statements().statements) {
    ++(statement.kind == PeriodKind::year ? years : quarters);
  }
  switch (GetParam() % 16) {
    case 14: EXPECT_TRUE(company.facts().empty()) << "fees are no facts of ours"; return;
    case 12:
    case 13:
      EXPECT_EQ(forms, (std::set<std::string_view>{"20-F", "6-K"}));
      EXPECT_GE(years, 8U);
      EXPECT_EQ(quarters, 0U);
      return;
    default: break;
  }
  EXPECT_EQ(forms, (std::set<std::string_view>{"10-K", "10-Q"}));
  EXPECT_GE(years, 8U);
  EXPECT_GE(quarters, 4 * 8U) << "fourth ones included";
}

INSTANTIATE_TEST_SUITE_P(Numbers, MadeUp, ::testing::Values(0, 1, 2, 3, 8, 11, 12, 13, 14, 15, 27, 63));

TEST(EdgarDays, AreWeekdaysWithoutFederalHolidays) {
  EXPECT_TRUE(edgar_is_open(day(2026, 11, 25)));
  EXPECT_FALSE(edgar_is_open(day(2026, 11, 26))) << "Thanksgiving";
  EXPECT_TRUE(edgar_is_open(day(2026, 11, 27))) << "a short day of the exchange, a day of EDGAR";
  EXPECT_FALSE(edgar_is_open(day(2026, 11, 28))) << "Saturday";
  EXPECT_FALSE(edgar_is_open(day(2025, 11, 11))) << "Veterans Day, which the exchange does not keep";
  EXPECT_FALSE(edgar_is_open(day(2025, 10, 13))) << "Columbus Day";
  EXPECT_TRUE(edgar_is_open(day(2025, 4, 18))) << "Good Friday, which the exchange keeps";
  EXPECT_FALSE(edgar_is_open(day(2026, 7, 3))) << "the Friday before a Saturday's 4 July";
  EXPECT_FALSE(edgar_is_open(day(2023, 1, 2))) << "the Monday after a Sunday's New Year";
  EXPECT_FALSE(edgar_is_open(day(2025, 5, 26))) << "the last Monday of May";
  EXPECT_TRUE(edgar_is_open(day(2020, 6, 19))) << "before it was a holiday";
  EXPECT_FALSE(edgar_is_open(day(2025, 6, 19)));
  EXPECT_EQ(edgar_day_from(day(2025, 7, 4)), day(2025, 7, 7));
  int open = 0;
  for (Date d = day(2025, 1, 1); d <= day(2025, 12, 31); d += std::chrono::days(1))
    open += edgar_is_open(d) ? 1 : 0;
  EXPECT_EQ(open, 261 - 11);
}

}  // namespace
}  // namespace icingest::sim
