// A thread that is held up between its last look at the clock and its write.
#include "fetch/send_guard.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace icingest::fetch {
namespace {

using namespace std::chrono_literals;

class Guarded : public ::testing::Test {
 protected:
  Guarded() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0);
    guard_.opened(ends_[0]);
  }
  ~Guarded() override {
    guard_.closed(ends_[0]);
    for (const int end : ends_) ::close(end);
  }
  static Tick now() { return std::chrono::steady_clock::now(); }
  // Without a system call: as one that has lost the processor.
  static void be_held_up(std::chrono::milliseconds length) {
    for (const Tick until = now() + length; now() < until;) {
    }
  }
  // 0, or what went wrong.
  [[nodiscard]] int write() const { return ::send(ends_[0], "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno; }

  std::array<int, 2> ends_{};
  SendGuard guard_;
};

TEST_F(Guarded, WritesInTime) {
  guard_.arm(now() + 10s);
  EXPECT_EQ(write(), 0);
}

TEST_F(Guarded, WritesNothingLate) {
  guard_.arm(now() + 20ms);
  be_held_up(60ms);
  EXPECT_EQ(write(), EPIPE);
}

TEST_F(Guarded, TheEarliestOfSeveralCounts) {
  guard_.arm(now() + 20ms);
  guard_.arm(now() + 10s);
  be_held_up(60ms);
  EXPECT_EQ(write(), EPIPE);
}

TEST_F(Guarded, LeavesConnectionsAloneAfterwards) {
  guard_.arm(now() + 20ms);
  EXPECT_EQ(write(), 0);
  guard_.disarm();
  be_held_up(60ms);
  EXPECT_EQ(write(), 0);
  guard_.arm(now() + 10s);
  be_held_up(60ms);
  EXPECT_EQ(write(), 0) << "each time counts for itself";
}

TEST_F(Guarded, TouchesNoSocketThatIsNotItsOwn) {
  std::array<int, 2> others{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others.data()), 0);
  guard_.opened(others[0]);
  guard_.closed(others[0]);
  guard_.arm(now() + 20ms);
  be_held_up(60ms);
  EXPECT_EQ(::send(others[0], "x", 1, MSG_NOSIGNAL), 1);
  for (const int end : others) ::close(end);
}

TEST_F(Guarded, KnowsWhetherTheOtherEndHasEverything) {
  EXPECT_TRUE(guard_.delivered());
  EXPECT_EQ(write(), 0);
  EXPECT_FALSE(guard_.delivered());
  char byte = 0;
  EXPECT_EQ(::read(ends_[1], &byte, 1), 1);
  EXPECT_TRUE(guard_.delivered());
}

}  // namespace
}  // namespace icingest::fetch
