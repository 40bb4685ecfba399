// Slots in the database: shared, and remembered by whoever comes next.
#include "checkpoint/pg_quota.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "checkpoint/ledger.h"
#include "pg/schema.h"
#include "support/test_server.h"

namespace icingest::checkpoint {
namespace {

using rate::Exchange;
using rate::Lease;
using rate::Loan;
using rate::Micros;
using rate::Settled;
using rate::Slot;

class Quota : public ::testing::Test {
 protected:
  Quota() : db_(test::TestServer::instance().create_database()) {
    auto control = pg::Control::connect(db_);
    EXPECT_TRUE(pg::create_missing(*control, ledger_ddl(), {}));
  }
  static Result<Loan> exchange(PgQuota& quota, const Exchange& told) {
    std::promise<Result<Loan>> promise;
    quota.exchange(told, [&](Result<Loan> loan) { promise.set_value(std::move(loan)); });
    return promise.get_future().get();
  }
  Micros now() const { return rate::to_micros(clock_.tick()); }

  pg::DbConfig db_;
  SystemClock clock_;
  RateLimit limit_{.permits = 4, .window = std::chrono::seconds(1)};
};

TEST_F(Quota, LendsEachSlotOnceWhoeverAsks) {
  PgQuota one(db_, "s", limit_, clock_);
  PgQuota two(db_, "s", limit_, clock_);
  const auto first = exchange(one, {.wants = 3});
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->slots.size(), 3U);
  const auto second = exchange(two, {.wants = 3});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->slots.size(), 1U);
  EXPECT_EQ(second->share, 2);
  PgQuota other(db_, "another source", limit_, clock_);
  EXPECT_EQ(exchange(other, {.wants = 4})->slots.size(), 4U);
}

TEST_F(Quota, RemembersUsesAfterTheProcessIsGone) {
  {
    PgQuota gone(db_, "s", limit_, clock_);
    const auto loan = exchange(gone, {.wants = 4});
    ASSERT_EQ(loan->slots.size(), 4U);
    std::vector<Settled> settled;
    for (std::size_t i = 0; i < 2; ++i) {
      settled.push_back(
          {.index = loan->slots[i].index, .lease = loan->slots[i].lease, .used = true, .arrived_by = now()});
    }
    settled.push_back({.index = loan->slots[2].index, .lease = loan->slots[2].lease, .used = false});
    ASSERT_TRUE(exchange(gone, {.settled = settled}));  // and then killed, the fourth slot in its hands
  }
  PgQuota next(db_, "s", limit_, clock_);
  const Micros began = now();
  const auto loan = exchange(next, {.wants = 4});
  ASSERT_EQ(loan->slots.size(), 3U) << "the fourth is out until it can be used no more";
  EXPECT_LE(loan->slots[0].not_before, began + 100'000) << "the unused one is free";
  for (std::size_t i = 1; i < 3; ++i)
    EXPECT_GE(loan->slots[i].not_before, began + 800'000) << "a window after its use";
}

TEST_F(Quota, APenaltyHoldsForEverybody) {
  PgQuota one(db_, "s", limit_, clock_);
  PgQuota two(db_, "s", limit_, clock_);
  std::promise<void> noticed;
  two.on_notice([&] { noticed.set_value(); });
  ASSERT_TRUE(exchange(two, {.wants = 1}));
  ASSERT_TRUE(exchange(one, {.block_until = now() + 600'000'000, .away_until = now() + 60'000'000}));
  EXPECT_EQ(noticed.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready)
      << "nobody waits for the next exchange to be told";
  const auto loan = exchange(two, {.wants = 1});
  EXPECT_NEAR(static_cast<double>(loan->blocked_until - now()), 600e6, 2e6);
  EXPECT_NEAR(static_cast<double>(loan->away_until - now()), 60e6, 2e6);
  EXPECT_TRUE(loan->slots.empty());
}

TEST_F(Quota, KeepsWhatIsProlongedFromOthers) {
  PgQuota one(db_, "s", limit_, clock_);
  PgQuota two(db_, "s", limit_, clock_);
  const auto first = exchange(one, {.wants = 2});
  ASSERT_EQ(first->slots.size(), 2U);
  std::vector<Lease> kept;
  for (const Slot& slot : first->slots) kept.push_back({.index = slot.index, .lease = slot.lease});
  const Micros end =
      first->slots.back().expires + 2'500'000;  // and as long as it may be on its way and rests
  while (now() < end) {
    const auto again = exchange(one, {.kept = kept, .wants = 2});
    ASSERT_TRUE(again);
    ASSERT_EQ(again->prolonged.size(), 2U);
    EXPECT_GT(again->prolonged[0].expires, now() + 1'500'000);
    const auto others = exchange(two, {.wants = 4});
    ASSERT_TRUE(others);
    for (const Slot& slot : others->slots)
      EXPECT_TRUE(slot.index != kept[0].index && slot.index != kept[1].index);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

TEST_F(Quota, CountsTheFailedTransactionOnlyOnce) {
  PgQuota one(db_, "s", limit_, clock_);
  PgQuota two(db_, "s", limit_, clock_);
  ASSERT_EQ(exchange(one, {.wants = 1})->slots.size(), 1U);
  // Its connection breaks; what it had to tell is told with the next exchange.
  test::query(db_,
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
              "AND pid <> pg_backend_pid()");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto loan = exchange(one, {.block_until = now() + 60'000'000});
  if (!loan) loan = exchange(one, {});
  ASSERT_TRUE(loan);
  EXPECT_GT(exchange(two, {.wants = 1})->blocked_until, now());
}

TEST(QuotaName, DoesNotTellTheKey) {
  const std::string name = quota_name("massive", "secret-key");
  EXPECT_EQ(name.substr(0, 8), "massive#");
  EXPECT_EQ(name.size(), 8 + 16U);
  EXPECT_EQ(name.find("secret"), std::string::npos);
  EXPECT_EQ(name, quota_name("massive", "secret-key"));
  EXPECT_NE(name, quota_name("massive", "secret-keys"));
  EXPECT_NE(name, quota_name("massive-files", "secret-key"));
}

TEST_F(Quota, LendsNothingWithoutTheDatabase) {
  pg::DbConfig nowhere = db_;
  nowhere.parameters["host"] = "/nonexistent";
  PgQuota quota(nowhere, "s", limit_, clock_);
  EXPECT_FALSE(exchange(quota, {.wants = 1}));
}

}  // namespace
}  // namespace icingest::checkpoint
