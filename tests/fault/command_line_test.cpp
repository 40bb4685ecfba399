// The command line as an interface: what others read from it, and what must never be in it.
#include <signal.h>

#include <fstream>
#include <thread>

#include "icingest/calendar.h"
#include "simdjson.h"
#include "support/end_to_end.h"
#include "support/http_imposter.h"

namespace icingest {
namespace {

using test::Finished;
using test::HttpImposter;
using test::Process;
using test::TestServer;
using test::TestSim;

class CommandLine : public test::EndToEnd {
 protected:
  static sim::SimOptions options() {
    return {.seed = 7, .tickers = 30, .from = make_date(2026, 7, 1), .massive_limit = {.permits = 500}};
  }
  static std::vector<std::string> grouped(const std::string& from) {
    return {"prices", "--from", from, "--strategy", "grouped", "--resume", "--rate", "massive=500/s"};
  }
  // Runs the binary with these arguments alone.
  static Finished plain(const std::vector<std::string>& arguments, const Variables& variables = {}) {
    std::vector<std::string> argv = {test::icingest_binary()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Process(argv, variables).wait();
  }
  // stdout as one JSON object; anything before, behind or instead of it fails.
  simdjson::dom::object object(const Finished& finished) {
    simdjson::dom::object parsed;
    const auto error = parser_.parse(finished.out).get(parsed);
    EXPECT_EQ(error, simdjson::SUCCESS) << "stdout is: " << finished.out << "\nstderr: " << finished.err;
    std::int64_t exit_code = -1;
    std::int64_t schema = -1;
    EXPECT_EQ(parsed["exit_code"].get(exit_code), simdjson::SUCCESS) << finished.out;
    EXPECT_EQ(parsed["schema"].get(schema), simdjson::SUCCESS) << finished.out;
    EXPECT_EQ(exit_code, finished.exit_code);
    EXPECT_EQ(schema, 1);
    return parsed;
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  simdjson::dom::parser parser_;
};

TEST_F(CommandLine, EveryCommandWritesOneJsonObjectAndNothingElse) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  struct Case {
    std::vector<std::string> arguments;
    std::string command;
    int exit_code;
  };
  const std::vector<Case> cases = {{{"status"}, "status", 5},
                                   {{"migrate"}, "migrate", 0},
                                   {{"tickers"}, "tickers", 0},
                                   {{"plan", "prices", "--from", "2026-09-01"}, "plan", 0},
                                   {{"plan", "tickers"}, "plan", 0},
                                   {{"prices", "--from", "2026-10-01"}, "prices", 0},
                                   {{"prices", "--from", "2026-10-01", "--progress", "plain"}, "prices", 0},
                                   {{"status"}, "status", 0},
                                   {{"verify"}, "verify", 0},
                                   {{"verify", "prices"}, "verify", 0},
                                   {{"rejects"}, "rejects", 0},
                                   {{"rejects", "tickers", "--limit", "3"}, "rejects", 0},
                                   {{"db", "status"}, "db", 0},
                                   {{"version"}, "version", 0},
                                   {{"prices", "--from", "2026-13-01"}, "prices", 2},
                                   {{"prices", "--yaers", "3"}, "", 2},
                                   {{"nonsense"}, "", 2}};
  for (const Case& one : cases) {
    std::string name;
    for (const std::string& argument : one.arguments) name += argument + " ";
    SCOPED_TRACE(name);
    std::vector<std::string> argv = {test::icingest_binary()};
    argv.insert(argv.end(), one.arguments.begin(), one.arguments.end());
    argv.insert(argv.end(), {"--json", "--db", test::to_uri(db)});
    const Finished finished = Process(argv, sim.environment()).wait();
    EXPECT_EQ(finished.exit_code, one.exit_code) << finished.err;
    const simdjson::dom::object parsed = object(finished);
    std::string_view command;
    EXPECT_EQ(parsed["command"].get(command), simdjson::SUCCESS);
    if (!one.command.empty()) {
      EXPECT_EQ(command, one.command);
    }
  }
}

TEST_F(CommandLine, PrivateServerCommandsWriteJsonToo) {
  const test::TempDir dir;
  for (const auto& [action, exit_code] :
       {std::pair{"status", 4}, {"start", 0}, {"status", 0}, {"url", 0}, {"stop", 0}, {"stop", 0}}) {
    SCOPED_TRACE(action);
    const Finished finished = plain({"db", action, "--json", "--data-dir", dir.path().string()});
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    object(finished);
  }
}

TEST_F(CommandLine, AReportHasEveryKeyOfTheContract) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  for (const std::string command : {"tickers", "prices"}) {
    SCOPED_TRACE(command);
    std::vector<std::string> arguments = {command};
    if (command == "prices") arguments.insert(arguments.end(), {"--from", "2026-11-02"});
    const Finished finished = run(db, sim.environment(), arguments);
    simdjson::dom::object report = object(finished);
    for (const char* key : {"command", "run_id", "strategy"}) {
      EXPECT_EQ(report[key].type().value(), simdjson::dom::element_type::STRING) << key;
    }
    for (const char* pointer :
         {"/units/total", "/units/done", "/units/skipped", "/units/empty", "/units/unavailable",
          "/units/failed", "/rows/written", "/rows/unchanged", "/rows/rejected", "/http/requests",
          "/http/retries", "/http/status_429", "/http/bytes", "/peak_rss_bytes"}) {
      EXPECT_EQ(report.at_pointer(pointer).type().value(), simdjson::dom::element_type::INT64) << pointer;
    }
    for (const char* pointer : {"/seconds", "/cpu_seconds", "/floor_seconds/quota", "/floor_seconds/copy"}) {
      EXPECT_EQ(report.at_pointer(pointer).type().value(), simdjson::dom::element_type::DOUBLE) << pointer;
    }
    for (const char* pointer : {"/window/from", "/window/to"}) {
      std::string_view date;
      ASSERT_EQ(report.at_pointer(pointer).get(date), simdjson::SUCCESS) << pointer;
      EXPECT_TRUE(parse_date(date)) << pointer << " " << date;
    }
    EXPECT_GT(std::int64_t(report.at_pointer("/rows/written")), 0);
    EXPECT_GT(std::int64_t(report.at_pointer("/http/bytes")), 0);
    EXPECT_GT(std::int64_t(report.at_pointer("/peak_rss_bytes")), 1 << 20);
  }
}

TEST_F(CommandLine, APlanAsksNobodyAndLeavesNothing) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished before = run(db, sim.environment(), {"plan", "prices", "--from", "2026-09-01"});
  EXPECT_EQ(before.exit_code, 0) << before.err;
  EXPECT_EQ(sim.stat("requests"), 0);
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'icingest%'"), "0");
  complete(db, sim.environment(), grouped("2026-09-01"));
  const std::int64_t requests = sim.stat("requests");
  const std::string units = test::query(db, "SELECT count(*) FROM icingest.units");
  const Finished after = run(db, sim.environment(), {"plan", "prices", "--from", "2026-09-01", "--resume"});
  EXPECT_EQ(number(after, "to_do"), 0) << after.out;
  const Finished longer = run(
      db, sim.environment(), {"plan", "prices", "--from", "2026-08-03", "--strategy", "grouped", "--resume"});
  EXPECT_EQ(number(longer, "to_do"),
            static_cast<std::int64_t>(nyse::sessions(make_date(2026, 8, 3), make_date(2026, 8, 31)).size()))
      << longer.out;
  EXPECT_EQ(sim.stat("requests"), requests);
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM icingest.units"), units);
}

TEST_F(CommandLine, AResumeWithNothingToDoTakesUnderASecond) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), grouped("2026-07-01"));
  const std::int64_t requests = sim.stat("requests");
  // The best of three: a busy machine makes anybody wait, and says nothing about what a resume costs.
  std::int64_t whole_seconds = 1;
  for (int attempt = 0; attempt < 3 && whole_seconds > 0; ++attempt) {
    const Finished again = run(db, sim.environment(), grouped("2026-07-01"));
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(number(again, "skipped"), number(again, "total"));
    whole_seconds = number(again, "seconds");
  }
  EXPECT_EQ(whole_seconds, 0);
  EXPECT_EQ(sim.stat("requests"), requests);
}

