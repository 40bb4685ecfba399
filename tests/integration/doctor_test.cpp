// `icingest doctor` against a real server: what is wrong is found, with what to do, and nothing is changed by looking.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/end_to_end.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;
using test::TestServer;
using test::TestSim;

class Doctor : public test::EndToEnd {
 protected:
  const pg::DbConfig db_ = TestServer::instance().create_database();

  [[nodiscard]] Finished examine(const Variables& variables, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), "doctor");
    return run(db_, variables, more);
  }
  // The finding of that check and grade, as JSON.
  static std::string finding(const Finished& finished, const std::string& check, const std::string& grade) {
    const std::string mark = "{\"check\":\"" + check + "\",\"grade\":\"" + grade + "\"";
    const std::size_t at = finished.out.find(mark);
    if (at == std::string::npos) {
      ADD_FAILURE() << "no " << grade << " of " << check << " in: " << finished.out << finished.err;
      return {};
    }
    return finished.out.substr(at, finished.out.find('}', at) - at);
  }
  static void expect_mention(const std::string& text, const std::string& word) {
    EXPECT_NE(text.find(word), std::string::npos) << "no '" << word << "' in: " << text;
  }
};

TEST_F(Doctor, FindsNothingWrongAndChangesNothing) {
  const TestSim sim({.seed = 2, .tickers = 20, .from = make_date(2024, 1, 2)});
  const Finished before = examine(sim.environment(), {"--years", "1"});
  EXPECT_EQ(before.exit_code, 0) << before.out << before.err;
  EXPECT_EQ(test::query(db_,
                        "SELECT count(*) FROM pg_class WHERE relnamespace IN "
                        "(SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'icingest'))"),
            "0")
      << "a doctor does not operate";
  complete(db_, sim.environment(), {"prices", "--years", "1"});
  const std::int64_t asked = sim.stat("requests");
  const Finished after = examine(sim.environment(), {"--years", "1"});
  EXPECT_EQ(after.exit_code, 0) << after.out << after.err;
  EXPECT_EQ(sim.stat("requests") - asked, 2) << "one for today's data, one for the oldest";
  EXPECT_EQ(sim.stat("violations"), 0);
  for (const char* check : {"database", "version", "rights", "clock", "schema", "quota", "keys", "plan"})
    finding(after, check, "ok");
  EXPECT_EQ(after.out.find("test-key-1234"), std::string::npos) << after.out;
}

TEST_F(Doctor, AsksForAKey) {
  const Finished finished = examine({});
  EXPECT_EQ(finished.exit_code, 2) << finished.out;
  expect_mention(finding(finished, "keys", "failure"), "POLYGON_API_KEY");
}

TEST_F(Doctor, TellsAWrongKeyFromAPlanThatDoesNotReachFarEnough) {
  sim::SimOptions options{.seed = 2, .tickers = 5, .from = make_date(2020, 1, 2)};
  options.massive.keys["small"] = *sim::massive_plan("basic");
  const TestSim sim(options);
  Variables variables = sim.environment();
  const Finished wrong = examine(variables);
  EXPECT_EQ(wrong.exit_code, 5) << wrong.out;
  finding(wrong, "plan", "failure");
  variables["POLYGON_API_KEY"] = "small";
  const Finished small = examine(variables, {"--years", "5"});
  EXPECT_EQ(small.exit_code, 0) << "a run would load what there is: " << small.out;
  expect_mention(finding(small, "plan", "warning"), "5 years");
  EXPECT_EQ(examine(variables, {"--years", "5", "--strict"}).exit_code, 5);
  EXPECT_EQ(examine(variables, {"--years", "5", "--strict", "--skip", "plan,storage,disk"}).exit_code, 0);
  EXPECT_EQ(examine(variables, {"--years", "1", "--strict", "--skip", "storage,disk"}).exit_code, 0);
}

TEST_F(Doctor, TriesAgainLaterWhenTheSourceIsAway) {
  const Finished finished = examine({{"POLYGON_BASE_URL", "http://127.0.0.1:1"}, {"POLYGON_API_KEY", "k"}});
  EXPECT_EQ(finished.exit_code, 4) << finished.out;
  finding(finished, "plan", "failure");
}

