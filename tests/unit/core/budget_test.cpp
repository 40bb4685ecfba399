#include "core/budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/buffer_pool.h"
#include "core/stop.h"

namespace icingest {
namespace {

TEST(Budget, GrantsInOrderAsRoomComes) {
  Budget budget(100);
  std::vector<int> order;
  std::vector<Budget::Hold> holds;
  const auto ask = [&](int who, std::size_t bytes) {
    budget.take(bytes, [&, who](Budget::Hold hold) {
      order.push_back(who);
      holds.push_back(std::move(hold));
    });
  };
  ask(1, 60);
  ask(2, 60);
  ask(3, 10);  // would fit, but must not overtake
  EXPECT_EQ(order, std::vector<int>{1});
  EXPECT_TRUE(budget.contended());
  holds[0].release();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(budget.held(), 70U);
  holds.clear();
  EXPECT_EQ(budget.held(), 0U);
}

TEST(Budget, GrantsWhatIsLargerThanTheLimitOnceNothingElseIsHeld) {
  Budget budget(100);
  Budget::Hold small;
  Budget::Hold large;
  budget.take(10, [&](Budget::Hold hold) { small = std::move(hold); });
  budget.take(500, [&](Budget::Hold hold) { large = std::move(hold); });
  EXPECT_EQ(large.bytes(), 0U);
  small.release();
  EXPECT_EQ(large.bytes(), 500U);
}

TEST(Budget, NeverMakesAGrowingHoldWait) {
  Budget budget(100);
  Budget::Hold hold;
  budget.take(50, [&](Budget::Hold granted) { hold = std::move(granted); });
  hold.resize(150);
  EXPECT_EQ(budget.held(), 150U);
  EXPECT_EQ(budget.peak(), 150U);
  hold.resize(20);
  EXPECT_EQ(budget.held(), 20U);
}

TEST(Budget, CountsRightUnderThreads) {
  Budget budget(1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) budget.take(300, [](Budget::Hold hold) { hold.resize(100); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.held(), 0U);
  EXPECT_LE(budget.peak(), 1000U);
}

TEST(Budget, ShrunkStillGrantsTheLargestClaimWhenNothingElseIsHeld) {
  Budget budget(100);
  budget.shrink(60);
  Budget::Hold first;
  budget.take(30, [&](Budget::Hold hold) { first = std::move(hold); });
  EXPECT_EQ(first.bytes(), 30U);
  Budget::Hold large;
  budget.take(90, [&](Budget::Hold hold) { large = std::move(hold); });
  EXPECT_EQ(large.bytes(), 0U) << "more than 40 are not there while 30 are held";
  first.release();
  EXPECT_EQ(large.bytes(), 90U);
  budget.shrink(1000);
  EXPECT_EQ(budget.limit(), 0U);
}

TEST(BufferPool, KeepsNoMoreThanItsLimit) {
  BufferPool pool(8192);
  for (int i = 0; i < 10; ++i) {
    Buffer buffer;
    buffer.append(std::string(4000, 'x'));
    pool.give_back(std::move(buffer));
  }
  int recycled = 0;
  for (int i = 0; i < 10; ++i) recycled += pool.take().capacity() > 0 ? 1 : 0;
  EXPECT_EQ(recycled, 2);
}

TEST(Stop, RunsCallbacksOnceAndOnlyWhileRegistered) {
  Stop stop;
  int ran = 0;
  {
    const Stop::Registration gone(stop, [&] { ran += 100; });
  }
  const Stop::Registration stays(stop, [&] { ran += 1; });
  stop.request(15);
  stop.request(2);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(stop.signal(), 15);
  const Stop::Registration late(stop, [&] { ran += 10; });
  EXPECT_EQ(ran, 11);
}

}  // namespace
}  // namespace icingest
