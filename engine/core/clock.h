// clock.h: the time, as a parameter.
//
// Threads   implementations are safe from any thread
#pragma once

#include <chrono>

#include "icingest/time.h"

namespace icingest {

using Tick = std::chrono::steady_clock::time_point;

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual Tick tick() const = 0;
};

// The machine's clock. ICINGEST_NOW=2026-11-20T23:00:00Z starts it at that instant instead (rehearsals,
// tests).
class SystemClock final : public Clock {
 public:
  SystemClock();
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] Tick tick() const override;

 private:
  std::chrono::microseconds shift_{0};
};

}  // namespace icingest
