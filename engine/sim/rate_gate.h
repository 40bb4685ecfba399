// rate_gate.h: the limits a real source enforces, and a count of who overran them.
//
// Threads   one owner (the server's thread)
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "core/clock.h"
#include "icingest/source.h"

namespace icingest::sim {

class RateGate {
 public:
  struct Usage {
    std::int64_t requests = 0;
    std::int64_t violations = 0;      // requests refused because the window was full
    std::int64_t most_in_window = 0;  // arrivals in any sliding window, refused ones included
    Tick first{};
    Tick last{};
  };

  explicit RateGate(const RateLimit& limit) : limit_(limit) {}

  // Whether a request of this key that arrived at `at` may pass. Those of different connections may be told of a little
  // out of order.
  bool admit(const std::string& key, Tick at);

  [[nodiscard]] const RateLimit& limit() const { return limit_; }
  [[nodiscard]] const std::map<std::string, Usage>& usage() const { return usage_; }
  void reset() { usage_.clear(), admitted_.clear(), arrived_.clear(); }

 private:
  struct Count {
    std::deque<Tick>::iterator place;
    std::int64_t most = 0;
  };
  [[nodiscard]] Count arrive(std::deque<Tick>& times, Tick at) const;

  RateLimit limit_;
  std::map<std::string, Usage> usage_;
  std::map<std::string, std::deque<Tick>> admitted_;
  std::map<std::string, std::deque<Tick>> arrived_;
};

}  // namespace icingest::sim
