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
  static Result<Loan> exchange(PgQuota& quota, std::vector<Settled> settled, int want,
                               Micros block_until = 0) {
    std::promise<Result<Loan>> promise;
    quota.exchange(std::move(settled), want, 2'000'000, block_until,
                   [&](Result<Loan> loan) { promise.set_value(std::move(loan)); });
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
  const auto first = exchange(one, {}, 3);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->slots.size(), 3U);
  const auto second = exchange(two, {}, 3);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->slots.size(), 1U);
  PgQuota other(db_, "another source", limit_, clock_);
  EXPECT_EQ(exchange(other, {}, 4)->slots.size(), 4U);
}

TEST_F(Quota, RemembersUsesAfterTheProcessIsGone) {
  {
    PgQuota gone(db_, "s", limit_, clock_);
    const auto loan = exchange(gone, {}, 4);
    ASSERT_EQ(loan->slots.size(), 4U);
    std::vector<Settled> settled;
    for (std::size_t i = 0; i < 2; ++i) {
      settled.push_back(
          {.index = loan->slots[i].index, .lease = loan->slots[i].lease, .used = true, .arrived_by = now()});
    }
    settled.push_back({.index = loan->slots[2].index, .lease = loan->slots[2].lease, .used = false});
    ASSERT_TRUE(exchange(gone, settled, 0));  // and then killed, the fourth slot in its hands
  }
  PgQuota next(db_, "s", limit_, clock_);
  const Micros began = now();
  const auto loan = exchange(next, {}, 4);
  ASSERT_EQ(loan->slots.size(), 1U)
      << "the used ones rest, and the fourth is out until it can be used no more";
  EXPECT_LE(loan->slots[0].not_before, began + 100'000) << "the unused one is free";
  // Resting slots are lent shortly before they are free; a loan that became void takes longer.
  std::vector<Slot> rested;
  while (rested.size() < 2 && now() < began + 5'000'000) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto more = exchange(next, {}, 2 - static_cast<int>(rested.size()));
    ASSERT_TRUE(more);
    rested.insert(rested.end(), more->slots.begin(), more->slots.end());
  }
  ASSERT_EQ(rested.size(), 2U);
  for (const Slot& slot : rested) EXPECT_GE(slot.not_before, began + 800'000) << "a window after its use";
}

TEST_F(Quota, APenaltyHoldsForEverybody) {
  PgQuota one(db_, "s", limit_, clock_);
  PgQuota two(db_, "s", limit_, clock_);
  ASSERT_TRUE(exchange(one, {}, 1));
  ASSERT_TRUE(exchange(one, {}, 0, now() + 600'000'000));
  const auto loan = exchange(two, {}, 1);
  EXPECT_NEAR(static_cast<double>(loan->blocked_until - now()), 600e6, 2e6);
}

TEST_F(Quota, LendsNothingWithoutTheDatabase) {
  pg::DbConfig nowhere = db_;
  nowhere.parameters["host"] = "/nonexistent";
  PgQuota quota(nowhere, "s", limit_, clock_);
  EXPECT_FALSE(exchange(quota, {}, 1));
}

}  // namespace
}  // namespace icingest::checkpoint
