// quota.h: who owns the slots of a source and key: this process alone, or everybody who shares the database.
//
// Threads   exchange() and on_notice() are called from one thread; callbacks may come on another
#pragma once

#include <functional>
#include <vector>

#include "core/clock.h"
#include "rate/sharers.h"
#include "rate/slots.h"

namespace icingest::rate {

// What a borrower says. Times are this process's Micros (see to_micros).
struct Exchange {
  std::vector<Settled> settled;  // given back
  std::vector<Lease> kept;       // to be prolonged
  int wants = 0;                 // slots it could use in all, kept ones included; 0: none any more
  Micros block_until = 0;        // > 0: a penalty, to be made known to all
  Micros away_until = 0;         // > 0: the source fails everybody, and is asked again then
};

// What it is told.
struct Loan {
  std::vector<Slot> slots;      // new ones
  std::vector<Slot> prolonged;  // kept ones: only their ends have changed
  int share = 0;                // so many it may hold; the others are to be given back
  Micros hold = 0;              // how long slots are lent
  Micros next_chance = 0;       // no use in asking for more before
  Micros blocked_until = 0;     // a penalty somebody ran into; 0 when there is none
  Micros away_until = 0;        // the source failed somebody again and again; 0 when it did not
};

// Everything that is known of a quota, as it is stored. One clock for all of it.
struct QuotaState {
  SlotTable table;
  Sharers sharers{};
  Micros blocked_until = 0;
  Micros away_until = 0;

  // Serves borrower `id`. `others_should_look` is set when the others hold slots that are its due, or must know of a
  // penalty.
  Loan serve(std::int64_t id, const Exchange& exchange, const RateLimit& limit, Micros now,
             bool& others_should_look);
};

// This process's monotonic time in microseconds.
[[nodiscard]] inline Micros to_micros(Tick tick) {
  return std::chrono::duration_cast<std::chrono::microseconds>(tick.time_since_epoch()).count();
}

class Quota {
 public:
  Quota() = default;
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;
  virtual ~Quota() = default;

  // One after the other, in order.
  virtual void exchange(Exchange exchange, std::move_only_function<void(Result<Loan>)> done) = 0;
  // Somebody else has changed what everybody should know: an exchange now will tell.
  virtual void on_notice(std::move_only_function<void()> /*look*/) {}
};

// Slots of this process alone.
class LocalQuota final : public Quota {
 public:
  LocalQuota(const RateLimit& limit, const Clock& clock)
      : limit_(limit), state_{.table = SlotTable(limit)}, clock_(clock) {}
  void exchange(Exchange exchange, std::move_only_function<void(Result<Loan>)> done) override;

 private:
  RateLimit limit_;
  QuotaState state_;
  const Clock& clock_;
};

}  // namespace icingest::rate