TEST_F(CommandLine, AChangedWindowFetchesTheDifference) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), grouped("2026-09-01"));
  const Finished longer = run(db, sim.environment(), grouped("2026-08-03"));
  const auto added =
      static_cast<std::int64_t>(nyse::sessions(make_date(2026, 8, 3), make_date(2026, 8, 31)).size());
  EXPECT_EQ(number(longer, "requests"), added) << longer.out;
  EXPECT_EQ(number(run(db, sim.environment(), grouped("2026-10-01")), "requests"), 0);
  expect_verified(db);
}

TEST_F(CommandLine, RefreshReadsTheNewestSessionsAgain) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), grouped("2026-09-01"));
  test::query(
      db,
      "UPDATE stock_prices SET close = close + 1 WHERE \"time\" = (SELECT max(\"time\") FROM stock_prices)");
  std::vector<std::string> arguments = grouped("2026-09-01");
  arguments.insert(arguments.end(), {"--refresh", "3"});
  const Finished refreshed = run(db, sim.environment(), arguments);
  EXPECT_EQ(number(refreshed, "requests"), 3) << refreshed.out;
  EXPECT_GT(number(refreshed, "written"), 0);
  EXPECT_GT(number(refreshed, "unchanged"), 0);
}

TEST_F(CommandLine, AFlagBeatsTheEnvironmentBeatsTheFileBeatsTheDefault) {
  const test::TempDir dir;
  const std::string file = (dir.path() / "icingest.toml").string();
  std::ofstream(file) << "data-dir = \"/nowhere/file\"\n[prices]\nyears = 3\n";
  const auto where = [&](const std::vector<std::string>& more, const Variables& variables) {
    std::vector<std::string> arguments = {"db", "status"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return plain(arguments, variables).out;
  };
  const Variables environment = {{"ICINGEST_DATA_DIR", "/nowhere/environment"}};
  EXPECT_NE(where({"--config", file, "--data-dir", "/nowhere/flag"}, environment).find("/nowhere/flag"),
            std::string::npos);
  EXPECT_NE(where({"--config", file}, environment).find("/nowhere/environment"), std::string::npos);
  EXPECT_NE(where({"--config", file}, {}).find("/nowhere/file"), std::string::npos);
  EXPECT_NE(where({}, {{"ICINGEST_CONFIG", file}}).find("/nowhere/file"), std::string::npos);
  EXPECT_EQ(where({}, {}).find("/nowhere"), std::string::npos);

  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  const auto years_back = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"prices", "--to",     "2026-11-20", "--tickers",
                                          "AB",     "--config", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = run(db, sim.environment(), arguments);
    std::string_view from;
    EXPECT_EQ(object(finished).at_pointer("/window/from").get(from), simdjson::SUCCESS);
    return std::string(from);
  };
  EXPECT_EQ(years_back({}), "2023-11-20");
  EXPECT_EQ(years_back({"--years", "2"}), "2024-11-20");
}

