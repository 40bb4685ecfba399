// clock_bounds.h: the database's clock, as far as this process can know it.
//
// Each reading of it happened between two moments here, which bounds the difference of the clocks from both sides; what
// several readings say together is narrower than any of them. Bounds widen with age, because clocks drift and are
// slewed; a reading that contradicts the earlier ones (the clock was set, or it is another server) counts alone.
//
// Units     microseconds; `here` is this process's monotonic time, `there` the database's since 1970
// Threads   one owner
#pragma once

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "rate/slots.h"

namespace icingest::checkpoint {

class ClockBounds {
 public:
  using Micros = rate::Micros;

  void add(Micros before, Micros there, Micros after) {
    const Bounds read{.least = there - after, .most = there - before, .at = after};
    if (bounds_) {
      const Bounds old = at(after);
      const Bounds both{
          .least = std::max(old.least, read.least), .most = std::min(old.most, read.most), .at = after};
      bounds_ = both.least <= both.most ? both : read;
    } else {
      bounds_ = read;
    }
  }
  void forget() { bounds_.reset(); }

  // The latest that it can be there.
  [[nodiscard]] Micros there_at_most(Micros here) const { return here + at(here).most; }
  // The earliest and the latest moment here at which it is that time there.
  [[nodiscard]] Micros here_at_least(Micros there) const { return there - at(there - bounds_->most).most; }
  [[nodiscard]] Micros here_at_most(Micros there) const { return there - at(there - bounds_->least).least; }

 private:
  struct Bounds {
    Micros least = 0;  // there - here
    Micros most = 0;
    Micros at = 0;
  };
  // Clocks are slewed by up to 500 parts per million (ntpd, chronyd).
  static constexpr Micros kDriftFrom = 2'000;

  [[nodiscard]] Bounds at(Micros here) const {
    const Micros drift = std::abs(here - bounds_->at) / kDriftFrom;
    return {.least = bounds_->least - drift, .most = bounds_->most + drift, .at = here};
  }

  std::optional<Bounds> bounds_;
};

}  // namespace icingest::checkpoint
