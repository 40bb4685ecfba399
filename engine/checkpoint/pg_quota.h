// pg_quota.h: the slots of a source and key, kept in the database, so that they outlive a process that was
// killed and are shared by all that use the same key.
//
// Slots are lent in the database's time and used in this process's; every conversion errs to the safe side of what is
// known of the two clocks (clock_bounds.h). An exchange reads the row and writes it if nobody else did meanwhile: two
// round trips, and no lock that a process which is stopped in between could hold. Whoever changes what the others should
// know says so by NOTIFY; where that does not get through (a pooler that shares sessions) they see it with their next
// exchange.
//
// Threads   exchange() and on_notice() from one thread; the work and the callbacks are on this object's own thread
// Errors    an unreachable database: nothing is lent; what was to be given back is given back with the next
//           exchange
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "checkpoint/clock_bounds.h"
#include "pg/pg_conn.h"
#include "rate/quota.h"

namespace icingest::checkpoint {

// The name of a quota: the source, and which key, without telling the key. Not by what address the source is reached: through
// another proxy it counts all the same.
[[nodiscard]] std::string quota_name(std::string_view source, std::string_view key);

class PgQuota final : public rate::Quota {
 public:
  PgQuota(pg::DbConfig db, std::string source, const RateLimit& limit, const Clock& clock);
  PgQuota(const PgQuota&) = delete;
  PgQuota& operator=(const PgQuota&) = delete;
  ~PgQuota() override;

  void exchange(rate::Exchange exchange, std::move_only_function<void(Result<rate::Loan>)> done) override;
  void on_notice(std::move_only_function<void()> look) override;

  // Waits for the database so far, by any object of this process.
  [[nodiscard]] static std::int64_t round_trips();

 private:
  struct Request {
    rate::Exchange exchange;
    std::move_only_function<void(Result<rate::Loan>)> done;
  };
  // The row as it was read.
  struct Row {
    rate::QuotaState state;
    std::int64_t version = 0;
    rate::Micros there = 0;
  };

  void run();
  void wait_for_something();
  void wake();
  void look_at_notices();
  Result<rate::Loan> serve(rate::Exchange& exchange);
  Result<void> connect();
  Result<void> make_row();
  Result<Row> read();
  Result<bool> write(const Row& row, bool tell_others);
  Result<pg::PgResult> ask(const std::string& sql, const std::vector<pg::PgParameter>& parameters);
  [[nodiscard]] rate::Exchange there(const rate::Exchange& exchange) const;
  [[nodiscard]] rate::Loan here(rate::Loan loan) const;
  [[nodiscard]] rate::Micros now() const { return rate::to_micros(clock_.tick()); }

  const pg::DbConfig db_;
  const std::string source_;
  const RateLimit limit_;
  const Clock& clock_;
  const std::int64_t id_;  // as a sharer
  std::optional<pg::PgConn> conn_;
  ClockBounds bounds_;
  rate::Exchange untold_;  // what the database does not know yet
  std::mutex mutex_;
  std::deque<Request> requests_;
  std::move_only_function<void()> look_;
  bool ending_ = false;
  int wake_fd_ = -1;
  std::thread thread_;
};

}  // namespace icingest::checkpoint
