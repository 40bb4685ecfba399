// pg_quota.h: the slots of a source and key, kept in the database, so that they outlive a process that was
// killed and are shared by all that use the same key.
//
// Slots are lent in the database's time and used in this process's: each exchange gives a pair of readings,
// and every conversion errs to the safe side of the round trip between them.
//
// Threads   exchange() from one thread; the work and the callback are on this object's own thread
// Errors    an unreachable database: nothing is lent; what was to be given back is given back with the next
//           exchange
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pg/pg_conn.h"
#include "rate/quota.h"

namespace icingest::checkpoint {

class PgQuota final : public rate::Quota {
 public:
  PgQuota(pg::DbConfig db, std::string source, const RateLimit& limit, const Clock& clock);
  PgQuota(const PgQuota&) = delete;
  PgQuota& operator=(const PgQuota&) = delete;
  ~PgQuota() override;

  void exchange(std::vector<rate::Settled> settled, int want, rate::Micros hold, rate::Micros block_until,
                std::move_only_function<void(Result<rate::Loan>)> done) override;

 private:
  struct Request {
    std::vector<rate::Settled> settled;
    int want = 0;
    rate::Micros hold = 0;
    rate::Micros block_until = 0;
    std::move_only_function<void(Result<rate::Loan>)> done;
  };
  // One moment in both times: the database read `there` between `before` and `after` here.
  struct Reading {
    rate::Micros before = 0;
    rate::Micros after = 0;
    rate::Micros there = 0;
  };

  void run();
  Result<rate::Loan> serve(Request& request);
  Result<rate::Loan> exchange_in_transaction(Request& request);
  [[nodiscard]] rate::Micros now() const { return rate::to_micros(clock_.tick()); }

  const pg::DbConfig db_;
  const std::string source_;
  const RateLimit limit_;
  const Clock& clock_;
  std::optional<pg::PgConn> conn_;
  std::optional<Reading> reading_;        // of the exchange whose slots are out
  std::vector<rate::Settled> unsettled_;  // could not be given back yet
  rate::Micros pending_block_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Request> request_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace icingest::checkpoint
