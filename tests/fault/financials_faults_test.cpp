// `icingest financials` when the SEC, the network or the machine misbehaves: the same tables, and never a request too
// many.
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "core/text.h"
#include "support/financials.h"
#include "support/http_imposter.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::Finished;
using test::HttpImposter;
using test::Process;
using test::TestServer;
using test::TestSim;

class FinancialsFaults : public test::Financials {
 protected:
  void SetUp() override {
    ICINGEST_NEEDS_SHARED_DATA();
    ::setenv("ICINGEST_NOW", kNight, 1);
  }

  static sim::SimOptions options(const std::string& faults = {}) {
    return {.seed = 11,
            .tickers = 12,
            .faults = faults,
            .sec = {.limit = {.permits = 100},
                    .penalty = std::chrono::seconds(2),
                    .companies = 45,
                    .recorded = test::shared_data(),
                    .late_percent = 5}};
  }
  static std::vector<std::string> by(const std::string& strategy,
                                     std::vector<std::string> more = {"--resume"}) {
    std::vector<std::string> arguments = {"financials", "--strategy", strategy,    "--rate", "sec=90/s",
                                          "--penalty",  "sec=3s",     "--loaders", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // What an undisturbed run leaves; made once.
  static const std::string& reference() {
    static const std::string made = [] {
      TestSim sim(options());
      const pg::DbConfig db = database_of(sim);
      complete(db, at_night(sim), by("live"));
      expect_verified(db);
      return tables(db);
    }();
    return made;
  }
  static void expect_same(const pg::DbConfig& db) {
    EXPECT_EQ(tables(db), reference());
    expect_verified(db);
  }
  static pg::DbConfig listed() {
    TestSim quiet(options());
    return database_of(quiet);
  }
};

TEST_F(FinancialsFaults, AllOfThemAtOnceOneByOne) {
  TestSim sim(options("all=0.06;seed=3"));
  const pg::DbConfig db = listed();
  complete(db, at_night(sim), by("live"), 4);
  expect_same(db);
  EXPECT_EQ(sim.stat("violations"), 0);
}

TEST_F(FinancialsFaults, AllOfThemAtOnceByTheArchive) {
  TestSim sim(options("all=0.06;seed=4"));
  const pg::DbConfig db = listed();
  complete(db, at_night(sim), by("bulk"), 6);
  expect_same(db);
  EXPECT_EQ(sim.stat("violations"), 0);
}

TEST_F(FinancialsFaults, CutConnectionsGoOnWhereTheyBroke) {
  TestSim sim(options("reset_body=1*5,short_body=1*3;seed=5"));
  const pg::DbConfig db = listed();
  const Finished finished = run(db, at_night(sim), by("bulk"));
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_GE(number(finished, "retries"), 5) << finished.out;
  expect_same(db);
}

TEST_F(FinancialsFaults, AZipThatIsReplacedMeanwhileIsReadAnew) {
  TestSim sim(options("replaced=0.5*2;seed=6"));
  const pg::DbConfig db = listed();
  const Finished finished = run(db, at_night(sim), by("bulk"));
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  expect_same(db);
}

TEST_F(FinancialsFaults, BrokenMembersAreAskedForAlone) {
  sim::SimOptions broken = options();
  using sim::BadMember;
  broken.sec.bad = {{BadMember::bad_crc, 2},   {BadMember::bad_deflate, 2}, {BadMember::cut_json, 2},
                    {BadMember::deep_json, 1}, {BadMember::bomb, 1},        {BadMember::odd_name, 2}};
  for (const bool awkward : {false, true}) {
    broken.sec.zip64 = broken.sec.descriptors = awkward;
    TestSim sim(broken);
    const pg::DbConfig db = listed();
    const Finished finished = run(db, at_night(sim), by("bulk"));
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    EXPECT_LT(number(finished, "peak_rss_bytes"), std::int64_t{1} << 30);
    EXPECT_NE(test::query(db, "SELECT count(*) FROM icingest.units WHERE reason = 'bad_member'"), "0");
    expect_same(db);
  }
}

// One reads the archive while the others wait; what is asked for one by one they share.
TEST_F(FinancialsFaults, ThreeProcessesShareARun) {
  for (const std::string strategy : {"live", "bulk"}) {
    TestSim sim(options());
    const pg::DbConfig db = listed();
    std::vector<std::unique_ptr<Process>> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(std::make_unique<Process>(command(db, by(strategy)), at_night(sim)));
    for (const auto& process : all) {
      const Finished finished = process->wait();
      EXPECT_EQ(finished.exit_code, 0) << finished.err;
    }
    EXPECT_EQ(sim.stat("violations"), 0);
    expect_same(db);
  }
}

#ifdef ICINGEST_FAULT_POINTS
TEST_F(FinancialsFaults, OthersTakeOverFromTheKilled) {
  for (const std::string strategy : {"live", "bulk"}) {
    TestSim sim(options());
    const pg::DbConfig db = listed();
    Variables variables = at_night(sim);
    variables["ICINGEST_LEASE"] = "3s";
    Variables doomed = variables;
    doomed["ICINGEST_FAULT"] = "kill:load.before_commit:2";
    Process one(command(db, by(strategy)), doomed);
    Process two(command(db, by(strategy)), variables);
    const Finished finished = two.wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    static_cast<void>(one.wait());
    expect_same(db);
  }
}
#endif

TEST_F(FinancialsFaults, SurvivesKillsAnywhere) {
  TestSim sim(options());
  std::mt19937 random(12);
  for (const char* strategy : {"bulk", "live"}) {
    const pg::DbConfig db = listed();
    const std::vector<std::string> argv = command(db, by(strategy));
    int killed = 0;
    for (int round = 0; round < test::rounds(6); ++round) {
      Process process(argv, at_night(sim));
      std::this_thread::sleep_for(std::chrono::milliseconds(150 + random() % 1500));
      killed += process.running() ? 1 : 0;
      process.signal(SIGKILL);
      process.wait();
      expect_proved(db);
    }
    EXPECT_GT(killed, 0);
    complete(db, at_night(sim), by(strategy));
    expect_same(db);
  }
  EXPECT_EQ(sim.stat("violations"), 0);
  EXPECT_EQ(sim.stat("blocks"), 0);
}

TEST_F(FinancialsFaults, LosesTheDatabaseConnectionAndNothingElse) {
  TestSim sim(options());
  const pg::DbConfig db = listed();
  Process process(command(db, by("bulk")), at_night(sim));
  std::atomic<bool> ended{false};
  std::thread cutter([&] {
    while (!ended) {
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
      test::query(
          db,
          "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
          "AND datname = current_database() AND query NOT LIKE '%pg_try_advisory_lock%' "
          "AND random() < 0.5");
    }
  });
  const Finished finished = process.wait(std::chrono::minutes(5));
  ended = true;
  cutter.join();
  if (finished.exit_code != 0) complete(db, at_night(sim), by("bulk"), 3);
  expect_same(db);
}

// --- refusals, byte by byte

std::string page(int status, const std::string& title) {
  return test::http_answer(status, "<!DOCTYPE html><html><head><title>" + title + "</title></head></html>",
                           "Content-Type: text/html\r\n");
}

class FinancialsRefusals : public test::Financials {
 protected:
  void SetUp() override { ICINGEST_NEEDS_SHARED_DATA(); }
  static std::vector<std::string> live(const std::string& penalty = "sec=3s") {
    return {"financials", "--strategy", "live", "--rate", "sec=20/s", "--penalty", penalty, "--resume"};
  }
  static pg::DbConfig apple() { return database({{"AAPL", "0000320193"}}); }
  static std::string document() {
    static const std::string body = test::read_shared("sec/companyfacts/CIK0000320193.2025-02.json.gz");
    return test::http_answer(200, body);
  }
};

TEST_F(FinancialsRefusals, WaitsForTheEndOfThePenaltyAndGoesOn) {
  std::atomic<int> asked{0};
  HttpImposter sec([&](const std::string&) {
    return ++asked == 1 ? page(403, "SEC.gov | Request Rate Threshold Exceeded") : document();
  });
  const pg::DbConfig db = apple();
  const Finished finished = run(db, sec_at(sec.url()), live());
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_GE(finished.seconds, 3.0) << "the penalty was not waited out";
  EXPECT_EQ(asked, 2);
  EXPECT_NE(finished.err.find("blocks this address"), std::string::npos) << finished.err;
}

TEST_F(FinancialsRefusals, ThePenaltyOutlivesTheProcess) {
  std::atomic<int> asked{0};
  std::atomic<bool> blocking{true};
  HttpImposter sec([&](const std::string&) {
    ++asked;
    return blocking ? page(403, "SEC.gov | Request Rate Threshold Exceeded") : document();
  });
  const pg::DbConfig db = apple();
  {
    Process first(command(db, live("sec=8s")), sec_at(sec.url()));
    for (int i = 0; i < 400 && asked == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    // Until the database has been told.
    for (int i = 0; i < 200; ++i) {
      if (test::query(
              db, "SELECT count(*) FROM icingest.quotas WHERE source LIKE 'sec#%' AND blocked_until > 0") ==
          "1")
        break;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    first.signal(SIGKILL);
    first.wait();
  }
  blocking = false;
  const int before = asked;
  EXPECT_EQ(before, 1);
  const auto started = std::chrono::steady_clock::now();
  const Finished second = run(db, sec_at(sec.url()), live("sec=8s"));
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::seconds(3))
      << "asked during the penalty";
  EXPECT_NE(second.err.find("penalty"), std::string::npos) << second.err;
}

TEST_F(FinancialsRefusals, AnUndeclaredToolIsForAPerson) {
  HttpImposter sec([](const std::string&) {
    return page(403, "Your Request Originates from an Undeclared Automated Tool");
  });
  const Finished finished = run(apple(), sec_at(sec.url()), live());
  EXPECT_EQ(finished.exit_code, 5) << finished.err;
  EXPECT_NE((finished.err + finished.out).find("SEC_USER_AGENT"), std::string::npos) << finished.err;
  EXPECT_EQ(sec.requests().size(), 1U);
}

TEST_F(FinancialsRefusals, ARefusalWithoutAReasonCountsAsABlockWhenItComesTwice) {
  std::atomic<int> asked{0};
  HttpImposter sec([&](const std::string&) { return ++asked <= 2 ? page(403, "Forbidden") : document(); });
  const Finished finished = run(apple(), sec_at(sec.url()), live("sec=4s"));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_GE(finished.seconds, 4.4) << "a tenth, and then the whole";
  EXPECT_EQ(asked, 3);
}

TEST_F(FinancialsRefusals, MaintenanceIsNoAnswer) {
  std::atomic<int> asked{0};
  HttpImposter sec([&](const std::string&) {
    if (++asked <= 2) {
      return test::http_answer(503, test::read_shared("sec/errors/browse_edgar_503.html.gz"),
                               "Content-Type: text/html\r\n");
    }
    if (asked == 3) return page(200, "SEC.gov | File Unavailable");
    return document();
  });
  const Finished finished = run(apple(), sec_at(sec.url()), live());
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(asked, 4);
}

}  // namespace
}  // namespace icingest
