// Recorded answers → rows that a person has read. ICINGEST_REGENERATE_GOLDEN=1 writes the expected files anew
// (scripts/regenerate-golden); the diff is for a person again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "support/decoding.h"
#include "support/shared_data.h"
#include "support/tsv.h"

namespace icingest {
namespace {

std::filesystem::path expected_file(const std::string& name) {
  return std::filesystem::path(ICINGEST_SOURCE_DIR) / "tests" / "golden" / "expected" / name;
}

void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("ICINGEST_REGENERATE_GOLDEN") != nullptr) {
    std::ofstream(expected_file(name)) << actual;
    return;
  }
  EXPECT_EQ(actual, test::read_file(expected_file(name))) << name;
}

Unit day(Date date) { return {.key = "day", .grain = Grain::session, .from = date, .to = date}; }
Unit range(const std::string& symbol, Date from, Date to) {
  return {.key = "ticker", .grain = Grain::symbol, .from = from, .to = to, .symbol = symbol};
}

std::string tsv(const Route& route, const test::Decoded& decoded) {
  EXPECT_TRUE(decoded.result.has_value()) << decoded.result.error().describe();
  std::string text = test::to_tsv(route.load.table, decoded.batch.rows.view());
  for (const Reject& reject : decoded.batch.rejects) {
    text += "# rejected: " + std::string(to_string(reject.fault)) + " in " + reject.column + ": " +
            reject.raw + "\n";
  }
  if (!decoded.next_page.empty()) text += "# next page: " + decoded.next_page + "\n";
  return text;
}

constexpr const char* kMocks = "polygon/client-python-mocks/";

TEST(Golden, GroupedBarsOfTheOfficialClient) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& grouped = test::route("prices", "grouped");
  const std::string body = test::read_shared(
      std::string(kMocks) + "v2/aggs/grouped/locale/us/market/stocks/2005-04-04_adjusted_true.json");
  expect_golden("grouped_client.tsv",
                tsv(grouped, test::decode(grouped, day(make_date(2020, 10, 14)), body)));
  // The same body under the date in its file's name is another session's: refused as a whole, asked for
  // again.
  const test::Decoded wrong = test::decode(grouped, day(make_date(2005, 4, 4)), body);
  ASSERT_FALSE(wrong.result);
  EXPECT_EQ(wrong.result.error().action, Action::retry);
}

TEST(Golden, RangeBarsOfTheOfficialClient) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& ranges = test::route("prices", "per-ticker");
  const std::string body =
      test::read_shared(std::string(kMocks) + "v2/aggs/ticker/AAPL/range/1/day/2005-04-01/2005-04-04.json");
  expect_golden(
      "range_client.tsv",
      tsv(ranges, test::decode(ranges, range("AAPL", make_date(2005, 4, 1), make_date(2005, 4, 4)), body)));
  EXPECT_FALSE(test::decode(ranges, range("MSFT", make_date(2005, 4, 1), make_date(2005, 4, 4)), body).result)
      << "another ticker's bars";
}

TEST(Golden, RangeBarsRecordedIn2020) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& ranges = test::route("prices", "per-ticker");
  const std::string body = test::read_shared("polygon/recorded-2020/aggs_AAPL_day_2019-01.json");
  expect_golden(
      "range_aapl_2019_01.tsv",
      tsv(ranges, test::decode(ranges, range("AAPL", make_date(2019, 1, 1), make_date(2019, 2, 1)), body)));
}

// The whole market of one day: the rows that are unusual, and count and digest of all of them.
TEST(Golden, GroupedBarsOfTheWholeMarketRecordedIn2020) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& grouped = test::route("prices", "grouped");
  const std::string body = test::read_shared("polygon/recorded-2020/grouped_daily_2019-02-01.json.gz");
  const test::Decoded decoded = test::decode(grouped, day(make_date(2019, 2, 1)), body);
  EXPECT_EQ(decoded.batch.row_count, 8374);
  EXPECT_EQ(decoded.batch.rejects.size(), 0U);
  EXPECT_EQ(decoded.batch.rounded, 0)
      << "1,449 volumes are written with a point and an exponent; every one is a whole number";
  std::istringstream all(tsv(grouped, decoded));
  std::string unusual;
  int without_vwap = 0;
  int line_number = 0;
  for (std::string line; std::getline(all, line); ++line_number) {
    const bool no_vwap = line.find("\\N") != std::string::npos;
    without_vwap += no_vwap ? 1 : 0;
    const bool odd_symbol = line.find("pE\t") != std::string::npos || line.find("BRK.") != std::string::npos;
    if (line_number < 12 || odd_symbol || (no_vwap && without_vwap <= 10)) unusual += line + "\n";
  }
  EXPECT_EQ(without_vwap, 60);
  expect_golden("grouped_2019_02_01.tsv", unusual + "# " + std::to_string(decoded.batch.row_count) +
                                              " rows, digest " + to_string(decoded.batch.digest) + "\n");
}

