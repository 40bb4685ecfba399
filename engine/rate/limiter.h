// limiter.h: when the next request of one source and key may go out.
//
// The hard part (never more than N per window, whoever dies) is SlotTable's; this class uses the slots well: it asks
// for as many as it can use and for no more than its share, keeps them while it is busy and gives them back when it
// is not, spreads requests where the source punishes bursts, halves its pace on a 429 and recovers by steps, and stops
// for a penalty.
//
// Shape     pure: time comes in as an argument, requests to wait go out as a time
// Units     Micros of quota.h
// Threads   one owner (the fetch thread)
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "rate/quota.h"

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

  // Asked right before the request is written: until when that may happen. Nothing when the permit was used before (a
  // library that sends a request twice on its own) or waited so long that its slot may be lent again; then the request
  // must not go out.
  [[nodiscard]] std::optional<Micros> may_send(PermitId permit, Micros now);
  // The first byte of the answer was here at `at`, so the request had arrived.
  void answered(PermitId permit, Micros at);
  // The request never left; or, with `maybe` set, nobody knows (the connection broke).
  void dropped(PermitId permit, Micros now, bool maybe);

  // The source said "too many": pause until `until`, then at half the pace where the limit is advice.
  void throttled(Micros now, Micros until);
  // A penalty known to others.
  void block_until(Micros until);
  [[nodiscard]] Micros blocked_until() const { return blocked_until_; }

  // What to tell the quota now, while `waiting` requests wait for a permit; nothing when it is not worth a round trip.
  [[nodiscard]] std::optional<Exchange> exchange(Micros now, int waiting);
  // When exchange() may have something to say, should nothing else happen; nothing while the hands are empty.
  [[nodiscard]] std::optional<Micros> next_exchange(Micros now, int waiting) const;
  void lend(Micros now, const Loan& loan);
  // The others have changed something: the next exchange is worth its round trip.
  void look_again() { look_again_ = true; }
  // Everything back; for a clean end.
  [[nodiscard]] Exchange close(Micros now);
  // Says whether all that was written has reached the other end; then slow answers do not keep slots from being used.
  void ask_delivery(std::function<bool()> delivered) { delivered_ = std::move(delivered); }

  // Slots in hand, those of requests under way included.
  [[nodiscard]] int held() const;
  // Share of the limit in use as pace, 0 to 1.
  [[nodiscard]] double pace() const { return pace_; }
  [[nodiscard]] const RateLimit& limit() const { return limit_; }
  // The limit turned out to be another one (a free key's first 429).
  void change_limit(const RateLimit& limit);

 private:
  // A slot in hand. After a use it rests here, like at home.
  struct Held {
    Slot slot;
    bool used = false;
    Micros arrived_by = 0;
  };
  struct Outstanding {
    std::optional<Held> held;  // unless the slot is in use again, because the request has arrived
    std::optional<Micros> sent_at;
  };

  [[nodiscard]] Micros window() const { return limit_.window.count(); }
  [[nodiscard]] Micros gap() const;
  // Whether a slot can be used a second time while it is held.
  [[nodiscard]] bool is_reused() const { return rest(limit_) <= hold_; }
  [[nodiscard]] int wants(Micros now, int waiting) const;
  [[nodiscard]] bool is_hungry(Micros now) const { return now < hungry_until_; }
  [[nodiscard]] bool is_short(Micros now, int waiting) const;
  [[nodiscard]] Micros settle_after() const;
  void notice_arrivals(Micros now);
  void expire(Micros now);
  void count_take(Micros now);
  void put_back(Held held, Micros now);
  void settle(const Held& held, Micros now);
  void recover(Micros now);

  RateLimit limit_;
  std::deque<Held> slots_;  // by not_before
  std::map<PermitId, Outstanding> outstanding_;
  std::vector<Settled> settled_;
  Micros settled_since_ = 0;  // the oldest of them
  PermitId next_permit_ = 1;
  std::function<bool()> delivered_;

  // What the quota said last.
  int share_ = 0;
  Micros hold_ = 0;
  Micros renew_at_ = 0;
  Micros next_chance_ = 0;
  bool look_again_ = false;

  // How much is used.
  Micros hungry_until_ = 0;
  Micros period_began_ = 0;
  int taken_ = 0;         // in this period
  int taken_before_ = 0;  // in the one before

  Micros next_in_pace_ = 0;
  double pace_;
  Micros recovered_at_ = 0;
  Micros blocked_until_ = 0;
};

}  // namespace icingest::rate
