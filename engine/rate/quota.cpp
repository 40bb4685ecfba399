#include "rate/quota.h"

#include <algorithm>

namespace icingest::rate {

void LocalQuota::exchange(std::vector<Settled> settled, int want, Micros hold, Micros block_until,
                          std::move_only_function<void(Result<Loan>)> done) {
  for (const Settled& one : settled) table_.settle(one);
  blocked_until_ = std::max(blocked_until_, block_until);
  done(Loan{table_.lend(to_micros(clock_.tick()), want, hold), blocked_until_});
}

}  // namespace icingest::rate
