// Against a source that counts: never too many, nearly as many as allowed, also across restarts.
#include <signal.h>

#include <thread>

#include "support/end_to_end.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;
using test::TestServer;
using test::TestSim;

class Quota : public test::EndToEnd {
 protected:
  // Runs for about `length` with a kill in the middle, over and over if it gets done.
  void expect_kept(const RateLimit& limit, const std::string& rate, std::chrono::seconds length,
                   bool with_kill) {
    TestSim sim({.seed = 5, .tickers = 40, .from = make_date(2020, 1, 2), .massive_limit = limit});
    const pg::DbConfig db = TestServer::instance().create_database();
    const std::vector<std::string> arguments = {"prices",  "--years",  "6",      "--strategy",
                                                "grouped", "--resume", "--rate", rate};
    const auto until = std::chrono::steady_clock::now() + length;
    if (with_kill) {
      Process killed(command(db, arguments), sim.environment());
      std::this_thread::sleep_for(length / 2);
      killed.signal(SIGKILL);
      static_cast<void>(killed.wait());
    }
    Process process(command(db, arguments), sim.environment());
    std::this_thread::sleep_until(until);
    process.signal(SIGTERM);
    static_cast<void>(process.wait());
    EXPECT_EQ(sim.stat("violations"), 0);
    EXPECT_LE(sim.stat("most_in_window"), limit.permits);
    const double windows =
        static_cast<double>(sim.stat("span_ms")) / static_cast<double>(limit.window.count() / 1000);
    // The first window's worth goes out at once, so over a span of w windows the quota is (w + 1) times the
    // permits.
    const double possible = (windows + 1) * limit.permits;
    const double used = static_cast<double>(sim.stat("requests")) / possible;
    std::printf("%s: %ld requests over %.1f windows, %.1f %% of the quota\n", rate.c_str(),
                sim.stat("requests"), windows, used * 100);
    last_used_ = used;
  }
  double last_used_ = 0;
};

TEST_F(Quota, FivePerMinute) {
  expect_kept({.permits = 5, .window = std::chrono::minutes(1)}, "massive=5/min", std::chrono::seconds(64),
              true);
  EXPECT_GE(last_used_, 0.90);
}

TEST_F(Quota, TenPerSecond) {
  expect_kept({.permits = 10, .window = std::chrono::seconds(1)}, "massive=10/s", std::chrono::seconds(20),
              false);
  EXPECT_GE(last_used_, 0.97);
}

TEST_F(Quota, TenPerSecondAcrossAKill) {
  expect_kept({.permits = 10, .window = std::chrono::seconds(1)}, "massive=10/s", std::chrono::seconds(12),
              true);
}

TEST_F(Quota, AHundredPerSecond) {
  expect_kept({.permits = 100, .window = std::chrono::seconds(1)}, "massive=100/s", std::chrono::seconds(12),
              false);
  EXPECT_GE(last_used_, 0.97);
}

TEST_F(Quota, AHundredPerSecondAcrossAKill) {
  expect_kept({.permits = 100, .window = std::chrono::seconds(1)}, "massive=100/s", std::chrono::seconds(8),
              true);
}

TEST_F(Quota, AFreeKeyIsRecognisedByItsFirst429) {
  TestSim sim({.seed = 5,
               .tickers = 40,
               .from = make_date(2026, 1, 2),
               .massive_limit = {.permits = 5, .window = std::chrono::minutes(1)}});
  const pg::DbConfig db = TestServer::instance().create_database();
  Process process(command(db, {"prices", "--from", "2026-10-01", "--strategy", "grouped"}),
                  sim.environment());
  std::this_thread::sleep_for(std::chrono::seconds(4));
  process.signal(SIGTERM);
  const Finished finished = process.wait();
  EXPECT_NE(finished.err.find("limited per minute"), std::string::npos) << finished.err;
  EXPECT_LE(sim.stat("requests"), 40) << "one burst, then it knows";
}

}  // namespace
}  // namespace icingest
