// The flat files: the same table as by any other way, and what happens when they cannot be had.
#include <signal.h>

#include <random>
#include <thread>

#include "core/text.h"
#include "support/end_to_end.h"
#include "support/http_imposter.h"

namespace icingest {
namespace {

using test::Finished;
using test::HttpImposter;
using test::Process;
using test::TestServer;
using test::TestSim;

// Every column, the vwap only where `with_vwap`.
std::string table_of(const pg::DbConfig& db, const std::string& with_vwap) {
  return test::query(
      db, "SELECT string_agg(concat_ws(E'\\t', ticker, \"time\", open, high, low, close, volume, CASE WHEN " +
              with_vwap +
              " THEN coalesce(vwap::text, 'none') END), E'\\n' ORDER BY ticker, \"time\") FROM stock_prices");
}

class FlatFiles : public test::EndToEnd {
 protected:
  // Two tickers in five hundred split every half year, so there are enough of them.
  static sim::SimOptions options(const std::string& faults = {}) {
    return {.seed = 42,
            .tickers = 300,
            .from = make_date(2025, 1, 2),
            .massive_limit = {.permits = 500},
            .faults = faults};
  }
  static std::vector<std::string> by(const std::string& strategy) {
    return {"prices", "--from", "2026-06-01", "--strategy", strategy, "--resume", "--rate", "massive=500/s"};
  }
  static const pg::DbConfig& grouped() {
    static const pg::DbConfig db = [] {
      TestSim sim(options());
      const pg::DbConfig made = TestServer::instance().create_database();
      complete(made, sim.environment(), by("grouped"));
      return made;
    }();
    return db;
  }
  static void expect_same(const pg::DbConfig& db) {
    EXPECT_GT(test::query(grouped(), "SELECT count(*) FROM stock_prices").size(), 4U);
    EXPECT_TRUE(table_of(db, "false") == table_of(grouped(), "false")) << "the table differs";
    expect_verified(db);
  }
};

TEST_F(FlatFiles, LeaveTheTableOfTheOtherTwoStrategies) {
  TestSim sim(options());
  const pg::DbConfig by_files = TestServer::instance().create_database();
  const Finished finished = run(by_files, sim.environment_with_files(), by("flat-files"));
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("\"strategy\":\"flat-files\""), std::string::npos) << finished.out;
  expect_same(by_files);
  const pg::DbConfig by_ticker = TestServer::instance().create_database();
  complete(by_ticker, sim.environment(), by("per-ticker"));
  EXPECT_TRUE(table_of(by_files, "false") == table_of(by_ticker, "false"));
  // Not by chance: prices and volumes were adjusted.
  int split = 0;
  for (const sim::Listing& listing : sim.market().listings()) {
    for (const sim::Split& one : listing.splits)
      split += one.execution > make_date(2026, 6, 1) && one.execution < make_date(2026, 10, 1) ? 1 : 0;
  }
  EXPECT_GT(split, 2);
  const std::string newest =
      "\"time\" >= (SELECT min(t) FROM (SELECT DISTINCT \"time\" AS t FROM stock_prices ORDER BY 1 DESC "
      "LIMIT 30) AS n)";
  EXPECT_TRUE(table_of(by_files, newest) == table_of(grouped(), newest))
      << "the newest sessions have their vwap";
  EXPECT_EQ(
      test::query(by_files, "SELECT count(*) FROM stock_prices WHERE vwap IS NOT NULL AND NOT " + newest),
      "0");
  EXPECT_EQ(sim.stat("keys_in_urls"), 0);
  // The ledger says how each session was had.
  EXPECT_EQ(test::query(by_files, "SELECT count(*) FROM icingest.units WHERE route = 'grouped'"), "30");
  EXPECT_EQ(
      test::query(by_files,
                  "SELECT count(*) FROM icingest.units WHERE route = 'flat-files' AND etag LIKE '\"%\"'"),
      std::to_string(number(finished, "done") - 30));
}

TEST_F(FlatFiles, AreWhatAutoTakesWhenTheKeysAreThere) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  std::vector<std::string> arguments = by("auto");
  arguments.insert(arguments.end(), {"--rate", "massive=20/s", "--universe", "all"});
  const Finished planned =
      run(db, sim.environment_with_files(), {"plan", "prices", "--from", "2026-06-01", "--universe", "all"});
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_NE(planned.out.find("\"strategy\":\"flat-files\""), std::string::npos) << planned.out;
  EXPECT_NE(planned.out.find("\"name\":\"grouped\""), std::string::npos) << planned.out;
  const Finished finished = run(db, sim.environment_with_files(), arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("\"strategy\":\"flat-files\""), std::string::npos) << finished.out;
  EXPECT_GT(sim.stat("files"), 80);
  // Everything is done: not one file is asked again.
  const std::int64_t files = sim.stat("files");
  const Finished again = run(db, sim.environment_with_files(), arguments);
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_EQ(number(again, "written"), 0);
  EXPECT_EQ(sim.stat("files"), files);
  expect_verified(db);
}