TEST_F(CommandLine, TheCompletionScriptWorksInBash) {
  const test::TempDir dir;
  const std::string script = (dir.path() / "completion").string();
  std::ofstream(script) << plain({"completion", "bash"}).out;
  const auto complete_words = [&](const std::string& words, int at) {
    return Process({"/bin/bash", "-c",
                    "source " + script + "; COMP_WORDS=(" + words + "); COMP_CWORD=" + std::to_string(at) +
                        "; _icingest; echo \"${COMPREPLY[@]}\""},
                   {})
        .wait();
  };
  const Finished options = complete_words("icingest prices --re", 2);
  EXPECT_EQ(options.err, "");
  EXPECT_NE(options.out.find("--resume"), std::string::npos) << options.out;
  EXPECT_NE(options.out.find("--refresh"), std::string::npos) << options.out;
  EXPECT_EQ(complete_words("icingest ver", 1).out, "verify version\n");
  EXPECT_NE(complete_words("icingest db st", 2).out.find("status"), std::string::npos);
  EXPECT_EQ(Process({"/bin/bash", "-n", script}, {}).wait().exit_code, 0);
  EXPECT_NE(plain({"completion", "fish"})
                .out.find("complete -c icingest -n '__fish_seen_subcommand_from prices' -l resume"),
            std::string::npos);
  EXPECT_NE(plain({"completion", "zsh"}).out.find("#compdef icingest"), std::string::npos);
}

