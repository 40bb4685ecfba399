// quota.h: who owns the slots of a source and key: this process alone, or everybody who shares the database.
//
// Threads   exchange() is called from one thread, with one exchange under way at a time; the callback may
//           come on another thread
#pragma once

#include <functional>
#include <vector>

#include "core/clock.h"
#include "rate/slots.h"

namespace icingest::rate {

struct Loan {
  std::vector<Slot> slots;   // times in this process's Micros (see to_micros)
  Micros blocked_until = 0;  // a penalty somebody ran into; 0 when there is none
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

  // Gives settled slots back and borrows up to `want`, each valid for `hold` once free. `block_until` > 0
  // makes a penalty known to all.
  virtual void exchange(std::vector<Settled> settled, int want, Micros hold, Micros block_until,
                        std::move_only_function<void(Result<Loan>)> done) = 0;
};

// Slots of this process alone.
class LocalQuota final : public Quota {
 public:
  LocalQuota(const RateLimit& limit, const Clock& clock) : table_(limit), clock_(clock) {}
  void exchange(std::vector<Settled> settled, int want, Micros hold, Micros block_until,
                std::move_only_function<void(Result<Loan>)> done) override;

 private:
  SlotTable table_;
  const Clock& clock_;
  Micros blocked_until_ = 0;
};

}  // namespace icingest::rate
