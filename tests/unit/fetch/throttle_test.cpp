// A quota out of reach: waited for, but not for ever.
#include "fetch/throttle.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "support/manual_clock.h"

namespace icingest::fetch {
namespace {

// Lends nothing, because its database is gone.
class AwayQuota final : public rate::Quota {
 public:
  explicit AwayQuota(const Error& error) : error_(error) {}
  void exchange(rate::Exchange, std::move_only_function<void(Result<rate::Loan>)> done) override {
    done(std::unexpected(error_));
  }

 private:
  Error error_;
};

// What somebody who waits for a permit is told.
Error refusal(const Error& error, std::chrono::milliseconds patience) {
  boost::asio::io_context io;
  test::ManualClock clock;
  Metrics metrics;
  Throttle throttle(
      io, {.permits = 1}, [&](const RateLimit&) { return std::make_unique<AwayQuota>(error); }, patience,
      clock, metrics);
  Error told;
  const auto ask = [&]() -> boost::asio::awaitable<void> {
    const Result<Permit> permit = co_await throttle.permit();
    if (!permit) told = permit.error();
  };
  boost::asio::co_spawn(io, ask(), boost::asio::detached);
  while (told.message.empty() && io.run_one_for(std::chrono::seconds(10)) > 0)
    clock.advance(std::chrono::milliseconds(400));
  throttle.close();
  io.run();
  return told;
}

TEST(Throttle, TellsThoseWhoWaitWhenTheQuotaStaysAway) {
  const Error away{.action = Action::reconnect, .exit = ExitCode::later, .message = "cannot connect"};
  const Error told = refusal(away, std::chrono::milliseconds(500));
  EXPECT_EQ(told.action, Action::stop_source);
  EXPECT_EQ(told.exit, ExitCode::later);
  EXPECT_EQ(told.message, "cannot connect");
}

TEST(Throttle, DoesNotWaitForWhatAPersonMustMend) {
  const Error wrong{.action = Action::fail_run, .exit = ExitCode::person, .message = "wrong password"};
  const Error told = refusal(wrong, std::chrono::hours(1));
  EXPECT_EQ(told.exit, ExitCode::person);
  EXPECT_EQ(told.message, "wrong password");
}

// Says what it is told.
class TellingQuota final : public rate::Quota {
 public:
  explicit TellingQuota(std::vector<rate::Exchange>& told) : told_(told) {}
  void exchange(rate::Exchange exchange, std::move_only_function<void(Result<rate::Loan>)> done) override {
    told_.push_back(std::move(exchange));
    done(rate::Loan{});
  }

 private:
  std::vector<rate::Exchange>& told_;
};

TEST(Throttle, TellsTheOthersAtOnceWhatItHasLearnt) {
  boost::asio::io_context io;
  test::ManualClock clock;
  Metrics metrics;
  std::vector<rate::Exchange> told;
  Throttle throttle(
      io, {.permits = 5}, [&](const RateLimit&) { return std::make_unique<TellingQuota>(told); },
      std::chrono::hours(1), clock, metrics);
  const auto in = [&](std::chrono::seconds pause) { return rate::to_micros(clock.tick() + pause); };
  throttle.throttled(std::chrono::seconds(7));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].block_until, in(std::chrono::seconds(7)));
  EXPECT_EQ(told[0].wants, 0) << "nothing can be made use of meanwhile";
  io.poll();
  throttle.penalty(std::chrono::seconds(600));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].block_until, in(std::chrono::seconds(600)));
  io.restart();
  io.poll();
  throttle.away(std::chrono::seconds(2));
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[2].away_until, in(std::chrono::seconds(2)));
  EXPECT_TRUE(throttle.is_away());
  clock.advance(std::chrono::seconds(2));
  EXPECT_FALSE(throttle.is_away());
  throttle.close();
  io.restart();
  io.run();
}

}  // namespace
}  // namespace icingest::fetch
