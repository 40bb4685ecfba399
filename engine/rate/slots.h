// slots.h: never more than N requests in any sliding window, by N slots that each rest for a window between
// two uses.
//
// Why it holds: if N+1 requests fell into one window, two of them would have used the same slot, and the
// second may not begin before the first's latest possible arrival plus the window. Nothing depends on the
// order of answers, on how evenly requests come, or on who uses a slot, so slots can be lent to processes and
// outlive them.
//
// Shape     a slot is lent with a time before which it must not be used and a time after which it may not be
//           used any more. Between them its borrower uses it again and again, each time with the same rest; the
//           loan can be prolonged. The slot comes back with the latest moment its last request can have arrived, or
//           unused. A borrower that dies says nothing: its slots count as used at the last moment they could have been
// Units     Time is any monotonic count of microseconds, the same for all calls
// Threads   one owner
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "icingest/source.h"

namespace icingest::rate {

using Micros = std::int64_t;

// Written, but not acknowledged by the other end for so long: the kernel gives the connection up (TCP_USER_TIMEOUT), also
// for a process that is stopped or dead, so nothing arrives later than this.
inline constexpr Micros kGivenUp = 1'000'000;

// What the other end's kernel has acknowledged is taken to be counted by the source so long after it was written.
[[nodiscard]] inline Micros queueing(const RateLimit& limit) { return limit.window.count() / 4; }

// How long a request may be on its way when nobody is there to see it arrive.
[[nodiscard]] inline Micros transit(const RateLimit& limit) { return std::max(kGivenUp, queueing(limit)); }

// From the arrival of one request to the beginning of the next on the same slot: the window, and what rounding to
// milliseconds at the other end may take from it.
[[nodiscard]] inline Micros rest(const RateLimit& limit) { return limit.window.count() + 1'000; }

struct Slot {
  int index = 0;
  std::int64_t lease = 0;  // names this loan of it
  Micros not_before = 0;
  Micros expires = 0;  // must have been sent before this
};

// A loan, by its name.
struct Lease {
  int index = 0;
  std::int64_t lease = 0;
};

struct Settled {
  int index = 0;
  std::int64_t lease = 0;
  bool used = false;
  Micros arrived_by = 0;  // used: the request reached the source no later than this
};

class SlotTable {
 public:
  // What is stored of a slot. A slot that is out (lease not 0) has been reserved as if its request arrived at
  // the last possible moment.
  struct Entry {
    Micros free_at = 0;      // may be used from here on; while out, once the loan is void
    Micros was_free_at = 0;  // while out: free_at before the loan, should it come back unused
    std::int64_t lease = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  explicit SlotTable(const RateLimit& limit);
  // The table as it was stored, `last_lease` the newest number given out. A table of another size is fitted
  // so that no request it knows of is forgotten; its loans become void.
  SlotTable(const RateLimit& limit, const RateLimit& stored_limit, std::vector<Entry> entries,
            std::int64_t last_lease);

  // Lends up to `count` slots that are at home, the soonest free ones, each usable for `hold` once it is
  // free. One that rests much longer stays at home: were it out, a borrower that dies would cost its use.
  [[nodiscard]] std::vector<Slot> lend(Micros now, int count, Micros hold);
  // Moves a loan's end to `hold` from now, never to an earlier time; its new end, or nothing when it has become void.
  [[nodiscard]] std::optional<Micros> prolong(const Lease& loan, Micros now, Micros hold);
  // Takes a slot back. A loan that has become void meanwhile is nobody's any more.
  void settle(const Settled& settled);
  // When lend() may give more than now, as far as is known: the first slot at home that is almost free, or out and void.
  [[nodiscard]] Micros next_chance(Micros now) const;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::int64_t last_lease() const { return last_lease_; }

 private:
  // Slots are lent so long before they are free, so that they are there in time; where that is soon, all that rest.
  [[nodiscard]] Micros ahead() const { return rest_ <= 2'000'000 ? rest_ : 500'000; }
  [[nodiscard]] Micros may_be_lent_at(const Entry& entry) const {
    return entry.lease == 0 ? entry.free_at - ahead() : entry.free_at;
  }

  Micros rest_;
  Micros transit_;
  std::vector<Entry> entries_;
  std::int64_t last_lease_ = 0;
};

}  // namespace icingest::rate
