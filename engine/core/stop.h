// stop.h: the wish to end early, from SIGINT, SIGTERM or a failure that ends the run.
//
// Threads   any; callbacks run on the thread that asks for the stop, once, in the order they were added, and
//           must not touch registrations
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace icingest {

class Stop {
 public:
  Stop();
  ~Stop();
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  // Asks everybody to finish what is whole and end. `signal` is 0 when no signal is behind it. The first call
  // counts.
  void request(int signal = 0);
  [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_acquire); }
  // The signal behind the stop, 0 if none.
  [[nodiscard]] int signal() const { return signal_.load(std::memory_order_acquire); }

  // Readable (poll) from the stop on; for threads that wait on sockets.
  [[nodiscard]] int fd() const { return fd_; }

  // While it lives, `callback` runs at the stop (or at once, when the stop was asked for already).
  class Registration {
   public:
    Registration(Stop& stop, std::function<void()> callback);
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    Stop& stop_;
    std::list<std::function<void()>>::iterator entry_;
  };

 private:
  std::atomic<bool> requested_{false};
  std::atomic<int> signal_{0};
  int fd_;
  std::mutex mutex_;  // also held while callbacks run, so that none runs after its registration
  std::list<std::function<void()>> callbacks_;
};

// Blocks SIGINT and SIGTERM in the calling thread and those it starts, and turns the first of them into a
// stop, for as long as it lives. When the process is still there `patience` later, it exits with 128 +
// signal: whatever was not committed by then is safe to lose, because the ledger never said it was done.
class SignalWatch {
 public:
  SignalWatch(Stop& stop, std::chrono::milliseconds patience);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace icingest