TEST_F(FlatFiles, NeedTheirKeysWhenTheyAreForced) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  for (const std::vector<std::string>& arguments :
       {by("flat-files"), {"plan", "prices", "--strategy", "flat-files"}}) {
    const Finished finished = run(db, sim.environment(), arguments);
    EXPECT_EQ(finished.exit_code, 2) << finished.out << finished.err;
    EXPECT_NE((finished.err + finished.out).find("POLYGON_S3_ACCESS_KEY_ID"), std::string::npos)
        << finished.err;
    EXPECT_NE((finished.err + finished.out).find("POLYGON_S3_SECRET_ACCESS_KEY"), std::string::npos)
        << finished.err;
  }
  Variables half = sim.environment_with_files();
  half.erase("POLYGON_S3_SECRET_ACCESS_KEY");
  EXPECT_EQ(run(db, half, by("auto")).exit_code, 2) << "half a pair of keys is meant";
  EXPECT_EQ(sim.stat("files"), 0);
}

TEST_F(FlatFiles, AWrongSecretIsForAPersonAndSeenByNobody) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  Variables variables = sim.environment_with_files();
  variables["POLYGON_S3_SECRET_ACCESS_KEY"] = "not-the-secret-4711";
  std::vector<std::string> arguments = by("auto");
  arguments.insert(arguments.end(), {"--universe", "all", "--log-level", "debug"});
  const Finished finished = run(db, variables, arguments);
  EXPECT_EQ(finished.exit_code, 5) << finished.out << finished.err;
  EXPECT_NE(finished.out.find("POLYGON_S3_SECRET_ACCESS_KEY"), std::string::npos) << finished.out;
  EXPECT_EQ((finished.out + finished.err).find("4711"), std::string::npos) << "the secret was shown";
  EXPECT_LE(sim.stat("files"), 1) << "one question was enough";
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM stock_prices"), "0");
}

TEST_F(FlatFiles, APlanWithoutThemGoesByGroupedOrSaysSo) {
  sim::SimOptions basic = options();
  basic.massive.plan = *sim::massive_plan("basic");
  TestSim sim(basic);
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished forced = run(db, sim.environment_with_files(), by("flat-files"));
  EXPECT_EQ(forced.exit_code, 5) << forced.out << forced.err;
  EXPECT_NE(forced.out.find("flat-files"), std::string::npos) << forced.out;
  std::vector<std::string> arguments = by("auto");
  arguments.insert(arguments.end(), {"--universe", "all"});
  const Finished finished = run(db, sim.environment_with_files(), arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_NE(finished.err.find("flat-files cannot be had"), std::string::npos) << finished.err;
  EXPECT_NE(finished.out.find("\"strategy\":\"grouped\""), std::string::npos) << finished.out;
  EXPECT_EQ(number(finished, "unavailable"), 0);
  EXPECT_LE(sim.stat("files"), 2) << "one question for each run";
  expect_verified(db);
}

// The provider rewrites two objects. A refresh reads these, and leaves the others where they are.
TEST_F(FlatFiles, ARefreshReadsWhatWasRewritten) {
  const pg::DbConfig db = TestServer::instance().create_database();
  {
    TestSim sim(options());
    complete(db, sim.environment_with_files(), by("flat-files"));
  }
  sim::SimOptions rewritten = options();
  const std::vector<Date> sessions =
      nyse::sessions(make_date(2026, 6, 1), nyse::last_closed_session(SystemClock().now()));
  const Date first = sessions.at(sessions.size() - 50);
  const Date second = sessions.at(sessions.size() - 40);
  rewritten.corrected = {first, second};
  TestSim sim(rewritten);
  std::vector<std::string> arguments = by("flat-files");
  arguments.insert(arguments.end(), {"--refresh", "60"});
  const std::string generations =
      "SELECT count(*) FROM icingest.units WHERE route = 'flat-files' AND generation > 1";
  const Finished finished = run(db, sim.environment_with_files(), arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(sim.stat("files_unchanged"), 28);
  EXPECT_EQ(test::query(db, generations), "2") << "an unchanged file changes nothing in the ledger";
  const std::int64_t corrected = number(finished, "written");
  EXPECT_GT(corrected, 200);
  // A share more is lost in the rounding of a ticker that was merged 20:1 since.
  EXPECT_LE(corrected,
            *text::parse_int(test::query(db,
                                         "SELECT count(*) FROM stock_prices WHERE (\"time\" AT TIME ZONE "
                                         "'America/New_York')::date IN ('" +
                                             to_string(first) + "', '" + to_string(second) + "')")));
  const pg::DbConfig fresh = TestServer::instance().create_database();
  complete(fresh, sim.environment(), by("grouped"));
  EXPECT_TRUE(table_of(db, "false") == table_of(fresh, "false"))
      << "not the table of somebody who loads everything now";
  expect_verified(db);
  const Finished again = run(db, sim.environment_with_files(), arguments);
  EXPECT_EQ(number(again, "written"), 0);
  EXPECT_EQ(test::query(db, generations), "2");
}

// Files that are missing or broken for good are asked of the API, one by one.
TEST_F(FlatFiles, HolesAreFilledByGrouped) {
  TestSim sim(options());
  HttpImposter store([](const std::string& head) {
    if (head.find("2026-09-1") != std::string::npos)
      return test::http_answer(200, "<html>Welcome</html>", "Content-Type: text/html\r\n");
    return test::http_answer(
        404, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
        "Content-Type: application/xml\r\n");
  });
  Variables variables = sim.environment_with_files();
  variables["POLYGON_S3_ENDPOINT"] = store.url();
  const pg::DbConfig db = TestServer::instance().create_database();
  const std::vector<std::string> arguments = {"prices",     "--from",       "2026-09-08", "--to",
                                              "2026-09-18", "--strategy",   "flat-files", "--resume",
                                              "--rate",     "massive=500/s"};
  const Finished finished = run(db, variables, arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(number(finished, "failed") + number(finished, "empty"), 0);
  EXPECT_EQ(test::query(db,
                        "SELECT count(*) || ' ' || string_agg(DISTINCT route, ',') FROM icingest.units WHERE "
                        "unit LIKE 'day/%'"),
            "9 grouped");
  for (const std::string& head : store.requests()) {
    EXPECT_NE(head.find("AWS4-HMAC-SHA256 Credential="), std::string::npos) << head;
    EXPECT_EQ(head.find(sim::kBuiltInSecret), std::string::npos) << head;
    EXPECT_EQ(head.find("test-key-1234"), std::string::npos) << "the other source's key: " << head;
  }
  expect_verified(db);
}

TEST_F(FlatFiles, WithFaultsTheTableIsTheSame) {
  TestSim sim(
      options("truncated_gzip=0.05,reset_body=0.05,http_503=0.05,stale=0.05,malformed=0.05,trailing=0.05,"
              "html_200=0.03;seed=5"));
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment_with_files(), by("flat-files"), 5);
  // A file that failed every time was asked of the API, so only the vwap may tell.
  expect_same(db);
}

TEST_F(FlatFiles, KilledAndStartedAgain) {
  std::mt19937_64 random{std::random_device{}()};
  const pg::DbConfig db = TestServer::instance().create_database();
  for (int killed = 0; killed < test::rounds(20) / 4; ++killed) {
    TestSim sim(options());
    Process process(command(db, by("flat-files")), sim.environment_with_files());
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random() % 1500));
    if (process.running()) process.signal(SIGKILL);
    static_cast<void>(process.wait());
  }
  TestSim sim(options());
  complete(db, sim.environment_with_files(), by("flat-files"));
  expect_same(db);
}

