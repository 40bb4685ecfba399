// byte_queue.h: moodycamel::ConcurrentQueue made safe: bounded by bytes, closed by its last producer, waited
// on without spinning.
//
// Order     first in, first out for items of one producer; nothing is promised across producers
// Units     bytes, as the producer declares them
// Threads   any number of producers and consumers. A Producer belongs to one thread at a time
// Lifetime  the queue outlives its producers and consumers
// Source    concurrentqueue is unbounded (#364) and its memory ordering is invisible to ThreadSanitizer (#49,
//           #62); tests/support/tsan.supp names only its functions
#pragma once

#include <concurrentqueue/concurrentqueue.h>
#include <concurrentqueue/lightweightsemaphore.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "icingest/result.h"

namespace icingest::queue {

template <class T>
class ByteQueue {
 public:
  // The right to push; when the last one dies, consumers drain the queue and then see its end.
  class Producer {
   public:
    explicit Producer(ByteQueue& queue) : queue_(&queue), token_(queue.items_) {
      queue.producers_.fetch_add(1, std::memory_order_relaxed);
    }
    Producer(Producer&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), token_(std::move(other.token_)) {}
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;
    Producer& operator=(Producer&&) = delete;
    ~Producer() {
      if (queue_ != nullptr) queue_->producer_left();
    }

    // Waits while the queue holds its limit; an item larger than the limit goes in once the queue is empty.
    void push(T item, std::size_t bytes) { queue_->push(token_, std::move(item), bytes); }

   private:
    ByteQueue* queue_;
    moodycamel::ProducerToken token_;
  };

  explicit ByteQueue(std::size_t limit_bytes) : limit_(limit_bytes) {}
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  // The next item; nothing when every producer is gone and the queue is empty.
  std::optional<T> pop() { return pop_within(std::chrono::microseconds{-1}, nullptr); }

  // The same, but gives up after `patience`; then `timed_out` is set.
  std::optional<T> pop_for(std::chrono::microseconds patience, bool& timed_out) {
    timed_out = false;
    return pop_within(std::max(patience, std::chrono::microseconds{0}), &timed_out);
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Item {
    T value;
    std::size_t bytes;
  };

  void push(moodycamel::ProducerToken& token, T value, std::size_t bytes) {
    {
      std::unique_lock lock(room_mutex_);
      room_.wait(lock, [&] { return bytes_ == 0 || bytes_ + bytes <= limit_; });
      bytes_ += bytes;
    }
    ICINGEST_CHECK(items_.enqueue(token, Item{std::move(value), bytes}));
    ready_.signal();
  }

  std::optional<T> pop_within(std::chrono::microseconds patience, bool* timed_out) {
    const bool signalled = patience.count() < 0 ? ready_.wait() : ready_.wait(patience.count());
    if (!signalled) {
      *timed_out = true;
      return std::nullopt;
    }
    Item item;
    // The semaphore counts items and one end mark; an item may become visible a moment after its signal.
    while (!items_.try_dequeue(item)) {
      if (closed_.load(std::memory_order_acquire) && items_.size_approx() == 0) {
        ready_.signal();  // the end stays visible to every consumer
        return std::nullopt;
      }
    }
    {
      const std::scoped_lock lock(room_mutex_);
      bytes_ -= item.bytes;
    }
    room_.notify_all();
    return std::move(item.value);
  }

  void producer_left() {
    if (producers_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    closed_.store(true, std::memory_order_release);
    ready_.signal();
  }

  const std::size_t limit_;
  moodycamel::ConcurrentQueue<Item> items_;
  moodycamel::LightweightSemaphore ready_;
  std::atomic<int> producers_{0};
  std::atomic<bool> closed_{false};
  std::mutex room_mutex_;
  std::condition_variable room_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace icingest::queue
