// manual_clock.h: a clock that stands still until a test moves it.
#pragma once

#include "core/clock.h"

namespace icingest::test {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = Instant(std::chrono::seconds(1'780'000'000))) : now_(start) {}

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Tick tick() const override { return tick_; }
  void advance(std::chrono::microseconds by) { now_ += by, tick_ += by; }
  void set(Instant now) { now_ = now; }

 private:
  Instant now_;
  Tick tick_{std::chrono::hours(1)};
};

}  // namespace icingest::test
