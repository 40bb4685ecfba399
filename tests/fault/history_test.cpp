// Plans that reach back less far, splits that change the past, symbols that come late.
#include "support/end_to_end.h"
#include "support/http_imposter.h"

namespace icingest {
namespace {

using test::Finished;
using test::TestServer;
using test::TestSim;

class History : public test::EndToEnd {
 protected:
  static sim::SimOptions options(const std::string& plan, sim::FloorMode floor) {
    sim::SimOptions made{
        .seed = 11, .tickers = 20, .from = make_date(2020, 1, 2), .massive_limit = {.permits = 500}};
    made.massive.plan = *sim::massive_plan(plan);
    made.massive.floor = floor;
    return made;
  }
  void expect_floor(const std::string& strategy, sim::FloorMode floor) {
    TestSim sim(options("basic", floor));
    const pg::DbConfig db = TestServer::instance().create_database();
    const std::vector<std::string> arguments = {"prices", "--years",  "3",      "--strategy",
                                                strategy, "--resume", "--rate", "massive=500/s"};
    const Finished first = run(db, sim.environment(), arguments);
    EXPECT_EQ(first.exit_code, 5) << first.out << first.err;
    EXPECT_NE(first.err.find("sessions are unavailable"), std::string::npos);
    EXPECT_GT(number(first, "unavailable"), 230);
    EXPECT_LT(number(first, "unavailable"), 270);
    const std::int64_t requests = sim.stat("requests");
    EXPECT_LT(requests, 600) << "not one request for each session that cannot be had";
    const Finished second = run(db, sim.environment(), arguments);
    EXPECT_EQ(second.exit_code, 5);
    EXPECT_LE(sim.stat("requests") - requests, 3)
        << "what is unavailable is asked about once, not loaded again";
    const Finished fewer =
        run(db, sim.environment(), {"prices", "--years", "1", "--strategy", strategy, "--resume"});
    EXPECT_EQ(fewer.exit_code, 0) << fewer.out << fewer.err;
    // The plan is upgraded: the same command now fetches the rest.
    TestSim upgraded(options("advanced", floor));
    complete(db, upgraded.environment(), arguments);
    const pg::DbConfig whole = TestServer::instance().create_database();
    complete(whole, upgraded.environment(), arguments);
    EXPECT_TRUE(test::dump(db) == test::dump(whole));
    expect_verified(db);
  }
};

TEST_F(History, ShorterThanAskedForByRefusal) { expect_floor("grouped", sim::FloorMode::reject); }
TEST_F(History, ShorterThanAskedForByEmptyAnswers) { expect_floor("grouped", sim::FloorMode::clip); }
TEST_F(History, ShorterThanAskedForByRefusalPerTicker) { expect_floor("per-ticker", sim::FloorMode::reject); }
TEST_F(History, ShorterThanAskedForBySilentCutting) { expect_floor("per-ticker", sim::FloorMode::clip); }

// A market in which some listed ticker splits, and runs on days of one's choice.
class Splits : public History {
 protected:
  Splits() {
    for (const sim::Listing& listing : market_.listings()) {
      const bool trades =
          !listing.delisted && !listing.listed && (listing.type == "CS" || listing.type == "ETF");
      if (!trades) continue;
      for (const sim::Split& one : listing.splits) {
        if (one.execution > make_date(2026, 8, 3) && one.execution < make_date(2026, 9, 30))
          split_ = one.execution, symbol_ = listing.symbol;
      }
    }
  }
  // The simulator sees its own clock, so each run gets one that lives on its day.
  Finished run_on(const pg::DbConfig& db, Date day, const std::string& strategy,
                  const std::vector<std::string>& more = {}) {
    const std::string at = to_string(day) + "T23:30:00Z";
    ::setenv("ICINGEST_NOW", at.c_str(), 1);
    TestSim sim(options_);
    ::unsetenv("ICINGEST_NOW");
    Variables variables = sim.environment();
    variables["ICINGEST_NOW"] = at;
    std::vector<std::string> arguments = {"prices", "--from",   "2026-06-01", "--strategy",
                                          strategy, "--resume", "--rate",     "massive=500/s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Finished finished = run(db, variables, arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    return finished;
  }
  std::string oldest_close(const pg::DbConfig& db) const {
    return test::query(
        db, "SELECT close FROM stock_prices WHERE ticker = '" + symbol_ + "' ORDER BY \"time\" LIMIT 1");
  }

  const sim::SimOptions options_{.seed = 11,
                                 .tickers = 400,
                                 .from = make_date(2025, 1, 2),
                                 .to = make_date(2026, 11, 20),
                                 .massive_limit = {.permits = 500}};
  const sim::Market market_{options_.seed, options_.tickers, options_.from, options_.to};
  std::optional<Date> split_;
  std::string symbol_;
};

// What was loaded before a split is on the old basis and is read again, in one transaction.
TEST_F(Splits, ASplitSinceTheLastRunReadsItsTickerAgain) {
  ASSERT_TRUE(split_) << "the seed has no split where the test needs one";
  for (const std::string strategy : {"grouped", "per-ticker"}) {
    const pg::DbConfig db = TestServer::instance().create_database();
    run_on(db, *split_ - std::chrono::days(1), strategy);
    const std::string before = oldest_close(db);
    const Finished after = run_on(db, *split_ + std::chrono::days(1), "auto");
    EXPECT_NE(after.err.find("were split since"), std::string::npos) << after.err;
    EXPECT_NE(oldest_close(db), before);
    const pg::DbConfig fresh = TestServer::instance().create_database();
    run_on(fresh, *split_ + std::chrono::days(1), "grouped");
    EXPECT_TRUE(test::dump(db) == test::dump(fresh))
        << strategy << ": not the table of somebody who loads everything today";
    expect_verified(db);
  }
}

// Runs of one ticker in between look for that ticker's splits alone, and must not make the others' forgotten.
TEST_F(Splits, ARunOfOneTickerDoesNotHideTheSplitsOfOthers) {
  ASSERT_TRUE(split_) << "the seed has no split where the test needs one";
  const pg::DbConfig db = TestServer::instance().create_database();
  run_on(db, *split_ - std::chrono::days(1), "grouped");
  const std::string before = oldest_close(db);
  const std::string other =
      test::query(db, "SELECT min(ticker) FROM stock_prices WHERE ticker <> '" + symbol_ + "'");
  run_on(db, *split_ + std::chrono::days(40), "auto", {"--tickers", other});
  EXPECT_EQ(oldest_close(db), before);
  run_on(db, *split_ + std::chrono::days(41), "auto");
  EXPECT_NE(oldest_close(db), before) << symbol_ << " is still on the basis of before its split";
  expect_verified(db);
}

TEST_F(History, ALatecomerGetsItsHistory) {
  TestSim sim({.seed = 11, .tickers = 60, .from = make_date(2026, 1, 2), .massive_limit = {.permits = 500}});
  const pg::DbConfig db = TestServer::instance().create_database();
  const std::vector<std::string> arguments = {"prices",  "--from",   "2026-03-02", "--strategy",
                                              "grouped", "--resume", "--rate",     "massive=500/s"};
  complete(db, sim.environment(), {"tickers"});
  test::query(db, "CREATE TABLE kept AS SELECT * FROM tickers WHERE symbol IN ('AB', 'AE', 'AF')");
  test::query(db, "DELETE FROM tickers WHERE symbol IN ('AB', 'AE', 'AF')");
  complete(db, sim.environment(), arguments);
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM stock_prices WHERE ticker = 'AB'"), "0");
  test::query(db, "INSERT INTO tickers SELECT * FROM kept");
  const std::int64_t requests = sim.stat("requests");
  complete(db, sim.environment(), arguments);
  EXPECT_LE(sim.stat("requests") - requests, 4) << "one request for each, not one for each session";
  const pg::DbConfig whole = TestServer::instance().create_database();
  complete(whole, sim.environment(), arguments);
  EXPECT_TRUE(test::dump(db) == test::dump(whole));
  expect_verified(db);
  const std::int64_t later = sim.stat("requests");
  complete(db, sim.environment(), arguments);
  EXPECT_EQ(sim.stat("requests"), later);
}

TEST_F(History, RowsOfAnEarlierSystemAreAdoptedAndProved) {
  TestSim sim({.seed = 11, .tickers = 30, .from = make_date(2026, 1, 2), .massive_limit = {.permits = 500}});
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"prices", "--from", "2026-09-01"});
  // Somebody else's table: the same rows, some wrong, no ledger.
  test::query(db, "DROP SCHEMA icingest CASCADE");
  const std::string whole = test::dump(db);
  const std::string wrong = test::query(
      db,
      "SELECT count(*) FROM stock_prices WHERE ticker IN ((SELECT min(ticker) FROM stock_prices), (SELECT max(ticker) FROM stock_prices))");
  test::query(db, "UPDATE stock_prices SET close = 1 WHERE ticker = (SELECT min(ticker) FROM stock_prices)");
  test::query(db, "DELETE FROM stock_prices WHERE ticker = (SELECT max(ticker) FROM stock_prices)");
  test::query(db,
              "INSERT INTO stock_prices VALUES ('2026-09-01 04:00Z', 'FOREIGN', 1, 1, 1, 1, 1, 1, '1day')");
  const Finished finished = run(db, sim.environment(), {"prices", "--from", "2026-09-01", "--resume"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.err.find("holds rows that icingest did not load"), std::string::npos);
  EXPECT_GT(number(finished, "unchanged"), 1000);
  EXPECT_EQ(std::to_string(number(finished, "written")), wrong);
  expect_verified(db);
  test::query(db, "DELETE FROM stock_prices WHERE ticker = 'FOREIGN'");
  EXPECT_TRUE(test::dump(db) == whole);
  const Finished verified = run(db, {}, {"verify"});
  EXPECT_EQ(verified.exit_code, 5);
  EXPECT_NE(verified.out.find("2026-09-01"), std::string::npos) << verified.out;
}

TEST_F(History, VerifySeesEveryKindOfDamage) {
  TestSim sim({.seed = 11, .tickers = 30, .from = make_date(2026, 1, 2), .massive_limit = {.permits = 500}});
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"prices", "--from", "2026-09-01", "--strategy", "grouped"});
  expect_verified(db);
  // A ticker that has a bar, vwap and all, on each of the sessions to be damaged.
  const std::string ticker = test::query(
      db,
      "SELECT ticker FROM stock_prices WHERE \"time\" BETWEEN '2026-09-02' AND '2026-09-09' AND vwap IS NOT NULL "
      "GROUP BY 1 HAVING count(*) = 4 ORDER BY 1 LIMIT 1");
  const auto row = [&](const char* day) {
    return " WHERE ticker = '" + ticker + "' AND \"time\" = '" + day + " 04:00Z'";
  };
  struct Damage {
    std::string sql;
    std::string session;
  };
  for (
      const Damage& damage :
      {Damage{"DELETE FROM stock_prices" + row("2026-09-02"), "2026-09-02"},
       {"UPDATE stock_prices SET volume = volume + 1" + row("2026-09-03"), "2026-09-03"},
       {"UPDATE stock_prices SET vwap = NULL" + row("2026-09-04"), "2026-09-04"},
       {"INSERT INTO stock_prices SELECT \"time\", 'NEW', open, high, low, close, volume, vwap, \"interval\" FROM stock_prices" +
            row("2026-09-08"),
        "2026-09-08"}}) {
    test::query(db, damage.sql);
    const Finished verified = run(db, {}, {"verify", "prices"});
    EXPECT_EQ(verified.exit_code, 5) << damage.sql;
    EXPECT_NE(verified.out.find(damage.session), std::string::npos) << verified.out;
  }
  // A new load of those sessions mends what the source knows.
  test::query(db, "DELETE FROM stock_prices WHERE ticker = 'NEW'");
  EXPECT_EQ(run(db, sim.environment(),
                {"prices", "--from", "2026-09-01", "--to", "2026-09-10", "--strategy", "grouped"})
                .exit_code,
            0);
  EXPECT_EQ(test::query(db, "SELECT vwap IS NOT NULL FROM stock_prices" + row("2026-09-04")), "t");
}

TEST_F(History, RecordedAnswersGoAllTheWayIntoTheTable) {
  const char* given = std::getenv("ICINGEST_SHARED_DATA");
  const std::filesystem::path data =
      given != nullptr ? given : std::filesystem::path(ICINGEST_SOURCE_DIR) / ".." / "shared" / "data";
  if (!std::filesystem::exists(data / "README.md"))
    GTEST_SKIP() << "RECORDED DATA ABSENT: " << data << "; this test proved nothing.";
  sim::SimOptions options{.tickers = 1, .from = make_date(2026, 1, 2)};
  options.recorded = data;
  TestSim sim(options);
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished finished = run(
      db, sim.environment(),
      {"prices", "--from", "2019-02-01", "--to", "2019-02-01", "--strategy", "grouped", "--universe", "all"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(number(finished, "written"), 8374);
  EXPECT_EQ(
      test::query(db, "SELECT close || ' ' || volume || ' ' || vwap FROM stock_prices WHERE ticker = 'PDS'"),
      "2.210000 1432032 2.194400");
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM stock_prices WHERE vwap IS NULL"), "60");
  expect_verified(db);
}

}  // namespace
}  // namespace icingest
