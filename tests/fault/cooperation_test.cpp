// Several processes, one run: the same table, whoever dies, stops or is cut off on the way.
#include <fmt/format.h>
#include <signal.h>

#include <memory>
#include <random>
#include <thread>

#include "icingest/calendar.h"
#include "support/end_to_end.h"
#include "support/network_namespace.h"
#include "support/pg_gate.h"
#include "support/tcp_gate.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;
using test::TestServer;
using test::TestSim;

using Processes = std::vector<std::unique_ptr<Process>>;

class Cooperation : public test::EndToEnd {
 protected:
  static sim::SimOptions options(const std::string& faults = {}) {
    return {.seed = 42,
            .tickers = 30,
            .from = make_date(2023, 5, 1),
            .massive_limit = {.permits = 300},
            .faults = faults};
  }
  static std::vector<std::string> by(const std::string& strategy, const std::string& rate = "massive=300/s") {
    return {"prices",     "--from", "2023-06-01", "--to", "2026-11-20",
            "--strategy", strategy, "--rate",     rate,   "--resume"};
  }
  // What one process leaves.
  static const std::string& alone() {
    static const std::string table = [] {
      TestSim sim(options());
      const pg::DbConfig db = TestServer::instance().create_database();
      complete(db, sim.environment(), by("grouped"));
      expect_verified(db);
      return test::dump(db);
    }();
    return table;
  }
  static void expect_same(const pg::DbConfig& db, const std::string& expected = alone()) {
    EXPECT_TRUE(test::dump(db) == expected) << "the table differs";
    expect_verified(db);
    EXPECT_EQ(
        test::query(
            db,
            "SELECT count(*) FROM icingest.claims JOIN icingest.crews USING (crew) WHERE pipeline = 'prices'"),
        "0");
    EXPECT_EQ(
        test::query(db, "SELECT count(*) FROM icingest.crews WHERE ended_at IS NULL AND pipeline = 'prices'"),
        "0");
  }
  static void expect_nothing_twice(const pg::DbConfig& db) {
    EXPECT_EQ(
        test::query(db, "SELECT count(*) FROM icingest.units WHERE pipeline = 'prices' AND generation > 1"),
        "0")
        << "a unit was committed twice";
  }
  static Variables variables(const TestSim& sim, const std::string& fault = {}) {
    Variables found = sim.environment();
    found["ICINGEST_LEASE"] = "3s";
    if (!fault.empty()) found["ICINGEST_FAULT"] = fault;
    return found;
  }
  static std::unique_ptr<Process> start(const pg::DbConfig& db, const TestSim& sim,
                                        const std::vector<std::string>& arguments,
                                        const std::string& fault = {}) {
    return std::make_unique<Process>(command(db, arguments), variables(sim, fault));
  }
  static std::int64_t number_of(const pg::DbConfig& db, const std::string& sql) {
    if (test::query(db, "SELECT to_regclass('icingest.claims') IS NULL") == "t") return 0;
    return std::stoll(test::query(db, sql));
  }
  static std::int64_t units_done(const pg::DbConfig& db) {
    return number_of(db, "SELECT count(*) FROM icingest.units WHERE pipeline = 'prices'");
  }
  template <class Condition>
  static bool wait_until(Condition condition, std::chrono::seconds patience = std::chrono::seconds(60)) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  static std::string dead_with_pid(const Process& process) {
    return fmt::format("SELECT count(*) FROM icingest.workers WHERE dead AND pid = {}", process.pid());
  }
  void expect_shared(const std::string& strategy, int processes);
};

void Cooperation::expect_shared(const std::string& strategy, int processes) {
  // Thirty tickers are few: the first process would have them all before the others have begun.
  const bool by_session = strategy == "grouped";
  sim::SimOptions market = options();
  if (!by_session) market.tickers = 120;
  const std::string rate = by_session ? "massive=300/s" : "massive=20/s";
  std::int64_t requests_alone = 0;
  std::string expected;
  {
    TestSim sim(market);
    const pg::DbConfig db = TestServer::instance().create_database();
    complete(db, sim.environment(), by(strategy, rate));
    requests_alone = sim.stat("requests");
    expected = test::dump(db);
  }
  TestSim sim(market);
  const pg::DbConfig db = TestServer::instance().create_database();
  Processes all;
  for (int i = 0; i < processes; ++i) all.push_back(start(db, sim, by(strategy, rate)));
  std::int64_t done = 0;
  std::int64_t units = 0;
  int took_part = 0;
  for (const auto& process : all) {
    const Finished finished = process->wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    const std::int64_t own = number(finished, "done") + number(finished, "empty");
    done += own;
    units = number(finished, "total");
    took_part += own > 0 ? 1 : 0;
    EXPECT_EQ(own + number(finished, "skipped"), number(finished, "total")) << finished.out;
  }
  EXPECT_EQ(done, units) << "each unit is done by one of them";
  EXPECT_GE(took_part, 2);
  EXPECT_LE(sim.stat("requests"), requests_alone + 4 * processes);
  EXPECT_EQ(sim.stat("violations"), 0);
  expect_same(db, expected);
  expect_nothing_twice(db);
}

