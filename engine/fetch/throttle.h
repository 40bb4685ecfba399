// throttle.h: the limiter of one source and key, for coroutines that wait their turn.
//
// Threads   the io_context's thread; the quota's answers are posted to it
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "core/metrics.h"
#include "rate/limiter.h"
#include "rate/quota.h"

namespace icingest::fetch {

class Throttle;

// The right to one request. Given up unanswered, it counts as used if it may have gone out.
class Permit {
 public:
  Permit(Throttle& throttle, rate::PermitId id) : throttle_(&throttle), id_(id) {}
  Permit(Permit&& other) noexcept : throttle_(std::exchange(other.throttle_, nullptr)), id_(other.id_) {}
  Permit& operator=(Permit&&) = delete;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit();

  // Until when the request may be written; nothing when it may not.
  [[nodiscard]] std::optional<Tick> may_send();
  void answered();

 private:
  Throttle* throttle_;
  rate::PermitId id_;
};

class Throttle {
 public:
  using MakeQuota = std::function<std::unique_ptr<rate::Quota>(const RateLimit&)>;

  // `patience`: how long the quota may be out of reach before those who wait are refused with its error.
  Throttle(boost::asio::io_context& io, const RateLimit& limit, MakeQuota make_quota,
           std::chrono::milliseconds patience, const Clock& clock, Metrics& metrics);
  ~Throttle();
  Throttle(const Throttle&) = delete;
  Throttle& operator=(const Throttle&) = delete;

  [[nodiscard]] boost::asio::awaitable<Result<Permit>> permit();

  // The source said "too many".
  void throttled(std::chrono::milliseconds pause);
  // A documented penalty: nobody asks this source before it is over.
  void penalty(std::chrono::milliseconds pause);
  // The source fails whoever asks: every process that shares the quota leaves it alone for so long.
  void away(std::chrono::milliseconds pause);
  // The limit is another one than assumed.
  void change_limit(const RateLimit& limit);

  // Refuses everybody who waits, and gives borrowed slots back; nothing is granted afterwards.
  void close();

  [[nodiscard]] const RateLimit& limit() const { return limiter_.limit(); }
  [[nodiscard]] bool blocked() const { return limiter_.blocked_until() > now(); }
  // Whether this process or another one has found the source to be away a moment ago.
  [[nodiscard]] bool is_away() const { return away_until_ > now(); }
  [[nodiscard]] std::chrono::milliseconds away_for() const {
    return std::chrono::milliseconds(std::max<rate::Micros>(away_until_ - now(), 0) / 1000);
  }
  // See Limiter.
  void ask_delivery(std::function<bool()> delivered) { limiter_.ask_delivery(std::move(delivered)); }

 private:
  friend class Permit;
  using Waiter = std::move_only_function<void(Result<rate::PermitId>)>;

  [[nodiscard]] rate::Micros now() const { return rate::to_micros(clock_.tick()); }
  void pump();
  void set_timer(rate::Micros at);
  void tell(rate::Exchange exchange);
  void on_loan(Result<rate::Loan> loan);
  void on_no_loan(const Error& error);
  void refuse_waiters(const Error& error);
  void use_quota();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  rate::Limiter limiter_;
  MakeQuota make_quota_;
  const std::chrono::milliseconds patience_;
  std::unique_ptr<rate::Quota> quota_;
  int quotas_made_ = 0;  // what an earlier one still answers counts no more
  const Clock& clock_;
  Metrics& metrics_;
  std::deque<Waiter> waiters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // loans may come back after the end
  rate::Micros block_until_ = 0;                                // to be told to the quota
  rate::Micros tell_away_until_ = 0;                            // the same
  rate::Micros away_until_ = 0;
  rate::Micros tell_after_ = 0;  // the quota was out of reach a moment ago
  std::optional<Tick> no_loan_since_;
  bool telling_ = false;
  bool closed_ = false;
};

}  // namespace icingest::fetch
