// The private PostgreSQL in every state it can be found in.
#include "privdb/private_pg.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "pg/pg_conn.h"
#include "support/temp_dir.h"

namespace icingest::privdb {
namespace {

namespace fs = std::filesystem;

class Private : public ::testing::Test {
 protected:
  ~Private() override { static_cast<void>(PrivatePg(dir_.path()).stop()); }
  // Starts it and asks it something.
  void expect_works() {
    const auto config = PrivatePg(dir_.path()).ensure_running();
    ASSERT_TRUE(config) << config.error().describe();
    auto conn = pg::PgConn::connect(*config, std::chrono::seconds(10));
    ASSERT_TRUE(conn) << conn.error().describe();
    const auto checksums = conn->exec("SHOW data_checksums");
    ASSERT_TRUE(checksums);
    EXPECT_EQ(checksums->text(0, 0), "on");
    EXPECT_EQ(conn->exec("SHOW listen_addresses")->text(0, 0), "");
  }
  fs::path data() const { return dir_.path() / "postgres" / "data"; }

  test::TempDir dir_;
};

TEST_F(Private, IsMadeOnceStartedOnDemandAndLeftRunning) {
  EXPECT_FALSE(PrivatePg(dir_.path()).exists());
  expect_works();
  EXPECT_TRUE(PrivatePg(dir_.path()).is_running());
  expect_works();
  ASSERT_TRUE(PrivatePg(dir_.path()).stop());
  EXPECT_FALSE(PrivatePg(dir_.path()).is_running());
  EXPECT_TRUE(PrivatePg(dir_.path()).stop()) << "stopping twice is no error";
  expect_works();
}

TEST_F(Private, TwoProcessesAtOnceMakeOneCluster) {
  std::thread other([&] { EXPECT_TRUE(PrivatePg(dir_.path()).ensure_running()); });
  expect_works();
  other.join();
}

TEST_F(Private, SurvivesAKillThatLeavesItsPidFile) {
  expect_works();
  std::ifstream pid_file(data() / "postmaster.pid");
  int pid = 0;
  pid_file >> pid;
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  for (int i = 0; i < 500 && PrivatePg(dir_.path()).is_running(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  expect_works();
}

TEST_F(Private, APidFileOfAnotherProcessDoesNotKeepItFromStarting) {
  expect_works();
  ASSERT_TRUE(PrivatePg(dir_.path()).stop());
  // As after a reboot: the number in the file now belongs to somebody else, here to this test.
  std::ofstream(data() / "postmaster.pid") << ::getpid() << "\n"
                                           << data().string() << "\n1700000000\n5432\n"
                                           << (dir_.path() / "postgres/socket").string() << "\n\n  1  1\n";
  std::ofstream(dir_.path() / "postgres/socket/.s.PGSQL.5432.lock")
      << ::getpid() << "\n"
      << data().string() << "\n1700000000\n5432\n"
      << (dir_.path() / "postgres/socket").string() << "\n";
  EXPECT_FALSE(PrivatePg(dir_.path()).is_running());
  expect_works();
}

TEST_F(Private, ABusyPortIsLeftToItsOwner) {
  expect_works();
  // Another cluster's live server holds the first port's lock in this socket directory.
  std::ifstream pid_file(data() / "postmaster.pid");
  int pid = 0;
  pid_file >> pid;
  test::TempDir second;
  ASSERT_TRUE(PrivatePg(second.path()).ensure_running());
  ASSERT_TRUE(PrivatePg(second.path()).stop());
  std::ofstream(second.path() / "postgres/socket/.s.PGSQL.5432.lock")
      << pid << "\n"
      << data().string() << "\n1700000000\n5432\n"
      << (second.path() / "postgres/socket").string() << "\n";
  const auto config = PrivatePg(second.path()).ensure_running();
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_EQ(config->parameters.at("port"), "5433");
  EXPECT_TRUE(pg::PgConn::connect(*config, std::chrono::seconds(10)));
  EXPECT_TRUE(PrivatePg(second.path()).stop());
}

TEST_F(Private, AHalfMadeClusterIsMadeAnew) {
  fs::create_directories(dir_.path() / "postgres" / "data.new" / "base");
  std::ofstream(dir_.path() / "postgres" / "data.new" / "PG_VERSION") << "15\n";
  expect_works();
  EXPECT_FALSE(fs::exists(dir_.path() / "postgres" / "data.new"));
}

TEST_F(Private, AClusterOfAnotherMajorVersionIsLeftAlone) {
  expect_works();
  ASSERT_TRUE(PrivatePg(dir_.path()).stop());
  std::ofstream(data() / "PG_VERSION") << "13\n";
  const auto config = PrivatePg(dir_.path()).ensure_running();
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().exit, ExitCode::person);
  EXPECT_NE(config.error().message.find("made by PostgreSQL 13, installed is 15"), std::string::npos)
      << config.error().message;
  std::ofstream(data() / "PG_VERSION") << "15\n";
  expect_works();
}

TEST_F(Private, SomebodysDirectoryIsNotTakenForACluster) {
  fs::create_directories(data());
  std::ofstream(data() / "thesis.txt") << "precious";
  const auto config = PrivatePg(dir_.path()).ensure_running();
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().exit, ExitCode::person);
  EXPECT_TRUE(fs::exists(data() / "thesis.txt"));
}

TEST_F(Private, ADamagedClusterIsNotStarted) {
  expect_works();
  ASSERT_TRUE(PrivatePg(dir_.path()).stop());
  fs::rename(data() / "global" / "pg_control", data() / "global" / "pg_control.lost");
  const auto config = PrivatePg(dir_.path()).ensure_running();
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("pg_control"), std::string::npos);
  fs::rename(data() / "global" / "pg_control.lost", data() / "global" / "pg_control");
}

TEST_F(Private, RootIsToldWhenItsHelperCannotEnter) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root hands the server to another user";
  const fs::path closed = dir_.path() / "closed";
  fs::create_directories(closed);
  fs::permissions(closed, fs::perms::owner_all);
  const auto config = PrivatePg(closed).ensure_running();
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("cannot reach"), std::string::npos) << config.error().message;
}

TEST_F(Private, ALongPathGetsAShortSocket) {
  const fs::path deep = dir_.path() / std::string(60, 'x') / std::string(60, 'y');
  fs::create_directories(deep);
  const auto config = PrivatePg(deep).ensure_running();
  ASSERT_TRUE(config) << config.error().describe();
  EXPECT_TRUE(pg::PgConn::connect(*config, std::chrono::seconds(10)));
  EXPECT_TRUE(PrivatePg(deep).stop());
}

}  // namespace
}  // namespace icingest::privdb
