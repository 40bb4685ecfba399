// sec_gate.h: the SEC's limit: so many requests a second from one address to all of its hosts together, and who
// overruns it is kept out until it has been quiet for the penalty.
//
// Threads   one owner
// Source    sources.md B.1
#pragma once

#include <map>
#include <string>

#include "sim/rate_gate.h"

namespace icingest::sim {

class SecGate {
 public:
  SecGate(const RateLimit& limit, std::chrono::milliseconds penalty) : gate_(limit), penalty_(penalty) {}

  // Whether a request of this client may pass now. A refused one starts the penalty anew.
  bool admit(const std::string& client, Tick now) {
    const bool within = gate_.admit("sec:" + client, now);
    const auto until = blocked_until_.find(client);
    const bool blocked = until != blocked_until_.end() && now < until->second;
    if (within && !blocked) return true;
    if (!blocked) ++blocks_;
    else ++while_blocked_;
    blocked_until_[client] = now + penalty_;
    return false;
  }

  [[nodiscard]] const RateGate& gate() const { return gate_; }
  [[nodiscard]] std::int64_t blocks() const { return blocks_; }                // penalties begun
  [[nodiscard]] std::int64_t while_blocked() const { return while_blocked_; }  // requests during one

 private:
  RateGate gate_;
  std::chrono::milliseconds penalty_;
  std::map<std::string, Tick> blocked_until_;
  std::int64_t blocks_ = 0;
  std::int64_t while_blocked_ = 0;
};

}  // namespace icingest::sim