TEST_F(Cooperation, TwoShareTheYears) { expect_shared("grouped", 2); }
TEST_F(Cooperation, FourShareTheYears) { expect_shared("grouped", 4); }
TEST_F(Cooperation, TwoShareTheTickers) { expect_shared("per-ticker", 2); }
TEST_F(Cooperation, FourShareTheTickers) { expect_shared("per-ticker", 4); }

TEST_F(Cooperation, OthersTakeOverFromTheKilled) {
  for (const std::string strategy : {"grouped", "per-ticker"}) {
    TestSim sim(options());
    const pg::DbConfig db = TestServer::instance().create_database();
    const auto one = start(db, sim, by(strategy, "massive=20/s"));
    ASSERT_TRUE(wait_until(
        [&] { return number_of(db, "SELECT count(*) FROM icingest.claims WHERE worker IS NOT NULL") > 0; }));
    const auto two = start(db, sim, by(strategy, "massive=300/s"));
    ASSERT_TRUE(wait_until([&] {
      return number_of(db, "SELECT count(*) FROM icingest.workers WHERE pipeline = 'prices'") == 2;
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    one->signal(SIGKILL);
    static_cast<void>(one->wait());
    const Finished finished = two->wait();
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    expect_same(db);
    expect_nothing_twice(db);
  }
}

TEST_F(Cooperation, WhoIsStoppedForLongerThanItsLeaseCannotCommit) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  const auto one = start(db, sim, by("grouped", "massive=150/s"));
  ASSERT_TRUE(wait_until(
      [&] { return number_of(db, "SELECT count(*) FROM icingest.claims WHERE worker IS NOT NULL") > 0; }));
  one->signal(SIGSTOP);
  const auto two = start(db, sim, by("grouped"));
  const Finished finished = two->wait(std::chrono::seconds(60));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(number_of(db, dead_with_pid(*one)), 1);
  expect_same(db);
  const std::string before =
      test::query(db, "SELECT md5(string_agg(u::text, '' ORDER BY unit)) FROM icingest.units u");
  one->signal(SIGCONT);
  const Finished woken = one->wait(std::chrono::seconds(60));
  EXPECT_EQ(woken.exit_code, 0) << woken.err;
  EXPECT_EQ(test::query(db, "SELECT md5(string_agg(u::text, '' ORDER BY unit)) FROM icingest.units u"),
            before)
      << "the one that woke up wrote";
  expect_same(db);
  expect_nothing_twice(db);
}

TEST_F(Cooperation, WhoIsCutOffFromTheDatabaseLosesItsPartAndComesBack) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  test::PgGate gate(db);
  const auto one = start(gate.config(), sim, by("grouped", "massive=150/s"));
  ASSERT_TRUE(wait_until(
      [&] { return number_of(db, "SELECT count(*) FROM icingest.claims WHERE worker IS NOT NULL") > 0; }));
  gate.silence(true);
  const auto two = start(db, sim, by("grouped"));
  const Finished finished = two->wait(std::chrono::seconds(60));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(number_of(db, dead_with_pid(*one)), 1);
  expect_same(db);
  gate.silence(false);
  const Finished back = one->wait(std::chrono::seconds(60));
  EXPECT_EQ(back.exit_code, 0) << back.err;
  expect_same(db);
  expect_nothing_twice(db);
}

// A source that is away for one of them: what it holds stays its own, because it is alive.
TEST_F(Cooperation, WhoIsCutOffFromTheSourceGoesOnLater) {
  TestSim sim(options());
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  test::TcpGate gate(sim.url());
  Variables through = variables(sim);
  through["POLYGON_BASE_URL"] = gate.url();
  Process one(command(db, by("grouped", "massive=150/s")), through);
  ASSERT_TRUE(wait_until(
      [&] { return number_of(db, "SELECT count(*) FROM icingest.claims WHERE worker IS NOT NULL") > 0; }));
  gate.silence(true);
  const auto two = start(db, sim, by("grouped"));
  std::this_thread::sleep_for(std::chrono::seconds(5));
  gate.silence(false);
  const Finished first = one.wait(std::chrono::seconds(90));
  const Finished second = two->wait(std::chrono::seconds(90));
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(second.exit_code, 0) << second.err;
  expect_same(db);
  expect_nothing_twice(db);
}

// Where a process runs: in a network namespace, where the machine allows it, whose ways to the database and to the source
// can be cut, and both. Elsewhere only the one to the database can, by a gate: one before the source would say for it that
// requests have come, which the quota relies on.
struct Place {
  Place(int number, const pg::DbConfig& database, const TestSim& sim)
      : network(test::NetworkNamespace::make(number)),
        to_database(database, network ? network->address(0) : "127.0.0.1"),
        db(to_database.config(database)),
        source(network ? fmt::format("http://{}:{}", network->address(1), sim.port()) : sim.url()) {}

  void cut_database(bool is_cut) {
    if (network) network->cut_address(0, is_cut);
    else to_database.silence(is_cut);
  }

  std::unique_ptr<test::NetworkNamespace> network;
  test::TcpGate to_database;
  pg::DbConfig db;
  std::string source;
};

// Eight processes, of which always some are killed, stopped for longer than their lease, or cut off, and started again
// as Kubernetes would. The seed is printed: ICINGEST_SEED repeats what was decided, though not when.
TEST_F(Cooperation, EightInChaos) {
  constexpr int kProcesses = 8;
  constexpr std::chrono::milliseconds kBeyondTheLease{3500};
  const char* const given = std::getenv("ICINGEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::mt19937_64 random(seed);
  const auto one_of = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  alone();
  std::map<std::string, int> happened;
  int networks = 0;
  for (int round = 0; round < test::rounds(2) && !HasFailure(); ++round) {
    const std::string strategy = one_of(2) == 0 ? "grouped" : "per-ticker";
    // Per-ticker is thirty requests: slow enough for something to happen. The source allows what they are told, no more.
    const int rate = strategy == "grouped" ? 100 : 4;
    sim::SimOptions market = options();
    market.massive_limit = {.permits = rate};
    market.address = "0.0.0.0";
    TestSim sim(market);
    const pg::DbConfig db = TestServer::instance().create_database();
    std::vector<std::unique_ptr<Place>> places;
    Processes all;
    const auto begin = [&](std::size_t number) {
      const Place& place = *places.at(number);
      Variables chosen = variables(sim);
      chosen["POLYGON_BASE_URL"] = place.source;
      std::vector<std::string> argv = command(place.db, by(strategy, fmt::format("massive={}/s", rate)));
      if (place.network) {
        const std::vector<std::string> prefix = place.network->prefix();
        argv.insert(argv.begin(), prefix.begin(), prefix.end());
      }
      return std::make_unique<Process>(argv, chosen);
    };
    for (std::size_t number = 0; number < kProcesses; ++number) {
      places.push_back(std::make_unique<Place>(static_cast<int>(number), db, sim));
      networks += places.back()->network ? 1 : 0;
      all.push_back(begin(number));
    }
    const auto for_a_while = [&](const std::string& what, std::chrono::milliseconds duration, auto&& change) {
      change(true);
      std::this_thread::sleep_for(duration);
      change(false);
      ++happened[what];
    };
    const auto misfortune = [&](std::size_t number) {
      Process& process = *all.at(number);
      Place& place = *places.at(number);
      if (!process.running()) return;
      switch (one_of(place.network ? 6 : 4)) {
        case 0:
          return for_a_while("cut off from the database", kBeyondTheLease,
                             [&](bool cut) { place.cut_database(cut); });
        case 1:
          return for_a_while("stopped", kBeyondTheLease,
                             [&](bool stop) { process.signal(stop ? SIGSTOP : SIGCONT); });
        case 4:
          return for_a_while("cut off from the source", kBeyondTheLease,
                             [&](bool cut) { place.network->cut_address(1, cut); });
        case 5:
          return for_a_while("cut off from both", kBeyondTheLease,
                             [&](bool cut) { place.network->cut(cut); });
        default:
          process.signal(SIGKILL);
          static_cast<void>(process.wait());
          all.at(number) = begin(number);
          ++happened["killed"];
      }
    };
    for (int i = 0; i < 6; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(one_of(700)));
      misfortune(static_cast<std::size_t>(one_of(kProcesses)));
    }
    for (std::size_t number = 0; number < kProcesses; ++number) {
      for (int tries = 0; tries < 5; ++tries) {
        const Finished finished = all.at(number)->wait(std::chrono::seconds(120));
        if (finished.exit_code == 0) break;
        EXPECT_EQ(finished.exit_code, 4) << finished.err;
        EXPECT_LT(tries, 4) << finished.err;
        all.at(number) = begin(number);
      }
    }
    EXPECT_EQ(sim.stat("violations"), 0);
    expect_same(db);
    expect_nothing_twice(db);
  }
  for (const auto& [what, times] : happened) std::printf("%s: %d\n", what.c_str(), times);
  std::printf("in network namespaces: %d\n", networks);
}

#ifdef ICINGEST_FAULT_POINTS
// Between the last look at its lease and COMMIT.
TEST_F(Cooperation, WhoIsStoppedRightBeforeItsCommitHoldsNobodyUp) {
  for (const std::string strategy : {"grouped", "per-ticker"}) {
    TestSim sim(options());
    const pg::DbConfig db = TestServer::instance().create_database();
    complete(db, sim.environment(), {"tickers"});
    const auto one = start(db, sim, by(strategy), "stop:load.before_commit:1");
    const auto two = start(db, sim, by(strategy));
    const Finished finished = two->wait(std::chrono::seconds(60));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_TRUE(one->running());
    expect_same(db);
    one->signal(SIGCONT);
    const Finished woken = one->wait(std::chrono::seconds(60));
    EXPECT_EQ(woken.exit_code, 0) << woken.err;
    expect_same(db);
    expect_nothing_twice(db);
  }
}
#endif

}  // namespace
}  // namespace icingest
