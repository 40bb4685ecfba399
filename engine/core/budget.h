// budget.h: one limit on the bytes a run holds, from before a request to after the commit of its rows.
//
// Units     bytes
// Threads   any; a waiter's callback runs on the thread that made room and must only hand over
// Deadlock  a claim larger than the limit is granted once nothing else is held; a hold that grows is never
//           made to wait, because waiting with bytes in hand is how everybody ends up waiting
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace icingest {

class Budget {
 public:
  // Bytes taken from a budget, given back on destruction.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { release(); }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    // Makes the hold exactly this large, even beyond the limit: the bytes exist already.
    void resize(std::size_t bytes);
    void release() { resize(0); }

   private:
    friend class Budget;
    Hold(Budget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
    Budget* budget_ = nullptr;
    std::size_t bytes_ = 0;
  };
  using Granted = std::move_only_function<void(Hold)>;

  explicit Budget(std::size_t limit) : limit_(limit) {}

  // Calls `granted` as soon as the bytes are there: at once, or later in the order of asking.
  void take(std::size_t bytes, Granted granted);

  // Takes this much off the limit for good: memory that is held another way from now on.
  void shrink(std::size_t bytes);
  [[nodiscard]] std::size_t limit() const;
  [[nodiscard]] std::size_t held() const;
  [[nodiscard]] std::size_t peak() const;
  // Whether somebody waits for room.
  [[nodiscard]] bool contended() const;

 private:
  struct Waiter {
    std::size_t bytes;
    Granted granted;
  };

  void adjust(std::size_t from, std::size_t to);
  [[nodiscard]] bool fits(std::size_t bytes) const { return held_ == 0 || held_ + bytes <= limit_; }

  mutable std::mutex mutex_;
  std::size_t limit_;
  std::size_t held_ = 0;
  std::size_t peak_ = 0;
  std::deque<Waiter> waiters_;
};

}  // namespace icingest
