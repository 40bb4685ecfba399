// Whatever is wrong: a message that says what, where and what to do; the right code; nothing lost.
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "support/end_to_end.h"
#include "support/http_imposter.h"

namespace icingest {
namespace {

using test::Finished;
using test::HttpImposter;
using test::TestServer;
using test::TestSim;

class BadInput : public test::EndToEnd {
 protected:
  // A database that already holds something, so that damage would show.
  static pg::DbConfig loaded(const TestSim& sim) {
    const pg::DbConfig db = TestServer::instance().create_database();
    complete(db, sim.environment(), {"prices", "--from", "2026-11-16", "--limit", "5"});
    return db;
  }
  static sim::SimOptions small() { return {.seed = 7, .tickers = 30, .from = make_date(2026, 9, 1)}; }

  void expect(const Finished& finished, int exit_code, const std::vector<std::string>& words) {
    EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
    for (const std::string& word : words) {
      EXPECT_NE((finished.err + finished.out).find(word), std::string::npos) << "no '" << word << "' in:\n"
                                                                             << finished.err << finished.out;
    }
  }

  TestSim sim_{small()};
  pg::DbConfig db_ = loaded(sim_);
  std::string before_ = test::dump(db_);
  void TearDown() override { EXPECT_TRUE(test::dump(db_) == before_) << "the data was touched"; }
};

TEST_F(BadInput, UnknownOption) {
  expect(run(db_, sim_.environment(), {"prices", "--yaers", "3"}), 2, {"--yaers"});
}
TEST_F(BadInput, NoCommand) { expect(run(db_, sim_.environment(), {}), 2, {"subcommand"}); }
TEST_F(BadInput, BadDate) {
  expect(run(db_, sim_.environment(), {"prices", "--from", "2026-02-30"}), 2,
         {"--from", "2026-02-30", "YYYY-MM-DD"});
  expect(run(db_, sim_.environment(), {"prices", "--to", "yesterday"}), 2, {"--to", "yesterday"});
}
TEST_F(BadInput, FromAfterTo) {
  expect(run(db_, sim_.environment(), {"prices", "--from", "2026-11-10", "--to", "2026-11-02"}), 2,
         {"2026-11-10", "2026-11-02"});
}
TEST_F(BadInput, FutureTo) {
  expect(run(db_, sim_.environment(), {"prices", "--to", "2099-01-01"}), 2, {"--to", "last closed session"});
}
TEST_F(BadInput, BadNumbers) {
  expect(run(db_, sim_.environment(), {"prices", "--years", "0"}), 2, {"--years"});
  expect(run(db_, sim_.environment(), {"prices", "--limit", "-1"}), 2, {"--limit"});
  expect(run(db_, sim_.environment(), {"prices", "--rate", "massive=fast"}), 2, {"--rate", "SOURCE=N/UNIT"});
  expect(run(db_, sim_.environment(), {"prices", "--rate", "nobody=1/s"}), 2, {"nobody"});
  expect(run(db_, sim_.environment(), {"prices", "--memory-budget", "tiny"}), 2, {"--memory-budget"});
  expect(run(db_, sim_.environment(), {"prices", "--strategy", "magic"}), 2, {"--strategy"});
}
TEST_F(BadInput, ContradictingOptions) {
  expect(run(db_, sim_.environment(), {"prices", "--universe", "all", "--tickers", "A"}), 2,
         {"exclude each other"});
  expect(run(db_, sim_.environment(), {"prices", "--tickers", " , "}), 2, {"no symbol"});
  expect(run(db_, sim_.environment(), {"prices", "--tickers-file", "/nonexistent"}), 2, {"/nonexistent"});
}
TEST_F(BadInput, BadConfigFile) {
  const test::TempDir dir;
  std::ofstream(dir.path() / "bad.toml") << "yaers = 3\n";
  expect(run(db_, sim_.environment(), {"prices", "--config", (dir.path() / "bad.toml").string()}), 2,
         {"yaers"});
  std::ofstream(dir.path() / "broken.toml") << "years = = 3\n";
  expect(run(db_, sim_.environment(), {"prices", "--config", (dir.path() / "broken.toml").string()}), 2,
         {"broken.toml:1"});
  expect(run(db_, sim_.environment(), {"prices", "--config", "/nonexistent.toml"}), 2, {"nonexistent.toml"});
}
TEST_F(BadInput, MissingKey) {
  expect(run(db_, {}, {"prices"}), 2, {"no key for massive", "POLYGON_API_KEY"});
  expect(run(db_, {{"POLYGON_API_KEY", "with blank"}}, {"prices"}), 2, {"blanks or control characters"});
}
TEST_F(BadInput, WrongKey) {
  sim::SimOptions options = small();
  options.massive.keys["right"] = *sim::massive_plan("advanced");
  TestSim strict(options);
  Variables variables = strict.environment();
  variables["POLYGON_API_KEY"] = "wr0ng-secret-key";
  const std::string units = test::query(db_, "SELECT count(*) FROM icingest.units");
  const Finished finished = run(db_, variables, {"prices", "--from", "2026-09-01", "--tickers", "AA,AB"});
  expect(finished, 5, {"401", "Unknown API Key", "POLYGON_API_KEY"});
  EXPECT_EQ((finished.err + finished.out).find("wr0ng-secret-key"), std::string::npos)
      << "the key is in the output";
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units"), units)
      << "a refusal is nothing to remember of a unit";
}
TEST_F(BadInput, PlanNotEntitled) {
  HttpImposter imposter([](const std::string&) {
    return test::http_answer(
        403,
        R"({"status":"NOT_AUTHORIZED","request_id":"1","message":"You are not entitled to this data. Please upgrade your plan"})");
  });
  expect(run(db_, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
             {"prices", "--from", "2026-09-01", "--tickers", "AA"}),
         5, {"403", "not entitled", "plan"});
}
TEST_F(BadInput, UnreachableHost) {
  const Finished refused =
      run(db_, {{"POLYGON_BASE_URL", "http://127.0.0.1:9"}, {"POLYGON_API_KEY", "key1234"}},
          {"prices", "--from", "2026-09-01", "--tickers", "AA", "--outage-limit", "1s"});
  expect(refused, 4, {"127.0.0.1:9", "check"});
  const Finished unknown =
      run(db_, {{"POLYGON_BASE_URL", "http://no-such-host.invalid"}, {"POLYGON_API_KEY", "key1234"}},
          {"prices", "--from", "2026-09-01", "--tickers", "AA", "--outage-limit", "1s"});
  expect(unknown, 4, {"no-such-host.invalid"});
}
TEST_F(BadInput, UrlThatIsNone) {
  expect(run(db_, {{"POLYGON_BASE_URL", "ftp://example.com"}, {"POLYGON_API_KEY", "key1234"}}, {"prices"}), 2,
         {"ftp://example.com", "POLYGON_BASE_URL"});
}
TEST_F(BadInput, HostThatAnswersHtml) {
  HttpImposter imposter([](const std::string&) {
    return test::http_answer(200, "<html><body>It works!</body></html>", "Content-Type: text/html\r\n");
  });
  expect(run(db_, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
             {"prices", "--from", "2026-09-01", "--tickers", "AA,AB,AC,AD,AE,AF,AG,AH,AI", "--outage-limit",
              "1s"}),
         4, {"not its API", "base URL"});
}
TEST_F(BadInput, HostWithoutThatPath) {
  HttpImposter imposter([](const std::string&) {
    return test::http_answer(404, "404 page not found\n", "Content-Type: text/plain\r\n");
  });
  expect(run(db_, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
             {"prices", "--from", "2026-09-01", "--tickers", "AA"}),
         5, {"404", "POLYGON_BASE_URL"});
}
TEST_F(BadInput, RedirectToAnotherHostTakesNoKeyAlong) {
  HttpImposter thief([](const std::string&) { return test::http_answer(200, "{}"); });
  HttpImposter imposter([&](const std::string&) {
    return test::http_answer(302, "", "Location: " + thief.url() + "/v2/x\r\n");
  });
  expect(run(db_, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
             {"prices", "--from", "2026-09-01", "--tickers", "AA"}),
         5, {"redirects to another place"});
  EXPECT_TRUE(thief.requests().empty());
}
TEST_F(BadInput, NextPageOnAnotherHostIsNotFollowed) {
  HttpImposter imposter([&](const std::string&) {
    return test::http_answer(
        200,
        R"({"ticker":"AA","status":"OK","resultsCount":1,"results":[{"v":1,"o":1,"h":1,"l":1,"c":1,"t":1789012800000}],"next_url":"http://thief.example/next"})");
  });
  expect(run(db_, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
             {"prices", "--from", "2026-09-01", "--tickers", "AA"}),
         4, {"another host"});
  EXPECT_EQ(imposter.requests().size(), 1U);
}
TEST_F(BadInput, DatabaseUnreachable) {
  expect(test::Process(
             {test::icingest_binary(), "prices", "--db", "postgresql://u:pa55w0rd@127.0.0.1:9/x", "--json"},
             sim_.environment())
             .wait(),
         4, {"cannot connect to u@127.0.0.1:9/x", "reachable"});
}
TEST_F(BadInput, WrongPassword) {
  // A role that has to give a password, on the same server.
  test::query(db_, "DROP ROLE IF EXISTS careful");
  test::query(db_, "CREATE ROLE careful LOGIN PASSWORD 'right-one'");
  const auto hba = TestServer::instance().data_dir() / "postgres" / "data" / "pg_hba.conf";
  const std::string original = test::query(db_, "SELECT pg_read_file('pg_hba.conf')");
  std::ofstream(hba) << "local all careful scram-sha-256\n" << original;
  test::query(db_, "SELECT pg_reload_conf()");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  pg::DbConfig wrong = db_;
  wrong.parameters["user"] = "careful";
  Variables variables = sim_.environment();
  variables["PGPASSWORD"] = "wr0ng-pass";
  const Finished finished = run(wrong, variables, {"prices"});
  expect(finished, 5, {"password", "DB_PASSWORD"});
  EXPECT_EQ((finished.err + finished.out).find("wr0ng-pass"), std::string::npos);
  std::ofstream(hba) << original;
  test::query(db_, "SELECT pg_reload_conf()");
}
TEST_F(BadInput, NoSuchDatabase) {
  pg::DbConfig nowhere = db_;
  nowhere.parameters["dbname"] = "no_such_database";
  expect(run(nowhere, sim_.environment(), {"prices"}), 5, {"no_such_database", "database name"});
}
TEST_F(BadInput, TableWithAWrongColumnType) {
  const pg::DbConfig db = TestServer::instance().create_database();
  test::query(
      db,
      "CREATE TABLE stock_prices (\"time\" timestamptz NOT NULL, ticker varchar(32) NOT NULL, open numeric(15,2), high numeric(20,6), low numeric(20,6), "
      "close double precision, volume bigint, vwap numeric(20,6), \"interval\" varchar(10) NOT NULL, UNIQUE (ticker, \"time\", \"interval\"))");
  test::query(db, "INSERT INTO stock_prices VALUES ('2020-01-02 05:00Z', 'X', 1, 1, 1, 1, 1, 1, '1day')");
  const std::string before = test::dump(db);
  expect(run(db, sim_.environment(), {"prices", "--tickers", "AA"}), 5,
         {"stock_prices.open is numeric(15,2), should be numeric(20,6)", "ALTER TABLE", "TYPE numeric(20,6)",
          "close is double precision", "icingest migrate"});
  EXPECT_EQ(test::dump(db), before);
}
TEST_F(BadInput, ReadOnlyDatabase) {
  const std::string name = db_.parameters.at("dbname");
  test::query(db_, "ALTER DATABASE " + name + " SET default_transaction_read_only = on");
  expect(run(db_, sim_.environment(), {"prices", "--from", "2026-09-01"}), 5, {"read-only"});
  pg::DbConfig maintenance = db_;
  maintenance.parameters["dbname"] = "postgres";
  test::query(maintenance, "ALTER DATABASE " + name + " RESET default_transaction_read_only");
}
TEST_F(BadInput, SimulatedAndRealDataDoNotMix) {
  const test::TempDir dir;
  // No key, no database: the built-in simulator on a private server.
  const auto private_run = [&](const Variables& variables) {
    Variables all = variables;
    all["ICINGEST_DATA_DIR"] = dir.path().string();
    return test::Process({test::icingest_binary(), "prices", "--from", "2026-11-16", "--limit", "3", "--json",
                          "--progress", "none"},
                         all)
        .wait();
  };
  expect(private_run({}), 0, {"made up"});
  expect(private_run(sim_.environment()), 5, {"simulated data", "--data-dir"});
  test::Process({test::icingest_binary(), "db", "stop", "--data-dir", dir.path().string()}, {}).wait();
}
TEST_F(BadInput, RowsThatCannotBeTakenAreQuarantined) {
  HttpImposter imposter([](const std::string&) {
    return test::http_answer(
        200,
        R"({"ticker":"QQ","status":"OK","resultsCount":3,"results":[)"
        R"({"v":1,"o":1,"h":1,"l":1,"c":1,"t":1789012800000},{"v":1,"o":null,"h":1,"l":1,"c":1,"t":1789099200000},)"
        R"({"v":1,"o":-4,"h":1,"l":1,"c":1,"t":1789358400000}]})");
  });
  const pg::DbConfig db = TestServer::instance().create_database();
  const Variables variables = {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}};
  const Finished finished = run(db, variables, {"prices", "--from", "2026-09-01", "--tickers", "QQ"});
  expect(finished, 3, {"2 rows were quarantined", "icingest rejects"});
  EXPECT_EQ(number(finished, "written"), 1);
  expect(run(db, {}, {"rejects", "prices"}), 0,
         {"null_value", "out_of_range", R"(\"o\":-4)", imposter.url()});
  expect_verified(db);
}
TEST_F(BadInput, NoDirectoryForTemporaryFiles) {
  const pg::DbConfig db = TestServer::instance().create_database();
  auto variables = sim_.environment();
  variables["TMPDIR"] = "/nonexistent/here";
  const Finished finished =
      run(db, variables, {"prices", "--from", "2026-09-01", "--strategy", "grouped", "--resume"});
  expect(finished, 0, {});
  EXPECT_GT(number(finished, "written"), 1000);
  expect_verified(db);
}

TEST_F(BadInput, TooManyBadRowsFailTheUnit) {
  std::string rows;
  for (int i = 0; i < 30; ++i) rows += R"({"v":1,"o":1,"h":1,"l":1,"c":null,"t":1789012800000},)";
  rows.pop_back();
  HttpImposter imposter([&](const std::string&) {
    return test::http_answer(200,
                             R"({"ticker":"QQ","status":"OK","resultsCount":30,"results":[)" + rows + "]}");
  });
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished finished = run(db, {{"POLYGON_BASE_URL", imposter.url()}, {"POLYGON_API_KEY", "key1234"}},
                                {"prices", "--from", "2026-09-01", "--tickers", "QQ"});
  expect(finished, 4, {"30 of 30 rows cannot be taken"});
  EXPECT_EQ(
      test::query(
          db,
          "SELECT state || ' ' || reason || ' ' || rejected FROM icingest.units WHERE unit = 'ticker/QQ'"),
      "failed bad_rows 30");
}
TEST_F(BadInput, FullDisk) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting a small tmpfs needs root";
  const test::TempDir dir;
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=18m,mode=0777") != 0)
    GTEST_SKIP() << "this machine does not let us mount a tmpfs";
  std::filesystem::create_directory(dir.path() / "space");
  std::filesystem::permissions(dir.path() / "space", std::filesystem::perms::all);
  ASSERT_EQ(std::system(("chown postgres " + (dir.path() / "space").string()).c_str()), 0);
  pg::DbConfig db = TestServer::instance().create_database();
  test::query(db, "CREATE TABLESPACE small LOCATION '" + (dir.path() / "space").string() + "'");
  pg::DbConfig maintenance = db;
  maintenance.parameters["dbname"] = "postgres";
  test::query(maintenance, "CREATE DATABASE tiny TABLESPACE small");
  db.parameters["dbname"] = "tiny";
  TestSim sim({.seed = 9, .tickers = 400, .from = make_date(2025, 6, 2), .massive_limit = {.permits = 1000}});
  const Finished finished =
      run(db, sim.environment(),
          {"prices", "--from", "2025-06-02", "--strategy", "grouped", "--rate", "massive=1000/s"});
  expect(finished, 5, {"disk"});
  expect_proved(db);
  EXPECT_NE(test::query(db, "SELECT count(*) FROM icingest.units WHERE state = 'done'"), "0")
      << "what fitted is committed";
  test::query(maintenance, "DROP DATABASE tiny");
  test::query(maintenance, "DROP TABLESPACE small");
  ::umount(dir.path().c_str());
}

}  // namespace
}  // namespace icingest
