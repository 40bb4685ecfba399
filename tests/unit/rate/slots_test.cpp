// The promise of the limiter: whatever the schedule, never more than N requests arrive in any window.
#include "rate/slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "rate/backoff.h"
#include "rate/limiter.h"

namespace icingest::rate {
namespace {

using std::chrono::seconds;

// The most arrivals in any window (a, a + window].
std::int64_t most_in_any_window(std::vector<Micros> arrivals, Micros window) {
  std::sort(arrivals.begin(), arrivals.end());
  std::int64_t most = 0;
  for (std::size_t first = 0, last = 0; last < arrivals.size(); ++last) {
    while (arrivals[last] - arrivals[first] >= window) ++first;
    most = std::max(most, static_cast<std::int64_t>(last - first + 1));
  }
  return most;
}

// One process that borrows slots and sends requests whose way takes a random time; it may die at any moment.
struct Borrower {
  explicit Borrower(const RateLimit& limit) : limiter(limit) {}
  Limiter limiter;
  struct Flight {
    Micros arrives;
    Micros answered;
    PermitId permit;
  };
  std::vector<Flight> flying;
  Micros loan_arrives = -1;
  Loan loan;
  std::int64_t id = 0;
  std::int64_t sent = 0;
};

struct World {
  World(const RateLimit& rate_limit, std::uint64_t seed)
      : limit(rate_limit), quota{.table = SlotTable(rate_limit)}, random(seed) {}

  RateLimit limit;
  QuotaState quota;
  std::int64_t exchanges = 0;
  std::int64_t last_id = 0;
  std::mt19937_64 random;
  Micros now = 1'000'000;
  std::vector<Micros> arrivals;

  Micros uniform(Micros low, Micros high) { return std::uniform_int_distribution<Micros>(low, high)(random); }

