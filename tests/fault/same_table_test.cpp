// One table, whatever happens on the way to it.
#include <signal.h>

#include <atomic>
#include <random>
#include <thread>

#include "support/end_to_end.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;
using test::TestServer;
using test::TestSim;

class SameTable : public test::EndToEnd {
 protected:
  static const std::vector<std::string>& grouped() {
    static const std::vector<std::string> arguments = {"prices",     "--from",  "2026-06-01",
                                                       "--strategy", "grouped", "--resume"};
    return arguments;
  }
  // What an undisturbed run leaves; made once.
  static const std::string& reference() {
    static const std::string table = [] {
      TestSim sim(options());
      const pg::DbConfig db = TestServer::instance().create_database();
      complete(db, sim.environment(), grouped());
      expect_verified(db);
      return test::dump(db);
    }();
    return table;
  }
  static sim::SimOptions options(const std::string& faults = {}) {
    return {.seed = 42,
            .tickers = 60,
            .from = make_date(2026, 5, 1),
            .massive_limit = {.permits = 200},
            .faults = faults};
  }
  static void expect_same(const pg::DbConfig& db) {
    EXPECT_TRUE(test::dump(db) == reference()) << "the table differs";
    expect_verified(db);
  }
  static void expect_same_with_every_fault(const std::string& strategy);
  static Variables fast(const TestSim& sim) { return sim.environment(); }
  static std::vector<std::string> with_rate(std::vector<std::string> arguments,
                                            const std::string& rate = "massive=200/s") {
    arguments.insert(arguments.end(), {"--rate", rate});
    return arguments;
  }
  // Whether some of that many sessions are in the ledger, and some are not.
  static bool is_half_done(const pg::DbConfig& db, int sessions) {
    if (test::query(db, "SELECT to_regclass('icingest.units') IS NULL") == "t") return false;
    const int there =
        std::stoi(test::query(db, "SELECT count(*) FROM icingest.units WHERE pipeline = 'prices'"));
    return there > 0 && there < sessions;
  }

  std::mt19937_64 random_{std::random_device{}()};
  std::chrono::milliseconds moment(int at_most_ms) {
    return std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(at_most_ms));
  }
};

TEST_F(SameTable, ByEitherStrategy) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"prices", "--from", "2026-06-01", "--strategy", "per-ticker", "--resume"});
  EXPECT_GT(reference().size(), 100'000U);
  expect_same(db);
}

TEST_F(SameTable, ByOneStrategyOverTheOther) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"prices", "--from", "2026-08-03", "--strategy", "per-ticker"});
  complete(db, sim.environment(), grouped());
  expect_same(db);
  const Finished again =
      run(db, sim.environment(), {"prices", "--from", "2026-06-01", "--strategy", "per-ticker"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(number(again, "written"), 0);
  expect_same(db);
}

TEST_F(SameTable, TheSecondRunSkipsEverything) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished first = run(db, sim.environment(), grouped());
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_GT(number(first, "written"), 5'000);
  EXPECT_EQ(number(first, "unchanged"), 0);
  const std::int64_t requests = sim.stat("requests");
  const Finished second = run(db, sim.environment(), grouped());
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_EQ(number(second, "skipped"), number(second, "total"));
  EXPECT_EQ(number(second, "written") + number(second, "unchanged"), 0);
  EXPECT_EQ(sim.stat("requests"), requests);
}

TEST_F(SameTable, ReadingTheNewestAgainWritesNothing) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), grouped());
  const auto changes = [&] {
    return test::query(db,
                       "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables "
                       "WHERE relname LIKE 'stock_prices%'");
  };
  test::query(db, "CHECKPOINT");
  const std::string changes_before = changes();
  const std::string wal_before = test::query(db, "SELECT pg_current_wal_insert_lsn()");
  std::vector<std::string> again = grouped();
  again.insert(again.end(), {"--refresh", "20"});
  const Finished second = run(db, sim.environment(), again);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(number(second, "written"), 0);
  EXPECT_GT(number(second, "unchanged"), 20 * 40);
  EXPECT_LT(std::stoll(
                test::query(db, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '" + wal_before + "')")),
            1'000'000);
  EXPECT_EQ(changes(), changes_before) << "no row of the table was touched";
}

