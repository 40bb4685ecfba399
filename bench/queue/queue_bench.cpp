// The byte-bounded queue: alone, and between threads. A row is an item of 64 KiB on paper.
#include <atomic>
#include <thread>
#include <vector>

#include "bench/support/measured.h"
#include "queue/byte_queue.h"

namespace icingest::bench {
namespace {

using Queue = queue::ByteQueue<std::uint64_t>;
constexpr std::size_t kItemBytes = std::size_t{64} << 10;
constexpr std::uint64_t kItems = 100'000;

void one_thread(benchmark::State& state) {
  Queue queue(std::size_t{16} << 20);
  Queue::Producer producer(queue);
  producer.push(7, kItemBytes);
  if (queue.pop() != 7U || queue.bytes() != 0) return refuse(state, "what went in did not come out");
  const Measured measured(state, 1, 0);
  while (state.KeepRunning()) {
    producer.push(7, kItemBytes);
    benchmark::DoNotOptimize(queue.pop());
  }
}

struct Totals {
  std::uint64_t items = 0;
  std::uint64_t sum = 0;
};

// `producers` threads push 1 … kItems between them, `consumers` take them; `limit` bytes hold them apart.
Totals pass(int producers, int consumers, std::size_t limit) {
  Queue queue(limit);
  std::vector<Queue::Producer> rights;
  for (int i = 0; i < producers; ++i) rights.emplace_back(queue);
  std::atomic<std::uint64_t> items{0};
  std::atomic<std::uint64_t> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < producers; ++i) {
    threads.emplace_back([&, i, right = std::move(rights[static_cast<std::size_t>(i)])]() mutable {
      for (auto item = static_cast<std::uint64_t>(i) + 1; item <= kItems;
           item += static_cast<std::uint64_t>(producers)) {
        right.push(item, kItemBytes);
      }
    });
  }
  rights.clear();
  for (int i = 0; i < consumers; ++i) {
    threads.emplace_back([&] {
      Totals mine;
      while (const auto item = queue.pop()) ++mine.items, mine.sum += *item;
      items += mine.items;
      sum += mine.sum;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return {items, sum};
}

void between_threads(benchmark::State& state) {
  const auto producers = static_cast<int>(state.range(0));
  const auto consumers = static_cast<int>(state.range(1));
  const std::size_t limit = static_cast<std::size_t>(state.range(2)) * kItemBytes;
  const Totals totals = pass(producers, consumers, limit);
  if (totals.items != kItems || totals.sum != kItems * (kItems + 1) / 2)
    return refuse(state, "items were lost or doubled");
  const Measured measured(state, kItems, 0);
  while (state.KeepRunning()) benchmark::DoNotOptimize(pass(producers, consumers, limit));
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("queue/one_thread", one_thread),
    benchmark::RegisterBenchmark("queue/threads", between_threads)
        ->ArgNames({"producers", "consumers", "limit"})
        ->Args({1, 1, 256})
        ->Args({2, 2, 256})
        ->Args({1, 1, 4})
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond),
};

}  // namespace
}  // namespace icingest::bench
