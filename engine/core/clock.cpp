#include "core/clock.h"

#include <cstdlib>

namespace icingest {

SystemClock::SystemClock() {
  const char* wanted = std::getenv("ICINGEST_NOW");
  if (wanted == nullptr) return;
  if (const auto start = parse_instant(wanted)) shift_ = *start - now();
}

Instant SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()) + shift_;
}

Tick SystemClock::tick() const { return std::chrono::steady_clock::now(); }

}  // namespace icingest
