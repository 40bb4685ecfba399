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
// When every slot rests or is out: how long until asking again. Slots are lent half a second ahead (slots.h).
constexpr std::chrono::milliseconds kNoSlotRetry{200};

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

bool Permit::may_send() { return throttle_->limiter_.may_send(id_, throttle_->now()); }

void Permit::answered() { throttle_->limiter_.answered(id_, throttle_->now()); }

Throttle::Throttle(asio::io_context& io, const RateLimit& limit, MakeQuota make_quota,
                   std::chrono::milliseconds patience, const Clock& clock, Metrics& metrics)
    : io_(io),
      timer_(io),
      limiter_(limit),
      make_quota_(std::move(make_quota)),
      patience_(patience),
      quota_(make_quota_(limit)),
      clock_(clock),
      metrics_(metrics) {}

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
  if (closed_ || waiters_.empty()) return;
  if (!borrowing_ && at >= borrow_after_) {
    if (const int want = limiter_.wanted(at, static_cast<int>(waiters_.size())); want > 0) borrow(want);
  }
  rate::Micros wake = limiter_.next_event(at).value_or(0);
  if (wake == 0) wake = std::max(limiter_.blocked_until(), borrow_after_);
  if (wake <= at && borrowing_) return;  // the loan will pump
  timer_.expires_after(std::chrono::microseconds(std::max<rate::Micros>(wake - at, 0)));
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) pump();
  });
}

void Throttle::borrow(int want) {
  borrowing_ = true;
  quota_->exchange(limiter_.collect_settled(now()), want, limiter_.hold(), std::exchange(block_until_, 0),
                   [this, alive = alive_](Result<rate::Loan> loan) {
                     asio::post(io_, [this, alive, loan = std::move(loan)]() mutable {
                       if (*alive) on_loan(std::move(loan));
                     });
                   });
}

void Throttle::on_loan(Result<rate::Loan> loan) {
  borrowing_ = false;
  if (!loan) return on_no_loan(loan.error());
  no_loan_since_.reset();
  limiter_.lend(loan->slots);
  borrow_after_ = loan->slots.empty() ? now() + to_micros(kNoSlotRetry) : 0;
  if (loan->blocked_until > std::max(now(), limiter_.blocked_until())) {
    log::warn("the source is in a penalty that an earlier request has earned; nobody asks it for {}",
              text::duration(static_cast<double>(loan->blocked_until - now()) / 1e6));
  }
  limiter_.block_until(loan->blocked_until);
  pump();
}

// Without the quota nothing goes out: nobody knows what others use meanwhile.
void Throttle::on_no_loan(const Error& error) {
  log::debug("quota not available: {}", error.describe());
  if (!no_loan_since_) no_loan_since_ = clock_.tick();
  if (error.action == Action::fail_run || clock_.tick() - *no_loan_since_ >= patience_)
    return refuse_waiters(error);
  timer_.expires_after(kQuotaRetry);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& waiting) {
    if (!waiting && *alive) pump();
  });
}

void Throttle::refuse_waiters(const Error& error) {
  Error refusal = error;
  refusal.action = Action::stop_source;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    asio::post(io_, [waiter = std::move(waiter), refusal]() mutable { waiter(std::unexpected(refusal)); });
  }
}

void Throttle::throttled(std::chrono::milliseconds pause) {
  const rate::Micros at = now();
  const rate::Micros until = at + std::max<rate::Micros>(to_micros(pause), limiter_.limit().window.count());
  limiter_.throttled(at, until);
  block_until_ = std::max(block_until_, until);
}

void Throttle::penalty(std::chrono::milliseconds pause) {
  const rate::Micros until = now() + to_micros(pause);
  limiter_.block_until(until);
  // At once: whoever comes after this process, if it is killed meanwhile, must know too.
  quota_->exchange({}, 0, limiter_.hold(), until, [](const Result<rate::Loan>&) {});
}

void Throttle::change_limit(const RateLimit& limit) {
  if (limit == limiter_.limit()) return;
  limiter_.change_limit(limit);
  quota_ = make_quota_(limit);
}

void Throttle::close() {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  quota_->exchange(limiter_.close(now()), 0, limiter_.hold(), std::exchange(block_until_, 0),
                   [](const Result<rate::Loan>&) {});
  pump();
}

}  // namespace icingest::fetch
