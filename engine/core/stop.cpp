#include "core/stop.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "icingest/result.h"

namespace icingest {

Stop::Stop() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { ICINGEST_CHECK(fd_ >= 0); }
Stop::~Stop() { ::close(fd_); }

void Stop::request(int signal) {
  const std::scoped_lock lock(mutex_);
  if (requested()) return;
  signal_.store(signal, std::memory_order_release);
  requested_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  ICINGEST_CHECK(::write(fd_, &one, sizeof one) == sizeof one);
  for (const auto& callback : callbacks_) callback();
}

Stop::Registration::Registration(Stop& stop, std::function<void()> callback) : stop_(stop) {
  const std::scoped_lock lock(stop.mutex_);
  entry_ = stop.callbacks_.insert(stop.callbacks_.end(), std::move(callback));
  if (stop.requested()) (*entry_)();
}

Stop::Registration::~Registration() {
  const std::scoped_lock lock(stop_.mutex_);
  stop_.callbacks_.erase(entry_);
}

struct SignalWatch::State {
  State(Stop& the_stop, std::chrono::milliseconds the_patience) : stop(the_stop), patience(the_patience) {}

  Stop& stop;
  std::chrono::milliseconds patience;
  sigset_t watched{};
  sigset_t before{};
  std::atomic<bool> ending{false};
  std::thread thread{};

  void run() {
    int signal = 0;
    while (sigwait(&watched, &signal) != 0) {
    }
    if (ending) return;
    stop.request(signal);
    const timespec wait{.tv_sec = patience.count() / 1000, .tv_nsec = patience.count() % 1000 * 1'000'000};
    // A second signal, or the end of patience; the destructor's own wake-up sets `ending` first.
    sigtimedwait(&watched, nullptr, &wait);
    if (!ending) std::_Exit(128 + signal);
  }
};

SignalWatch::SignalWatch(Stop& stop, std::chrono::milliseconds patience)
    : state_(std::make_unique<State>(stop, patience)) {
  sigemptyset(&state_->watched);
  sigaddset(&state_->watched, SIGINT);
  sigaddset(&state_->watched, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &state_->watched, &state_->before);
  state_->thread = std::thread([this] { state_->run(); });
}

SignalWatch::~SignalWatch() {
  state_->ending = true;
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread): sigwait takes it
  pthread_kill(state_->thread.native_handle(), SIGTERM);
  state_->thread.join();
  // A signal that came in between and nobody waited for must not kill us as the mask goes back.
  const timespec none{};
  while (sigtimedwait(&state_->watched, nullptr, &none) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
}

}  // namespace icingest
