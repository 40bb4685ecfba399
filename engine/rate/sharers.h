// sharers.h: who wants how much of a quota, and what each may hold of it.
//
// Max-min fair: nobody gets more than it wants, and what some do not want is divided among those that want more, so
// that one hungry process does not starve the others and idle ones leave it everything.
//
// Shape     pure; a sharer that has not been heard of before its time is gone
// Threads   one owner
#pragma once

#include <cstdint>
#include <vector>

#include "rate/slots.h"

namespace icingest::rate {

struct Sharer {
  std::int64_t id = 0;
  std::int64_t wants = 0;  // slots
  Micros until = 0;
  friend bool operator==(const Sharer&, const Sharer&) = default;
};

class Sharers {
 public:
  Sharers() = default;
  explicit Sharers(std::vector<Sharer> sharers) : sharers_(std::move(sharers)) {}

  // Who is still heard of.
  void forget_gone(Micros now);
  // What this one wants from now on; one that wants nothing leaves. True when it wants more than before.
  bool note(const Sharer& sharer);
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(sharers_.size()); }
  // Slots that `id` may hold of `permits`, if it could use them all. When there are more sharers than slots, at least one: first come, first served.
  [[nodiscard]] int share(std::int64_t id, int permits) const;

  [[nodiscard]] const std::vector<Sharer>& all() const { return sharers_; }

 private:
  std::vector<Sharer> sharers_;
};

}  // namespace icingest::rate