TEST_F(CommandLine, SecretsStayInTheEnvironment) {
  HttpImposter source([](const std::string&) { return test::http_answer(500, "oops"); });
  const pg::DbConfig db = TestServer::instance().create_database();
  std::string uri = test::to_uri(db);
  uri += "&password=in-Query-9word";
  const std::string user_info = "postgresql://" + db.parameters.at("user") + ":in-User-9word@/" +
                                db.parameters.at("dbname") + "?host=" + db.parameters.at("host") +
                                "&port=" + db.parameters.at("port");
  for (const std::string& address : {uri, user_info}) {
    Process process({test::icingest_binary(), "prices", "--tickers", "AB", "--from", "2026-11-02",
                     "--log-level", "debug", "--outage-limit", "3s", "--json", "--db", address},
                    {{"POLYGON_BASE_URL", source.url()}, {"POLYGON_API_KEY", "k3y-that-is-secret"}});
    // Until a request was made, so the process is past its start; then what `ps` would show.
    const std::size_t before = source.requests().size();
    for (int i = 0; i < 2000 && process.running() && source.requests().size() == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const std::string shown = read("/proc/" + std::to_string(process.pid()) + "/cmdline");
    const Finished finished = process.wait();
    EXPECT_EQ(finished.exit_code, 4) << finished.err;
    EXPECT_NE(shown.find("--tickers"), std::string::npos);
    const std::string recorded =
        test::query(db, "SELECT string_agg(arguments || coalesce(report::text, ''), ' ') FROM icingest.runs");
    for (const std::string secret : {"in-Query-9word", "in-User-9word", "k3y-that-is-secret"}) {
      for (const std::string& text : {shown, finished.out, finished.err, recorded}) {
        EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in: " << text;
      }
    }
  }
  ASSERT_FALSE(source.requests().empty());
  for (const std::string& head : source.requests()) {
    EXPECT_EQ(head.substr(0, head.find('\r')).find("k3y"), std::string::npos)
        << "the key is in the address: " << head;
    EXPECT_NE(head.find("Authorization: Bearer k3y-that-is-secret"), std::string::npos);
  }
}

TEST_F(CommandLine, WithoutATerminalProgressIsALineAtLeastEveryTenSeconds) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  std::vector<std::string> argv = {
      test::icingest_binary(), "prices", "--from",        "2026-07-01", "--strategy", "grouped", "--rate",
      "massive=2/s",           "--db",   test::to_uri(db)};
  Process process(argv, sim.environment());
  std::this_thread::sleep_for(std::chrono::seconds(21));
  process.signal(SIGTERM);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 143);
  int lines = 0;
  for (std::size_t at = finished.err.find("Progress: "); at != std::string::npos;
       at = finished.err.find("Progress: ", at + 1))
    ++lines;
  EXPECT_GE(lines, 3) << finished.err;  // two while it ran, one at its end
}

TEST_F(CommandLine, ARunThatWaitsForAnotherEndsAtASignal) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  auto other = pg::PgConn::connect(db, std::chrono::seconds(10));
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->exec("SELECT pg_advisory_lock(hashtextextended('icingest.run', 0))"));
  Process process(command(db, grouped("2026-09-01")), sim.environment());
  for (int i = 0; i < 1000 && test::query(db,
                                          "SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                                          "'%pg_try_advisory_lock%' AND pid <> pg_backend_pid()") == "0";
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  process.signal(SIGTERM);
  const Finished finished = process.wait(std::chrono::seconds(20));
  EXPECT_EQ(finished.exit_code, 143) << finished.err;
  object(finished);
}

}  // namespace
}  // namespace icingest
