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

  static void expect_orderly_end(Process& process, int signal) {
    std::this_thread::sleep_for(std::chrono::seconds(4));
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
    expect_orderly_end(process, signal);
    expect_verified(db);
  }
}

TEST_F(Signals, EndARunOnTheBuiltInSimulator) {
  const test::TempDir dir;
  std::vector<std::string> argv = {test::icingest_binary(), "--data-dir", dir.path().string(), "--progress",
                                   "none"};
  for (const std::string& argument : long_run()) argv.push_back(argument);
  Process process(argv, {});
  expect_orderly_end(process, SIGTERM);
  EXPECT_EQ(Process({test::icingest_binary(), "--data-dir", dir.path().string(), "db", "stop"}, {})
                .wait()
                .exit_code,
            0);
}

}  // namespace
}  // namespace icingest