// So many sessions that the year is read once instead of being compared row by row.
TEST_F(SameTable, ReadingEverythingAgainWritesWhatDiffersAndNothingElse) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), grouped());
  std::vector<std::string> again = grouped();
  std::erase(again, "--resume");
  const std::string wal_before = test::query(db, "SELECT pg_current_wal_insert_lsn()");
  const Finished second = run(db, sim.environment(), again);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(number(second, "written"), 0);
  EXPECT_GT(number(second, "unchanged"), 5'000);
  EXPECT_LT(std::stoll(
                test::query(db, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '" + wal_before + "')")),
            1'000'000);
  expect_same(db);
  test::query(
      db,
      "UPDATE stock_prices SET close = close + 1 WHERE ticker = (SELECT min(ticker) FROM stock_prices) AND "
      "\"time\"::date = '2026-07-15'");
  test::query(db,
              "DELETE FROM stock_prices WHERE ticker = (SELECT max(ticker) FROM stock_prices) AND "
              "\"time\"::date = '2026-08-12'");
  const Finished third = run(db, sim.environment(), again);
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_EQ(number(third, "written"), 2);
  EXPECT_TRUE(test::dump(db) == reference());
  expect_verified(db);
}

// Two requests in three go wrong somehow, one in five with a 429, so this is slow and the window short.
void SameTable::expect_same_with_every_fault(const std::string& strategy) {
  TestSim calm(options());
  const std::vector<std::string> arguments =
      with_rate({"prices", "--from", "2026-10-15", "--strategy", strategy, "--resume"});
  const pg::DbConfig undisturbed = TestServer::instance().create_database();
  complete(undisturbed, calm.environment(), arguments);
  TestSim sim(options("all=0.05,latency=0.05:50ms;seed=3"));
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), arguments, 5);
  EXPECT_TRUE(test::dump(db) == test::dump(undisturbed)) << strategy << ": the table differs";
  expect_verified(db);
  EXPECT_GT(sim.stat("requests"), 60) << "faults cost requests";
}

TEST_F(SameTable, GroupedWithEveryFaultOfTheSourceAtFivePercent) { expect_same_with_every_fault("grouped"); }
TEST_F(SameTable, PerTickerWithEveryFaultOfTheSourceAtFivePercent) {
  expect_same_with_every_fault("per-ticker");
}

TEST_F(SameTable, KilledAtRandomMoments) {
  // Four years, which are made one by one.
  const std::vector<std::string> years =
      with_rate({"prices", "--from", "2023-06-01", "--strategy", "grouped", "--resume"}, "massive=300/s");
  constexpr int kSessions = 870;
  sim::SimOptions source = options();
  source.tickers = 20;
  source.from = make_date(2023, 5, 1);
  source.massive_limit = {.permits = 300};
  const std::string undisturbed = [&] {
    TestSim sim(source);
    const pg::DbConfig db = TestServer::instance().create_database();
    complete(db, sim.environment(), years);
    return test::dump(db);
  }();
  const auto expect_undisturbed = [&](const pg::DbConfig& db) {
    EXPECT_TRUE(test::dump(db) == undisturbed) << "the table differs";
    expect_verified(db);
  };
  const int wanted = test::rounds(20);
  pg::DbConfig db = TestServer::instance().create_database();
  int killed = 0;
  int half_done = 0;
  int completed = 0;
  for (int run_number = 0; killed < wanted; ++run_number) {
    TestSim sim(source);
    Process process(command(db, years), sim.environment());
    std::this_thread::sleep_for(moment(run_number % 3 == 0 ? 600 : 4000));
    if (process.running()) {
      process.signal(SIGKILL);
      ++killed;
      static_cast<void>(process.wait());
      half_done += is_half_done(db, kSessions) ? 1 : 0;
      continue;
    }
    const Finished finished = process.wait();
    ASSERT_EQ(finished.exit_code, 0) << finished.err;
    expect_undisturbed(db);
    ++completed;
    db = TestServer::instance().create_database();
  }
  TestSim sim(source);
  complete(db, sim.environment(), years);
  expect_undisturbed(db);
  EXPECT_GT(half_done, wanted / 10) << "the kills came too early or too late to show anything";
  std::printf("%d runs killed, %d of them half done, %d completed on the way\n", killed, half_done,
              completed);
}

