// limits.h: what holds a run back right now.
//
// Threads   one owner
#pragma once

#include <array>
#include <string_view>

#include "run/engine.h"

namespace icingest::run {

enum class Limit : std::uint8_t { quota, network, decode, copy, source_away };
constexpr std::size_t kLimits = 5;
[[nodiscard]] std::string_view to_string(Limit limit);

// Looks at counters and gauges now and then and says what was in the way most of the time lately.
class LimitMeter {
 public:
  void sample(const Metrics& metrics, const Engine& engine, Tick now);
  [[nodiscard]] Limit limit() const;

 private:
  [[nodiscard]] Limit look(const Metrics& metrics, const Engine& engine, Tick now);

  std::array<double, kLimits> weight_{};  // decaying counts
  Tick before_{};
  std::int64_t load_us_ = 0;
  std::int64_t decode_us_ = 0;
};

}  // namespace icingest::run