TEST(Golden, OnlyTheUniverseIsKept) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& grouped = test::route("prices", "grouped");
  const std::string body = test::read_shared("polygon/recorded-2020/grouped_daily_2019-02-01.json.gz");
  const test::Decoded decoded = test::decode(grouped, day(make_date(2019, 2, 1)), body,
                                             Universe::of({"AAPL", "BRK.B", "PEBpE", "pebpe"}));
  EXPECT_EQ(decoded.batch.row_count, 3);
  EXPECT_EQ(decoded.batch.answered, 8374);
  expect_golden("grouped_universe.tsv", tsv(grouped, decoded));
}

// Made by hand after the published example: what is unusual in a file, and two splits.
constexpr const char* kDayAggs =
    "ticker,volume,open,close,high,low,window_start,transactions\n"
    "AAPL,135480400,296.24,300.35,300.6,295.19,1577941200000000000,304000\n"
    "BRK.A,311,340500,342261,342500,340100,1577941200000000000,300\n"
    "NA,25933.6,0.11,0.12,0.12,0.1,1577941200000000000,7\n"
    "NVDA,23753584,238.75,239.91,239.91,237.2,1577941200000000000,149000\n"
    "OLD,1000,1,1,1,1,1577854800000000000,5\n"
    "REV,3000001,0.3333,0.3334,0.35,0.33,1577941200000000000,12\n"
    "\"ZQX,A\",1240037,41,41.5,41.77,40.9,1577941200000000000,9121\n"
    "ZQXpA,1.2400377e+06,41,41.5,41.77,,1577941200000000000,9121\n"
    "ZQXW,5,-1,41.5,41.77,40.9,1577941200000000000,\n";

TEST(Golden, AFlatFileOnTheBasisOfToday) {
  const Basis basis(make_date(2026, 11, 20),
                    {{"AAPL", make_date(2020, 8, 31), Ratio::of(Decimal(1, 0), Decimal(4, 0))},
                     {"NVDA", make_date(2021, 7, 20), Ratio::of(Decimal(1, 0), Decimal(4, 0))},
                     {"NVDA", make_date(2024, 6, 10), Ratio::of(Decimal(1, 0), Decimal(10, 0))},
                     {"REV", make_date(2023, 5, 1), Ratio::of(Decimal(3, 0), Decimal(1, 0))}});
  const Route& files = test::route("prices", "flat-files");
  Unit unit = day(make_date(2020, 1, 2));
  unit.basis = &basis;
  expect_golden("flat_file.tsv", tsv(files, test::decode(files, unit, kDayAggs)));
  unit.from = unit.to = make_date(2020, 1, 3);
  const test::Decoded wrong = test::decode(files, unit, kDayAggs);
  ASSERT_FALSE(wrong.result) << "another session's file";
  EXPECT_EQ(wrong.result.error().action, Action::retry);
}

TEST(Golden, TickersOfTheOfficialClient) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& list = test::route("tickers", "list");
  const std::string first = test::read_shared(std::string(kMocks) + "v3/reference/tickers.json");
  const std::string second = test::read_shared(
      std::string(kMocks) +
      "v3/reference/tickers_cursor_YWN0aXZlPXRydWUmZGF0ZT0yMDIyLTA0LTI3JmxpbWl0PTImb3JkZXI9YXNjJn_0413c34d.json");
  expect_golden("tickers_page_1.tsv", tsv(list, test::decode(list, {}, first)));
  expect_golden("tickers_page_2.tsv", tsv(list, test::decode(list, {}, second)));
}

TEST(Golden, DetailsOfTheOfficialClient) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& details = test::route("tickers", "details");
  const std::string body = test::read_shared(std::string(kMocks) + "v3/reference/tickers/AAPL.json");
  expect_golden("details_aapl.tsv", tsv(details, test::decode(details, range("AAPL", {}, {}), body)));
}

TEST(Golden, SplitsOfTheOfficialClient) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::string body = test::read_shared(std::string(kMocks) + "v3/reference/splits.json");
  Buffer bytes = test::recycled(body, '\0');
  simdjson::ondemand::parser parser;
  Document document(bytes, "http://test/", parser);
  std::vector<Restatement> found;
  std::string next_page;
  ASSERT_TRUE(test::pipeline("prices").restatements->decode(document, found, next_page));
  std::string text;
  for (const Restatement& split : found) {
    EXPECT_TRUE(split.price.valid()) << split.symbol;
    text += split.symbol + "\t" + to_string(split.effective) + "\n";
  }
  expect_golden("splits_client.tsv", text);
}

}  // namespace
}  // namespace icingest
