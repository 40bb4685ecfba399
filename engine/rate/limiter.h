// limiter.h: when the next request of one source and key may go out.
//
// The hard part (never more than N per window, whoever dies) is SlotTable's; this class uses the slots well:
// it borrows in batches, spreads requests where the source punishes bursts, halves its pace on a 429 and
// recovers by steps, and stops for a penalty.
//
// Shape     pure: time comes in as an argument, requests to wait go out as a time
// Units     Micros of quota.h
// Threads   one owner (the fetch thread)
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "rate/slots.h"

namespace icingest::rate {

using PermitId = std::uint64_t;

class Limiter {
 public:
  explicit Limiter(const RateLimit& limit);

  // A permit, or nothing: then next_event() says when to ask again. Every permit ends in answered() or
  // dropped().
  [[nodiscard]] std::optional<PermitId> take(Micros now);
  // When take() may succeed without new slots; nothing when slots must be borrowed first.
  [[nodiscard]] std::optional<Micros> next_event(Micros now) const;

  // Asked right before the request is written: false when the permit was used before (a library that sends a
  // request twice on its own) or waited so long that its slot may be lent again; then the request must not go
  // out.
  [[nodiscard]] bool may_send(PermitId permit, Micros now);
  // The first byte of the answer was here at `at`, so the request had arrived.
  void answered(PermitId permit, Micros at);
  // The request never left; or, with `maybe` set, nobody knows (the connection broke).
  void dropped(PermitId permit, Micros now, bool maybe);

  // The source said "too many": pause until `until`, then at half the pace where the limit is advice.
  void throttled(Micros now, Micros until);
  // A penalty known to others.
  void block_until(Micros until);
  [[nodiscard]] Micros blocked_until() const { return blocked_until_; }

  // How many slots to borrow now (0: enough are here), what to give back with them, how long a slot is held.
  [[nodiscard]] int wanted(Micros now, int demand) const;
  [[nodiscard]] std::vector<Settled> collect_settled(Micros now);
  [[nodiscard]] Micros hold() const;
  void lend(const std::vector<Slot>& slots);
  // Everything back, unused slots included; for a clean end.
  [[nodiscard]] std::vector<Settled> close(Micros now);

  // Share of the limit in use as pace, 0 to 1.
  [[nodiscard]] double pace() const { return pace_; }
  [[nodiscard]] const RateLimit& limit() const { return limit_; }
  // The limit turned out to be another one (a free key's first 429).
  void change_limit(const RateLimit& limit);

 private:
  struct Outstanding {
    Slot slot;
    Micros given_at = 0;
    std::optional<Micros> sent_at;
  };

  [[nodiscard]] Micros window() const { return limit_.window.count(); }
  [[nodiscard]] Micros gap() const;
  void expire(Micros now);
  void settle_used(const Slot& slot, Micros arrived_by);
  void settle_unused(const Slot& slot);
  void recover(Micros now);

  RateLimit limit_;
  std::deque<Slot> slots_;  // by not_before
  std::map<PermitId, Outstanding> outstanding_;
  std::vector<Settled> settled_;
  PermitId next_permit_ = 1;
  Micros next_in_pace_ = 0;
  double pace_;
  Micros recovered_at_ = 0;
  Micros blocked_until_ = 0;
};

}  // namespace icingest::rate
