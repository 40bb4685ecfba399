#include "sim/rate_gate.h"

#include <algorithm>

namespace icingest::sim {

// Enters the time, and counts the most in any window (t - window, t] that it belongs to.
RateGate::Count RateGate::arrive(std::deque<Tick>& times, Tick at) const {
  // Twice the window, for those that are told of late.
  while (!times.empty() && times.front() <= at - 2 * limit_.window) times.pop_front();
  const auto place = times.insert(std::upper_bound(times.begin(), times.end(), at), at);
  std::int64_t most = 0;
  for (auto last = place; last != times.end() && *last < at + limit_.window; ++last) {
    const auto first = std::upper_bound(times.begin(), last, *last - limit_.window);
    most = std::max<std::int64_t>(most, last - first + 1);
  }
  return {.place = place, .most = most};
}

bool RateGate::admit(const std::string& key, Tick at) {
  Usage& usage = usage_[key];
  usage.first = usage.requests++ == 0 ? at : std::min(usage.first, at);
  usage.last = std::max(usage.last, at);
  usage.most_in_window = std::max(usage.most_in_window, arrive(arrived_[key], at).most);
  std::deque<Tick>& admitted = admitted_[key];
  const Count count = arrive(admitted, at);
  if (count.most <= limit_.permits) return true;
  admitted.erase(count.place);
  ++usage.violations;
  return false;
}

}  // namespace icingest::sim
