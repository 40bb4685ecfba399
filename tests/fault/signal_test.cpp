// Signals to a run as people and Kubernetes start it: with its progress shown, and with nothing configured.
#include <signal.h>

#include <algorithm>
#include <thread>

#include "support/end_to_end.h"
#include "support/temp_dir.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;

class Signals : public test::EndToEnd {
 protected:
  // The run must take long enough to be interrupted: one request a second for a year of sessions.
  static std::vector<std::string> long_run() {
    return {"prices", "--years", "1", "--strategy", "grouped", "--resume", "--rate", "massive=60/min"};
  }

  // Sends the signal once sessions are loaded, as `status` on the same database tells.
  static void expect_orderly_end(Process& process, int signal, const std::vector<std::string>& status) {
    const auto loading = [&] {
      const Finished finished = Process(status, {}).wait();
      const std::string prices = finished.out.substr(0, finished.out.find("\"tickers\""));
      return prices.find("\"done\":") != std::string::npos;
    };
    while (!loading()) {
      ASSERT_TRUE(process.running()) << process.wait().err;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    process.signal(signal);
    const Finished finished = process.wait(std::chrono::seconds(20));
    EXPECT_EQ(finished.exit_code, 128 + signal);
    EXPECT_NE(finished.out.find("--resume"), std::string::npos)
        << "no report: " << finished.out << finished.err;
  }
};

TEST_F(Signals, EndARunThatShowsItsProgress) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const test::TestSim sim({.seed = 5, .tickers = 40});
    const pg::DbConfig db = test::TestServer::instance().create_database();
    std::vector<std::string> argv = command(db, long_run());
    std::replace(argv.begin(), argv.end(), std::string("none"), std::string("plain"));
    Process process(argv, sim.environment());
    expect_orderly_end(process, signal, command(db, {"status"}));
    expect_verified(db);
  }
}

TEST_F(Signals, EndARunOnTheBuiltInSimulator) {
  const test::TempDir dir;
  const auto here = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {test::icingest_binary(), "--json", "--progress", "none", "--data-dir",
                                     dir.path().string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
  };
  Process process(here(long_run()), {});
  expect_orderly_end(process, SIGTERM, here({"status"}));
  EXPECT_EQ(Process(here({"db", "stop"}), {}).wait().exit_code, 0);
}

}  // namespace
}  // namespace icingest