// A split between two runs: what the files brought is on the basis of the first run, and its ticker is read
// again.
TEST_F(FlatFiles, ASplitSinceTheLastRunReadsItsTickerAgain) {
  const sim::SimOptions made{.seed = 11,
                             .tickers = 400,
                             .from = make_date(2025, 1, 2),
                             .to = make_date(2026, 11, 20),
                             .massive_limit = {.permits = 500}};
  const sim::Market market(made.seed, made.tickers, made.from, made.to);
  std::optional<Date> split;
  for (const sim::Listing& listing : market.listings()) {
    for (const sim::Split& one : listing.splits) {
      const bool trades =
          !listing.delisted && !listing.listed && (listing.type == "CS" || listing.type == "ETF");
      if (trades && one.execution > make_date(2026, 8, 3) && one.execution < make_date(2026, 11, 1))
        split = one.execution;
    }
  }
  ASSERT_TRUE(split) << "the seed has no split where the test needs one";
  const auto run_on = [&](const pg::DbConfig& db, Date day, const std::string& strategy) {
    const std::string now = to_string(day) + "T23:30:00Z";
    ::setenv("ICINGEST_NOW", now.c_str(), 1);
    TestSim sim(made);
    ::unsetenv("ICINGEST_NOW");
    Variables variables = sim.environment_with_files();
    variables["ICINGEST_NOW"] = now;
    const Finished finished = run(
        db, variables,
        {"prices", "--from", "2026-05-01", "--strategy", strategy, "--resume", "--rate", "massive=500/s"});
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    return finished;
  };
  const pg::DbConfig db = TestServer::instance().create_database();
  run_on(db, *split - std::chrono::days(1), "flat-files");
  EXPECT_EQ(test::query(db, "SELECT DISTINCT basis FROM icingest.units WHERE route = 'flat-files'"),
            to_string(*split - std::chrono::days(1)));
  const Finished after = run_on(db, *split + std::chrono::days(1), "flat-files");
  EXPECT_NE(after.err.find("were split since"), std::string::npos) << after.err;
  const pg::DbConfig fresh = TestServer::instance().create_database();
  run_on(fresh, *split + std::chrono::days(1), "grouped");
  EXPECT_TRUE(table_of(db, "false") == table_of(fresh, "false"))
      << "not the table of somebody who loads everything today";
  expect_verified(db);
}

}  // namespace
}  // namespace icingest