  void step(Borrower& me, int demand, Micros most_latency, int drop_percent = 5) {
    if (me.loan_arrives >= 0 && now >= me.loan_arrives) {
      me.limiter.lend(now, me.loan);
      me.loan_arrives = -1;
    }
    std::erase_if(me.flying, [&](const Borrower::Flight& flight) {
      if (flight.answered > now) return false;
      me.limiter.answered(flight.permit, flight.answered);
      return true;
    });
    for (int i = 0; i < demand; ++i) {
      const auto permit = me.limiter.take(now);
      if (!permit) break;
      // Some requests never leave, some leave late (a new connection), some too late.
      const Micros sent = now;
      if (uniform(0, 99) < drop_percent) {
        me.limiter.dropped(*permit, now, false);
        continue;
      }
      ASSERT_TRUE(me.limiter.may_send(*permit, sent));
      EXPECT_FALSE(me.limiter.may_send(*permit, sent)) << "a permit is good for one request";
      ++me.sent;
      const Micros arrives = sent + uniform(0, most_latency);
      arrivals.push_back(arrives);
      me.flying.push_back({arrives, arrives + uniform(0, most_latency), *permit});
    }
    if (me.loan_arrives >= 0) return;
    if (const auto told = me.limiter.exchange(now, demand)) {
      ++exchanges;
      if (me.id == 0) me.id = ++last_id;
      bool look = false;
      me.loan = quota.serve(me.id, *told, limit, now, look);
      me.loan_arrives = now + uniform(0, 20'000);
    }
  }
};

struct Schedule {
  RateLimit limit;
  Micros step;
  Micros most_latency;
};
const Schedule kSchedules[] = {
    {{.permits = 5, .window = std::chrono::minutes(1)}, 50'000, 400'000},
    {{.permits = 10, .window = seconds(1), .paced = true}, 2'000, 60'000},
    {{.permits = 100, .window = seconds(1)}, 500, 30'000},
    {{.permits = 100, .window = seconds(1), .advisory = true}, 500, 30'000},
};

TEST(Slots, NeverExceedTheLimitInAnyWindow) {
  for (const Schedule& schedule : kSchedules) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      World world(schedule.limit, seed);
      Borrower one(schedule.limit);
      const Micros end = world.now + 20 * schedule.limit.window.count();
      while (world.now < end) {
        world.step(one, static_cast<int>(world.uniform(0, 40)), schedule.most_latency);
        world.now += world.uniform(1, 2 * schedule.step);
      }
      EXPECT_LE(most_in_any_window(world.arrivals, schedule.limit.window.count()), schedule.limit.permits)
          << schedule.limit.permits << " seed " << seed;
    }
  }
}

TEST(Slots, NeverExceedTheLimitWhenBorrowersDieAndOthersShare) {
  for (const Schedule& schedule : kSchedules) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      World world(schedule.limit, seed);
      std::deque<Borrower> borrowers;
      for (int i = 0; i < 3; ++i) borrowers.emplace_back(schedule.limit);
      const Micros end = world.now + 20 * schedule.limit.window.count();
      while (world.now < end) {
        for (Borrower& borrower : borrowers)
          world.step(borrower, static_cast<int>(world.uniform(0, 20)), schedule.most_latency);
        // A killed process says nothing; its successor begins with empty hands.
        if (world.uniform(0, 999) < 3)
          borrowers[static_cast<std::size_t>(world.uniform(0, 2))] = Borrower(schedule.limit);
        world.now += world.uniform(1, 2 * schedule.step);
      }
      EXPECT_LE(most_in_any_window(world.arrivals, schedule.limit.window.count()), schedule.limit.permits)
          << schedule.limit.permits << " seed " << seed;
    }
  }
}

TEST(Slots, UseAtLeast98PercentOfTheQuota) {
  for (const Schedule& schedule : kSchedules) {
    if (schedule.limit.advisory) continue;  // advice is approached from below
    World world(schedule.limit, 7);
    Borrower one(schedule.limit);
    const Micros begin = world.now;
    const Micros length = 60 * schedule.limit.window.count();
    while (world.now < begin + length) {
      world.step(one, 32, schedule.limit.window.count() / 500, 0);
      world.now += schedule.limit.window.count() / 2000;
    }
    const auto sent = static_cast<double>(world.arrivals.size());
    EXPECT_GE(sent / (60.0 * schedule.limit.permits), 0.98) << schedule.limit.permits;
  }
}

TEST(Slots, UseOfAnUnknownEndCountsAsLateAsItCanHaveBeen) {
  const RateLimit limit{.permits = 1, .window = seconds(1)};
  SlotTable table(limit);
  const auto slots = table.lend(1'000'000, 1, 2'000'000);
  ASSERT_EQ(slots.size(), 1U);
  EXPECT_EQ(slots[0].not_before, 1'000'000);
  EXPECT_EQ(slots[0].expires, 3'000'000);
  EXPECT_TRUE(table.lend(1'000'001, 1, 1).empty()) << "a slot is never out twice";
  const Micros latest = 3'000'000 + transit(limit) + 1'000'000;
  EXPECT_TRUE(table.lend(latest, 1, 1).empty());
  const auto again = table.lend(latest + 1'001, 1, 1);
  ASSERT_EQ(again.size(), 1U) << "whoever had it is dead";
  table.settle({.index = 0, .lease = slots[0].lease, .used = false});
  EXPECT_TRUE(table.lend(latest + 1'001, 1, 1).empty()) << "or was only asleep: its word counts no more";
}

TEST(Slots, UnusedComesBackAsItWas) {
  const RateLimit limit{.permits = 1, .window = seconds(1)};
  SlotTable table(limit);
  const auto slot = table.lend(1'000'000, 1, 2'000'000).front();
  table.settle({.index = slot.index, .lease = slot.lease, .used = false});
  EXPECT_EQ(table.lend(1'000'001, 1, 1).at(0).not_before, 1'000'001);
}

std::vector<Micros> free_times(const SlotTable& table) {
  std::vector<Micros> times;
  for (const auto& entry : table.entries()) times.push_back(entry.free_at);
  return times;
}

TEST(Slots, AnotherLimitForgetsNoUse) {
  const RateLimit wide{.permits = 3, .window = seconds(1)};
  const RateLimit narrow{.permits = 2, .window = seconds(2)};
  const SlotTable shrunk(narrow, wide, {{5'000'000}, {9'000'000}, {7'000'000}}, 0);
  EXPECT_EQ(free_times(shrunk), (std::vector<Micros>{10'000'000, 8'000'000}));
  const SlotTable grown(wide, narrow, {{10'000'000, 0, 5}, {8'000'000}}, 5);
  EXPECT_EQ(free_times(grown), (std::vector<Micros>{9'000'000, 7'000'000, 7'000'000}));
  EXPECT_EQ(grown.entries()[0].lease, 0) << "loans of another size are void";
  const SlotTable same(wide, wide, {{3, 0, 1}, {9}, {5}}, 1);
  EXPECT_EQ(free_times(same), (std::vector<Micros>{3, 9, 5}))
      << "indexes are out on loan: the order must stay";
  EXPECT_EQ(same.entries()[0].lease, 1);
}

void exchange(Limiter& limiter, QuotaState& quota, Micros now, int waiting) {
  bool look = false;
  if (const auto told = limiter.exchange(now, waiting))
    limiter.lend(now, quota.serve(1, *told, limiter.limit(), now, look));
}

// Requests per window at a given pace, with all the slots one could want.
std::int64_t sent_in(Limiter& limiter, QuotaState& quota, Micros& now, Micros length) {
  std::int64_t sent = 0;
  for (const Micros end = now + length; now < end; now += 500) {
    exchange(limiter, quota, now, 32);
    while (const auto permit = limiter.take(now)) {
      EXPECT_TRUE(limiter.may_send(*permit, now));
      limiter.answered(*permit, now + 200);
      ++sent;
    }
  }
  return sent;
}

TEST(Limiter, OnlyPausesOn429WhereTheLimitIsLaw) {
  const RateLimit limit{.permits = 100, .window = seconds(1)};
  Limiter limiter(limit);
  QuotaState quota{.table = SlotTable(limit)};
  Micros now = 1'000'000;
  limiter.throttled(now, now + 1'000'000);
  EXPECT_EQ(sent_in(limiter, quota, now, 999'000), 0) << "the pause holds";
  EXPECT_DOUBLE_EQ(limiter.pace(), 1.0);
  EXPECT_GE(sent_in(limiter, quota, now, 5'000'000), 490);
}

TEST(Limiter, HalvesOn429AndRecoversByAddition) {
  const RateLimit limit{.permits = 100, .window = seconds(1), .advisory = true};
  Limiter limiter(limit);
  QuotaState quota{.table = SlotTable(limit)};
  Micros now = 1'000'000;
  sent_in(limiter, quota, now, 12'000'000);  // advice is approached from below
  EXPECT_GE(sent_in(limiter, quota, now, 5'000'000), 490);
  limiter.throttled(now, now + 1'000'000);
  limiter.throttled(now, now + 1'000'000);  // the same overrun, told twice
  EXPECT_DOUBLE_EQ(limiter.pace(), 0.5);
  EXPECT_EQ(sent_in(limiter, quota, now, 999'000), 0) << "the pause holds";
  const std::int64_t slow = sent_in(limiter, quota, now, 1'000'000);
  EXPECT_GE(slow, 45);
  EXPECT_LE(slow, 56);
  sent_in(limiter, quota, now, 12'000'000);
  EXPECT_DOUBLE_EQ(limiter.pace(), 1.0);
}

TEST(Limiter, PacesWithoutBurstsWhereASourcePunishesThem) {
  const RateLimit limit{.permits = 10, .window = seconds(1), .paced = true};
  Limiter limiter(limit);
  QuotaState quota{.table = SlotTable(limit)};
  Micros now = 1'000'000;
  std::vector<Micros> sent;
  for (const Micros end = now + 5'000'000; now < end; now += 1'000) {
    exchange(limiter, quota, now, 32);
    while (const auto permit = limiter.take(now)) {
      EXPECT_TRUE(limiter.may_send(*permit, now));
      limiter.answered(*permit, now);
      sent.push_back(now);
    }
  }
  for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_GE(sent[i] - sent[i - 1], 95'000);
  EXPECT_GE(sent.size(), 49U);
}

TEST(Limiter, APermitThatWaitedTooLongMayNotGoOut) {
  const RateLimit limit{.permits = 1, .window = seconds(1)};
  Limiter limiter(limit);
  QuotaState quota{.table = SlotTable(limit)};
  EXPECT_FALSE(limiter.take(1'000'000));
  exchange(limiter, quota, 1'000'000, 1);
  const auto permit = limiter.take(1'000'000);
  ASSERT_TRUE(permit);
  const auto until = limiter.may_send(*permit, 1'000'000);
  ASSERT_TRUE(until);
  limiter.dropped(*permit, 1'000'000, false);
  const auto later = limiter.take(2'001'000);
  ASSERT_TRUE(later);
  EXPECT_FALSE(limiter.may_send(*later, *until));
}

// What was written and is not answered: its slot rests from when the other end has it, or could not have it any more.
TEST(Limiter, ASlowAnswerDoesNotKeepTheSlot) {
  const RateLimit limit{.permits = 1, .window = seconds(1)};
  for (const bool delivered : {true, false}) {
    Limiter limiter(limit);
    limiter.ask_delivery([&] { return delivered; });
    QuotaState quota{.table = SlotTable(limit)};
    Micros now = 1'000'000;
    std::vector<Micros> sent;
    for (; now < 4'000'000; now += 1'000) {
      if (const auto permit = limiter.take(now)) {
        ASSERT_TRUE(limiter.may_send(*permit, now));
        sent.push_back(now);
      }
      exchange(limiter, quota, now, 1);
    }
    ASSERT_GE(sent.size(), 2U);
    EXPECT_GE(sent[1] - sent[0], delivered ? 1'251'000 : 2'001'000);
    EXPECT_LE(sent[1] - sent[0], delivered ? 1'260'000 : 2'010'000);
  }
}

// Several that are always hungry, one that wakes up now and then.
TEST(Limiter, HungryOnesShareAndIdleOnesGiveBack) {
  const RateLimit limit{.permits = 100, .window = seconds(1)};
  for (const int count : {1, 2, 4, 8}) {
    World world(limit, 3);
    std::deque<Borrower> borrowers;
    for (int i = 0; i < count; ++i) borrowers.emplace_back(limit);
    const auto run = [&](Micros length, int awake) {
      for (const Micros end = world.now + length; world.now < end; world.now += 500) {
        for (int i = 0; i < count; ++i)
          world.step(borrowers[static_cast<std::size_t>(i)], i < awake ? 32 : 0, 2'000, 0);
      }
    };
    const auto sent = [&] {
      std::int64_t all = 0;
      for (Borrower& one : borrowers) all += std::exchange(one.sent, 0);
      return all;
    };
    run(20'000'000, count);  // everybody has come
    sent();
    world.exchanges = 0;
    run(40'000'000, count);
    std::int64_t least = 1'000'000;
    std::int64_t most = 0;
    for (const Borrower& one : borrowers) least = std::min(least, one.sent), most = std::max(most, one.sent);
    EXPECT_GE(least * 100, most * 90) << count << ": " << least << " and " << most;
    const std::int64_t all = sent();
    EXPECT_GE(all, 40 * 97) << count;
    EXPECT_GE(all / world.exchanges, 100) << count << ": an exchange is two round trips";
    if (count == 1) continue;
    run(20'000'000, 1);  // the others have nothing more to ask
    EXPECT_EQ(borrowers.back().limiter.held(), 0);
    sent();
    run(10'000'000, 1);
    EXPECT_GE(sent(), 10 * 97) << count;
    EXPECT_LE(most_in_any_window(world.arrivals, limit.window.count()), limit.permits) << count;
  }
}

TEST(Backoff, JittersFullyUnderAGrowingCeiling) {
  Random random(3);
  const BackoffPolicy policy{.first = std::chrono::milliseconds(100),
                             .ceiling = std::chrono::milliseconds(1000)};
  for (int attempt = 1; attempt < 8; ++attempt) {
    const auto ceiling = std::min<std::int64_t>(1000, 100 << (attempt - 1));
    std::int64_t least = ceiling;
    std::int64_t most = 0;
    for (int i = 0; i < 500; ++i) {
      const auto pause = pause_after(attempt, policy, std::chrono::milliseconds(0), random).count();
      least = std::min<std::int64_t>(least, pause);
      most = std::max<std::int64_t>(most, pause);
    }
    EXPECT_LT(least, ceiling / 10 + 2);
    EXPECT_GT(most, ceiling * 9 / 10 - 2);
    EXPECT_LE(most, ceiling);
  }
  EXPECT_GE(pause_after(1, policy, std::chrono::seconds(7), random), std::chrono::seconds(7))
      << "Retry-After is a floor";
}

}  // namespace
}  // namespace icingest::rate
