// manual_clock.h: a clock that stands still until a test moves it.
#pragma once

#include <atomic>

#include "core/clock.h"

namespace icingest::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = Instant(std::chrono::seconds(1'780'000'000))) : now_(start) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Tick tick() const override { return tick_; }
  void advance(std::chrono::microseconds by) { now_ = now_.load() + by, tick_ = tick_.load() + by; }
  void set(Instant now) { now_ = now; }

 private:
  std::atomic<Instant> now_;
  std::atomic<Tick> tick_{Tick(std::chrono::hours(1))};
};

}  // namespace icingest::test
