// Those defects of the Python system that show only in a run or in the table: schema-and-core.md 4.3, S8, S9, S15 and S16.
// The others are in tests/golden/financials_companies_test.cpp; docs/pipelines/financials.md lists them all.
#include <fmt/format.h>

#include "support/financials.h"
#include "support/recorded_sec.h"

namespace icingest {
namespace {

using test::Finished;
using test::RecordedSec;

const char* const kApple = "CIK0000320193.2026-03.json.gz";
const char* const kNvidia = "CIK0001045810.json.gz";
const char* const kKraft = "CIK0001637459.json.gz";

class FinancialsDefectsOfARun : public test::Financials {
 protected:
  void SetUp() override { ICINGEST_NEEDS_SHARED_DATA(); }
};

// S15: the old job died where it could not make its log directory.
TEST_F(FinancialsDefectsOfARun, NeedsNoDirectoryToWriteTo) {
  RecordedSec sec{{"0000320193", kApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  std::vector<std::string> argv = {"/usr/bin/env",
                                   "--chdir=/proc",
                                   "HOME=/nonexistent",
                                   "TMPDIR=/nonexistent",
                                   "XDG_DATA_HOME=/nonexistent",
                                   "XDG_STATE_HOME=/nonexistent"};
  for (const std::string& argument : command(db, live())) argv.push_back(argument);
  const Finished finished = test::Process(argv, sec_at(sec.url())).wait();
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(number(finished, "done"), 1);
  EXPECT_NE(test::query(db, "SELECT count(*) FROM financials"), "0");
  expect_verified(db);
}

// S15: --all made it forget --limit. Here a limit holds, and one that cannot be meant is refused before anybody is asked.
TEST_F(FinancialsDefectsOfARun, ALimitHoldsOrIsRefused) {
  RecordedSec sec{{"0000320193", kApple}, {"0001045810", kNvidia}, {"0001637459", kKraft}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}, {"KHC", "0001637459"}, {"NVDA", "0001045810"}});
  const Finished refused = run(db, sec_at(sec.url()), live({"--all", "--limit", "2"}));
  EXPECT_EQ(refused.exit_code, 2) << refused.out << refused.err;
  EXPECT_NE(refused.err.find("--all"), std::string::npos) << refused.err;
  EXPECT_TRUE(sec.requests().empty());
  complete(db, sec_at(sec.url()), live({"--limit", "2"}));
  EXPECT_EQ(test::query(db, "SELECT string_agg(DISTINCT ticker, ',' ORDER BY ticker) FROM financials"),
            "AAPL,KHC");
  EXPECT_EQ(sec.requests().size(), 2U);
  complete(db, sec_at(sec.url()), live({"--all"}));
  EXPECT_EQ(test::query(db, "SELECT string_agg(DISTINCT ticker, ',' ORDER BY ticker) FROM financials"),
            "AAPL,KHC,NVDA");
}

// S15: it ended with 0 when it had loaded nothing. S9: and took a source that cannot be had for one without data.
TEST_F(FinancialsDefectsOfARun, TotalFailureIsNoSuccess) {
  const pg::DbConfig db = database({{"AAPL", "0000320193"}, {"NVDA", "0001045810"}});
  const std::string closed = [] {
    const test::HttpImposter gone([](const std::string&) { return std::string(); });
    return gone.url();
  }();
  const Finished nobody_there = run(db, sec_at(closed), live({"--outage-limit", "1s"}));
  EXPECT_EQ(nobody_there.exit_code, 4) << nobody_there.out << nobody_there.err;
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM financials"), "0");
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM icingest.units WHERE state IN ('done', 'empty')"), "0")
      << "a company that could not be asked for is not one without data";

  RecordedSec broken{{"0000320193", R"({"cik":320193,"facts":true})"},
                     {"0001045810", R"({"cik":1045810,"facts":true})"}};
  const Finished unreadable = run(db, sec_at(broken.url()), live({"--outage-limit", "1s"}));
  EXPECT_NE(unreadable.exit_code, 0) << unreadable.out << unreadable.err;
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM icingest.units WHERE state IN ('done', 'empty')"), "0");

  // What failed is asked for again.
  RecordedSec sec{{"0000320193", kApple}, {"0001045810", kNvidia}};
  complete(db, sec_at(sec.url()), live({"--resume"}));
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM icingest.units WHERE state = 'done'"), "2");
  expect_verified(db);
}

// S16: sums of the newest four quarters were sums of year-to-date figures. The table's quarters add up: at each year's end
// the sum that a reader of trailing twelve months makes is the year's figure.
TEST_F(FinancialsDefectsOfARun, TheNewestFourQuartersAreTrailingTwelveMonths) {
  RecordedSec sec{{"0000320193", kApple}, {"0001045810", kNvidia}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}, {"NVDA", "0001045810"}});
  complete(db, sec_at(sec.url()), live());
  const auto trailing = [&](const std::string& ticker, const std::string& end, const std::string& column) {
    return test::query(
        db, fmt::format("SELECT count(*) || ' ' || sum({2}) FROM ("
                        "SELECT {2} FROM financials WHERE ticker = '{0}' AND statement_type = '10-Q' "
                        "AND period_end_date <= '{1}' ORDER BY period_end_date DESC LIMIT 4) AS newest",
                        ticker, end, column));
  };
  // As reported by the companies for the year.
  EXPECT_EQ(trailing("AAPL", "2024-09-28", "revenue"), "4 391035000000");
  EXPECT_EQ(trailing("AAPL", "2024-09-28", "net_income"), "4 93736000000");
  EXPECT_EQ(trailing("AAPL", "2024-09-28", "operating_cash_flow"), "4 118254000000");
  EXPECT_EQ(trailing("NVDA", "2025-01-26", "revenue"), "4 130497000000");
  EXPECT_EQ(trailing("NVDA", "2025-01-26", "net_income"), "4 72880000000");
  // In the middle of a year too: Apple's twelve months to 29 March 2025.
  EXPECT_EQ(trailing("AAPL", "2025-03-29", "revenue"), "4 400366000000");
  // Every year of which nothing was restated, by the table alone. Quarters are rounded to millions one by one.
  EXPECT_EQ(
      test::query(
          db,
          "SELECT (count(*) > 15) || ' ' || count(*) FILTER (WHERE abs(y.net_income - q.total) > 2000000) "
          "FROM financials AS y CROSS JOIN LATERAL ("
          "  SELECT count(*) AS quarters, sum(net_income) AS total FROM financials AS q "
          "  WHERE q.ticker = y.ticker AND q.fiscal_year = y.fiscal_year "
          "  AND q.fiscal_quarter IS NOT NULL AND q.net_income = q.net_income_first) AS q "
          "WHERE y.period = 'FY' AND y.net_income = y.net_income_first AND q.quarters = 4"),
      "true 0");
}