TEST_F(SameTable, StoppedByASignalAtRandomMoments) {
  reference();
  const pg::DbConfig db = TestServer::instance().create_database();
  for (int i = 0; i < test::rounds(20) / 4; ++i) {
    const int signal = i % 2 == 0 ? SIGTERM : SIGINT;
    TestSim sim(options());
    Process process(command(db, with_rate(grouped())), sim.environment());
    std::this_thread::sleep_for(std::chrono::milliseconds(300) + moment(900));
    const auto asked = std::chrono::steady_clock::now();
    process.signal(signal);
    const Finished finished = process.wait(std::chrono::seconds(20));
    if (finished.exit_code == 0) break;
    EXPECT_EQ(finished.exit_code, 128 + signal) << finished.err;
    EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(5));
    // Unless all was done and said when the signal came.
    const bool was_done = finished.out.find("\"exit_code\":0") != std::string::npos;
    EXPECT_TRUE(was_done || finished.out.find("--resume") != std::string::npos) << finished.out;
  }
  TestSim sim(options());
  complete(db, sim.environment(), with_rate(grouped()));
  expect_same(db);
}

TEST_F(SameTable, WithPostgresKilledUnderIt) {
  reference();
  const int wanted = std::max(10, test::rounds(20) / 4);
  int stops = 0;
  while (stops < wanted) {
    TestSim sim(options());
    const pg::DbConfig db = TestServer::instance().create_database();
    Process process(command(db, with_rate(grouped())), sim.environment());
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    while (process.running() && stops < wanted) {
      TestServer::instance().stop("immediate");
      TestServer::instance().start();
      ++stops;
      std::this_thread::sleep_for(moment(400));
    }
    const Finished finished = process.wait();
    ASSERT_TRUE(finished.exit_code == 0 || finished.exit_code == 4) << finished.exit_code << "\n"
                                                                    << finished.err;
    if (finished.exit_code != 0) complete(db, sim.environment(), with_rate(grouped()), 3);
    expect_same(db);
  }
}

TEST_F(SameTable, WithTwoRunsAtOnce) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  Process one(command(db, with_rate(grouped())), sim.environment());
  Process two(command(db, with_rate(grouped())), sim.environment());
  const Finished first = one.wait();
  const Finished second = two.wait();
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(number(first, "total"), number(second, "total"));
  EXPECT_EQ(number(first, "done") + number(second, "done"), number(first, "total")) << "they shared the work";
  expect_same(db);
}

#ifdef ICINGEST_FAULT_POINTS
// Dies at the first fault point, then the second, … until a run passes them all. Every one when asked for many rounds
// (ICINGEST_ROUNDS=100), else wider and wider apart: most of them are the same point met again.
TEST_F(SameTable, KilledAtEveryFaultPointInTurn) {
  reference();
  int points = 0;
  const auto next = [](int n) { return test::rounds(20) >= 100 ? 1 : 1 + n / 3; };
  for (const char* kind : {"kill", "fail"}) {
    for (int n = 1;; n += next(n)) {
      const pg::DbConfig db = TestServer::instance().create_database();
      TestSim sim(options());
      Variables variables = sim.environment();
      variables["ICINGEST_FAULT"] = std::string(kind) + ":*:" + std::to_string(n);
      const Finished broken = run(db, variables, with_rate(grouped()));
      ASSERT_TRUE(broken.exit_code == 0 || broken.exit_code == 128 + SIGKILL) << broken.err;
      ++points;
      const bool passed_all = std::string_view(kind) == "kill" ? broken.exit_code == 0 : n > 12;
      complete(db, sim.environment(), with_rate(grouped()));
      expect_same(db);
      if (passed_all || HasFailure()) break;
    }
  }
  EXPECT_GT(points, 6);
}
#endif

}  // namespace
}  // namespace icingest
