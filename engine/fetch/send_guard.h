// send_guard.h: sees to it that no request is written after its time, even by a process that was stopped in between.
//
// Between the last look at the clock and the write lie some microseconds, in which a process can lose the processor or
// be stopped for minutes. So a timer of the kernel runs from before that look: when it expires, a signal shuts the
// sockets down before the thread executes its next instruction, wherever it was held up, and the write fails. What is
// written but not acknowledged for a second, the kernel gives up (TCP_USER_TIMEOUT), also for a process that is stopped or
// dead: a network that comes back later delivers nothing.
//
// Threads   the io_context's thread; the timer is made for the one that arms it first
// Lifetime  outlives the sockets
// Source    timer_create(2) SIGEV_THREAD_ID, signal-safety(7) shutdown, tcp(7) TCP_USER_TIMEOUT
#pragma once

#include <atomic>
#include <ctime>
#include <set>
#include <vector>

#include "core/clock.h"

namespace icingest::fetch {

class SendGuard {
 public:
  SendGuard() = default;
  ~SendGuard();
  SendGuard(const SendGuard&) = delete;
  SendGuard& operator=(const SendGuard&) = delete;

  // The sockets that requests are written to.
  void opened(int socket);
  void closed(int socket);

  // From here to disarm(), `until` shuts the sockets down. Of several requests, the earliest counts.
  void arm(Tick until);
  void disarm() { armed_.store(false, std::memory_order_relaxed); }

  // Whether the other end has acknowledged everything that was written.
  [[nodiscard]] bool delivered() const;

 private:
  void make_timer();
  void shut_down() const;
  void share();

  std::set<int> sockets_;
  std::set<int> untimed_;  // of them, those without TCP_USER_TIMEOUT yet
  // The same for the signal handler, which must not see a set while it changes.
  std::vector<int> targets_;
  std::atomic<int> target_count_{0};
  std::atomic<bool> armed_{false};
  Tick until_{};
  timer_t timer_{};
  bool has_timer_ = false;
};

}  // namespace icingest::fetch