// S16: tickers with a point or a dash were passed over.
TEST_F(FinancialsDefectsOfARun, TickersWithPointsAndDashesAreTickers) {
  RecordedSec sec{{"0000320193", kApple}};
  const pg::DbConfig db =
      database({{"AAPL", "0000320193"}, {"AAPL.B", "0000320193"}, {"AAPL-WS", "0000320193"}});
  complete(db, sec_at(sec.url()), live({"--tickers", "AAPL.B"}));
  const std::string row = "(to_jsonb(f) - 'id' - 'ticker' - 'created_at' - 'updated_at')";
  EXPECT_EQ(test::query(db, "SELECT count(DISTINCT ticker) || ' ' || (count(*) = 3 * count(DISTINCT " + row +
                                ")) FROM financials AS f"),
            "3 true")
      << "each of the three has each row";
  EXPECT_EQ(test::query(db,
                        "SELECT count(*) FROM financials_as_of('2024-12-31', 'AAPL-WS') WHERE period = 'FY' "
                        "AND period_end_date = '2024-09-28' AND revenue = 391035000000"),
            "1");
  const Finished then = run(db, {}, {"financials", "--as-of", "2024-12-31", "--tickers", "AAPL.B"});
  EXPECT_EQ(then.exit_code, 0) << then.err;
  EXPECT_NE(then.out.find("AAPL.B"), std::string::npos);
}

}  // namespace
}  // namespace icingest
