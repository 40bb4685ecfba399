#include "fetch/send_guard.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "icingest/result.h"
#include "rate/slots.h"

namespace icingest::fetch {
namespace {

int signal_number() { return SIGRTMIN + 3; }

timespec to_timespec(Tick tick) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(tick.time_since_epoch()).count();
  return {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
}

}  // namespace

SendGuard::~SendGuard() {
  if (has_timer_) ::timer_delete(timer_);
}

// The handler runs on the thread that changes the list, between any two instructions of it: so what it reads is in
// place before the count says so, and the count is taken back before anything is moved.
void SendGuard::share() {
  target_count_.store(0, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  targets_.assign(sockets_.begin(), sockets_.end());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  target_count_.store(static_cast<int>(targets_.size()), std::memory_order_relaxed);
}

void SendGuard::opened(int socket) {
  sockets_.insert(socket);
  untimed_.insert(socket);
  share();
}

void SendGuard::closed(int socket) {
  sockets_.erase(socket);
  untimed_.erase(socket);
  share();
}

void SendGuard::shut_down() const {
  const int count = target_count_.load(std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) ::shutdown(targets_[static_cast<std::size_t>(i)], SHUT_RDWR);
}

void SendGuard::make_timer() {
  struct sigaction action {};
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    const int before = errno;
    const auto* const guard = static_cast<const SendGuard*>(info->si_value.sival_ptr);
    if (info->si_code == SI_TIMER && guard->armed_.load(std::memory_order_relaxed)) guard->shut_down();
    errno = before;
  };
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  ICINGEST_CHECK(::sigaction(signal_number(), &action, nullptr) == 0);
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, signal_number());
  ICINGEST_CHECK(pthread_sigmask(SIG_UNBLOCK, &ours, nullptr) == 0);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal_number();
  event.sigev_value.sival_ptr = this;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
  event.sigev_notify_thread_id = ::gettid();
  ICINGEST_CHECK(::timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0);
  has_timer_ = true;
}

void SendGuard::arm(Tick until) {
  if (!has_timer_) make_timer();
  for (const int socket : untimed_) {
    // Not from the beginning: to connect may take longer.
    const unsigned int given_up_ms = rate::kGivenUp / 1000;
    static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &given_up_ms, sizeof given_up_ms));
  }
  untimed_.clear();
  if (armed_.load(std::memory_order_relaxed) && until >= until_) return;
  until_ = until;
  const itimerspec at{.it_interval = {}, .it_value = to_timespec(until)};
  armed_.store(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  ICINGEST_CHECK(::timer_settime(timer_, TIMER_ABSTIME, &at, nullptr) == 0);
}

bool SendGuard::delivered() const {
  return std::all_of(sockets_.begin(), sockets_.end(), [](int socket) {
    int unacknowledged = 0;
    return ::ioctl(socket, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
  });
}

}  // namespace icingest::fetch
