#include "sim/rate_gate.h"

#include <algorithm>

namespace icingest::sim {

// Counts the times in (now - window, now], the new one included.
std::int64_t RateGate::arrive(std::deque<Tick>& times, Tick now) const {
  while (!times.empty() && times.front() <= now - limit_.window) times.pop_front();
  times.push_back(now);
  return static_cast<std::int64_t>(times.size());
}

bool RateGate::admit(const std::string& key, Tick now) {
  Usage& usage = usage_[key];
  if (usage.requests++ == 0) usage.first = now;
  usage.last = now;
  usage.most_in_window = std::max(usage.most_in_window, arrive(arrived_[key], now));
  std::deque<Tick>& admitted = admitted_[key];
  if (arrive(admitted, now) <= limit_.permits) return true;
  admitted.pop_back();
  ++usage.violations;
  return false;
}

}  // namespace icingest::sim
