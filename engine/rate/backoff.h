// backoff.h: how long to wait before the next attempt.
//
// Full jitter: a uniform share of an exponentially growing ceiling, so that many who failed together do not
// come back together. A source's own Retry-After is a floor under it.
//
// Threads   one owner; randomness is a parameter
// Source    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace icingest::rate {

using Random = std::mt19937_64;

struct BackoffPolicy {
  std::chrono::milliseconds first{250};
  std::chrono::milliseconds ceiling{30'000};
  int attempts = 8;
};

// The pause before attempt `attempt` + 1, attempts counted from 1.
[[nodiscard]] inline std::chrono::milliseconds pause_after(int attempt, const BackoffPolicy& policy,
                                                           std::chrono::milliseconds at_least,
                                                           Random& random) {
  const int doublings = std::min(attempt - 1, 20);
  const auto ceiling = std::min(policy.ceiling, policy.first * (std::int64_t{1} << doublings));
  std::uniform_int_distribution<std::int64_t> share(0, ceiling.count());
  return at_least + std::chrono::milliseconds(share(random));
}

}  // namespace icingest::rate
