#include "queue/byte_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace icingest::queue {
namespace {

TEST(ByteQueue, EndsWhenTheLastProducerIsGone) {
  ByteQueue<int> queue(100);
  {
    ByteQueue<int>::Producer one(queue);
    ByteQueue<int>::Producer two(queue);
    one.push(1, 1);
    two.push(2, 1);
  }
  EXPECT_TRUE(queue.pop());
  EXPECT_TRUE(queue.pop());
  EXPECT_FALSE(queue.pop());
  EXPECT_FALSE(queue.pop()) << "the end stays";
}

TEST(ByteQueue, HoldsProducersBackAtItsLimit) {
  ByteQueue<int> queue(100);
  std::atomic<int> pushed{0};
  std::thread producer([&] {
    ByteQueue<int>::Producer handle(queue);
    for (int i = 0; i < 5; ++i) {
      handle.push(i, 60);
      ++pushed;
    }
  });
  while (pushed < 1) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(pushed, 1);
  int sum = 0;
  while (const auto item = queue.pop()) sum += *item;
  producer.join();
  EXPECT_EQ(sum, 10);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(ByteQueue, TakesOneItemLargerThanItsLimit) {
  ByteQueue<int> queue(10);
  ByteQueue<int>::Producer handle(queue);
  handle.push(7, 1000);
  EXPECT_EQ(queue.pop(), 7);
}

TEST(ByteQueue, GivesUpWaitingInTime) {
  ByteQueue<int> queue(10);
  const ByteQueue<int>::Producer handle(queue);
  bool timed_out = false;
  EXPECT_FALSE(queue.pop_for(std::chrono::milliseconds(5), timed_out));
  EXPECT_TRUE(timed_out);
}

TEST(ByteQueue, LosesNothingAmongManyThreads) {
  constexpr int kItems = 20'000;
  constexpr int kThreads = 4;
  ByteQueue<std::unique_ptr<int>> queue(5'000);
  std::vector<std::atomic<int>> seen(kItems * kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t, handle = ByteQueue<std::unique_ptr<int>>::Producer(queue)]() mutable {
      for (int i = 0; i < kItems; ++i) handle.push(std::make_unique<int>(t * kItems + i), 100);
    });
  }
  std::atomic<int> received{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (auto item = queue.pop()) {
        ++seen[static_cast<std::size_t>(**item)];
        ++received;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received, kItems * kThreads);
  for (const auto& count : seen) ASSERT_EQ(count, 1);
}

}  // namespace
}  // namespace icingest::queue