TEST_F(Doctor, TriesAgainLaterWhenTheDatabaseIsAway) {
  const Finished finished = Process({test::icingest_binary(), "doctor", "--json", "--db",
                                     "postgresql://nobody@127.0.0.1:1/nothing"},
                                    {{"POLYGON_API_KEY", "k"}})
                                .wait();
  EXPECT_EQ(finished.exit_code, 4) << finished.out << finished.err;
  expect_mention(finding(finished, "database", "failure"), "reachable");
  finding(finished, "plan", "unknown");
}

TEST_F(Doctor, FindsAColumnThatCannotHoldThePrices) {
  test::query(
      db_,
      "CREATE TABLE stock_prices (time timestamptz NOT NULL, ticker varchar(10) NOT NULL, open numeric(10,2))");
  const Finished finished = examine({{"POLYGON_API_KEY", "k"}}, {"--offline"});
  EXPECT_EQ(finished.exit_code, 5) << finished.out;
  expect_mention(finished.out, "stock_prices.open is numeric(10,2)");
  expect_mention(finding(finished, "schema", "failure"), "icingest migrate");
}

TEST_F(Doctor, FindsThatTheRoleMayNotWrite) {
  const std::string name = db_.parameters.at("dbname");
  test::query(db_,
              "DO $$ BEGIN CREATE ROLE doctor_reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$");
  test::query(db_, "REVOKE ALL ON DATABASE \"" + name + "\" FROM PUBLIC");
  test::query(db_, "GRANT CONNECT ON DATABASE \"" + name + "\" TO doctor_reader");
  pg::DbConfig reader = db_;
  reader.parameters["user"] = "doctor_reader";
  const Finished finished = run(reader, {{"POLYGON_API_KEY", "k"}}, {"doctor", "--offline"});
  EXPECT_EQ(finished.exit_code, 5) << finished.out;
  const std::string rights = finding(finished, "rights", "failure");
  expect_mention(rights, "CREATE on the database");
  expect_mention(rights, "TEMPORARY");
  finding(finished, "storage", "unknown");
  test::query(db_, "ALTER ROLE doctor_reader SET default_transaction_read_only = on");
  expect_mention(
      finding(run(reader, {{"POLYGON_API_KEY", "k"}}, {"doctor", "--offline"}), "rights", "failure"),
      "read-only");
  test::query(db_, "ALTER ROLE doctor_reader RESET default_transaction_read_only");
}

TEST_F(Doctor, FindsAClockThatIsWrong) {
  const Finished finished =
      examine({{"POLYGON_API_KEY", "k"}, {"ICINGEST_NOW", "2030-01-01T00:00:00Z"}}, {"--offline"});
  EXPECT_EQ(finished.exit_code, 5) << finished.out;
  expect_mention(finding(finished, "clock", "failure"), "apart");
}

TEST_F(Doctor, KnowsOfAPenaltyThatIsInForce) {
  const TestSim sim({.seed = 2, .tickers = 5});
  complete(db_, sim.environment(), {"tickers"});
  test::query(
      db_,
      "UPDATE icingest.quotas SET blocked_until = (extract(epoch FROM now()) * 1000000)::bigint + 600000000");
  expect_mention(finding(examine(sim.environment(), {"--offline"}), "quota", "warning"), "pause");
}

TEST_F(Doctor, TakesStorageThatDoesNotLastForAFailure) {
  test::query(db_, "ALTER SYSTEM SET fsync = off");
  test::query(db_, "SELECT pg_reload_conf()");
  Finished finished;
  for (int i = 0; i < 50; ++i) {
    finished = examine({{"POLYGON_API_KEY", "k"}}, {"--offline"});
    if (finished.out.find("fsync is off") != std::string::npos) break;
  }
  EXPECT_EQ(finished.exit_code, 5) << finished.out;
  expect_mention(finding(finished, "storage", "failure"), "fsync is off");
  test::query(db_, "ALTER SYSTEM RESET fsync");
  test::query(db_, "SELECT pg_reload_conf()");
}

}  // namespace
}  // namespace icingest
