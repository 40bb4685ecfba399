#include "fetch/throttle.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/log.h"
#include "core/text.h"

namespace icingest::fetch {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kQuotaRetry{500};

Failure stopped() {
  return Failure(Error{.action = Action::stop_source, .exit = ExitCode::later, .message = "stopped"});
}

rate::Micros to_micros(std::chrono::milliseconds pause) { return std::chrono::microseconds(pause).count(); }

}  // namespace

Permit::~Permit() {
  if (throttle_ == nullptr) return;
  throttle_->limiter_.dropped(id_, throttle_->now(), false);
  throttle_->pump();
}

std::optional<Tick> Permit::may_send() {
  const auto until = throttle_->limiter_.may_send(id_, throttle_->now());
  if (!until) return std::nullopt;
  return Tick(std::chrono::microseconds(*until));
}

void Permit::answered() { throttle_->limiter_.answered(id_, throttle_->now()); }

Throttle::Throttle(asio::io_context& io, const RateLimit& limit, MakeQuota make_quota,
                   std::chrono::milliseconds patience, const Clock& clock, Metrics& metrics)
    : io_(io),
      timer_(io),
      limiter_(limit),
      make_quota_(std::move(make_quota)),
      patience_(patience),
      clock_(clock),
      metrics_(metrics) {
  use_quota();
}

Throttle::~Throttle() { *alive_ = false; }

asio::awaitable<Result<Permit>> Throttle::permit() {
  metrics_.waiting_for_permit.add(1);
  Result<rate::PermitId> id =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<rate::PermitId>)>(
          [this](auto handler) {
            waiters_.emplace_back([handler = std::move(handler)](Result<rate::PermitId> result) mutable {
              std::move(handler)(std::move(result));
            });
            pump();
          },
          asio::use_awaitable);
  metrics_.waiting_for_permit.add(-1);
  if (!id) co_return std::unexpected(std::move(id).error());
  co_return Permit(*this, *id);
}

void Throttle::pump() {
  const rate::Micros at = now();
  while (!waiters_.empty()) {
    Result<rate::PermitId> granted = stopped();
    if (!closed_) {
      const auto permit = limiter_.take(at);
      if (!permit) break;
      granted = *permit;
    }
    // Resumed through the io_context, so that a grant never runs a coroutine inside another one's call.
    asio::post(io_, [waiter = std::move(waiters_.front()), granted = std::move(granted)]() mutable {
      waiter(std::move(granted));
    });
    waiters_.pop_front();
  }
  if (closed_) return;
  const int waiting = static_cast<int>(waiters_.size());
  if (!telling_ && at >= tell_after_) {
    auto exchange = limiter_.exchange(at, waiting);
    if (!exchange && block_until_ + tell_away_until_ > 0)
      limiter_.look_again(), exchange = limiter_.exchange(at, waiting);
    if (exchange) tell(std::move(*exchange));
  }
  set_timer(at);
}

void Throttle::set_timer(rate::Micros at) {
  const int waiting = static_cast<int>(waiters_.size());
  std::optional<rate::Micros> wake = limiter_.next_exchange(at, waiting);
  // What is under way pumps when it is there.
  if (telling_) wake.reset();
  else if (wake) wake = std::max({*wake, tell_after_, at + 1'000});
  if (waiting > 0) {
    if (const auto next = limiter_.next_event(at)) wake = std::min(wake.value_or(*next), *next);
  }
  if (!wake) return static_cast<void>(timer_.cancel());
  timer_.expires_after(std::chrono::microseconds(std::max<rate::Micros>(*wake - at, 0)));
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) pump();
  });
}

void Throttle::use_quota() {
  if (quota_) quota_->exchange({}, [](const Result<rate::Loan>&) {});  // this one wants nothing any more
  quota_ = make_quota_(limiter_.limit());
  ++quotas_made_;
  quota_->on_notice([this, alive = alive_] {
    asio::post(io_, [this, alive] {
      if (!*alive || closed_) return;
      limiter_.look_again();
      pump();
    });
  });
}

void Throttle::tell(rate::Exchange exchange) {
  telling_ = true;
  exchange.block_until = std::exchange(block_until_, 0);
  exchange.away_until = std::exchange(tell_away_until_, 0);
  quota_->exchange(std::move(exchange), [this, alive = alive_, made = quotas_made_](Result<rate::Loan> loan) {
    asio::post(io_, [this, alive, made, loan = std::move(loan)]() mutable {
      if (*alive && made == quotas_made_) on_loan(std::move(loan));
    });
  });
}

void Throttle::on_loan(Result<rate::Loan> loan) {
  telling_ = false;
  if (!loan) return on_no_loan(loan.error());
  no_loan_since_.reset();
  limiter_.lend(now(), *loan);
  if (loan->blocked_until > std::max(now(), limiter_.blocked_until())) {
    log::warn("the source is in a penalty that an earlier request has earned; nobody asks it for {}",
              text::duration(static_cast<double>(loan->blocked_until - now()) / 1e6));
  }
  limiter_.block_until(loan->blocked_until);
  away_until_ = std::max(away_until_, loan->away_until);
  pump();
}

// Without the quota nothing goes out: nobody knows what others use meanwhile.
void Throttle::on_no_loan(const Error& error) {
  log::debug("quota not available: {}", error.describe());
  if (!no_loan_since_) no_loan_since_ = clock_.tick();
  tell_after_ = now() + to_micros(kQuotaRetry);
  if (error.action == Action::fail_run || clock_.tick() - *no_loan_since_ >= patience_) refuse_waiters(error);
  pump();
}

void Throttle::refuse_waiters(const Error& error) {
  Error refusal = error;
  refusal.action = Action::stop_source;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    asio::post(io_, [waiter = std::move(waiter), refusal]() mutable { waiter(std::unexpected(refusal)); });
  }
}

// What one has learnt is told at once: the others must know, and whoever comes after this process, if it is killed.
void Throttle::throttled(std::chrono::milliseconds pause) {
  const rate::Micros at = now();
  const rate::Micros until = at + std::max<rate::Micros>(to_micros(pause), limiter_.limit().window.count());
  limiter_.throttled(at, until);
  block_until_ = std::max(block_until_, until);
  pump();
}

void Throttle::penalty(std::chrono::milliseconds pause) {
  const rate::Micros until = now() + to_micros(pause);
  limiter_.block_until(until);
  block_until_ = std::max(block_until_, until);
  pump();
}

void Throttle::away(std::chrono::milliseconds pause) {
  away_until_ = std::max(away_until_, now() + to_micros(pause));
  tell_away_until_ = away_until_;
  pump();
}

void Throttle::change_limit(const RateLimit& limit) {
  if (limit == limiter_.limit()) return;
  limiter_.change_limit(limit);
  telling_ = false;
  use_quota();
}

void Throttle::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  rate::Exchange last = limiter_.close(now());
  last.block_until = std::exchange(block_until_, 0);
  quota_->exchange(std::move(last), [](const Result<rate::Loan>&) {});
  pump();
}

}  // namespace icingest::fetch
