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

  [[nodiscard]] bool may_send();
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
  // The limit is another one than assumed.
  void change_limit(const RateLimit& limit);

  // Refuses everybody who waits, and gives borrowed slots back; nothing is granted afterwards.
  void close();

  [[nodiscard]] const RateLimit& limit() const { return limiter_.limit(); }
  [[nodiscard]] bool blocked() const { return limiter_.blocked_until() > now(); }

 private:
  friend class Permit;
  using Waiter = std::move_only_function<void(Result<rate::PermitId>)>;

  [[nodiscard]] rate::Micros now() const { return rate::to_micros(clock_.tick()); }
  void pump();
  void borrow(int want);
  void on_loan(Result<rate::Loan> loan);
  void on_no_loan(const Error& error);
  void refuse_waiters(const Error& error);

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  rate::Limiter limiter_;
  MakeQuota make_quota_;
  const std::chrono::milliseconds patience_;
  std::unique_ptr<rate::Quota> quota_;
  const Clock& clock_;
  Metrics& metrics_;
  std::deque<Waiter> waiters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // loans may come back after the end
  rate::Micros block_until_ = 0;                                // to be told to the quota
  rate::Micros borrow_after_ = 0;                               // there was nothing to lend a moment ago
  std::optional<Tick> no_loan_since_;
  bool borrowing_ = false;
  bool closed_ = false;
};

}  // namespace icingest::fetch
