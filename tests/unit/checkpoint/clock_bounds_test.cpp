// What is known of another clock errs to the safe side, and no further than it must.
#include "checkpoint/clock_bounds.h"

#include <gtest/gtest.h>

#include <random>

namespace icingest::checkpoint {
namespace {

using rate::Micros;

TEST(ClockBounds, HoldTheTruthAndBecomeNarrow) {
  std::mt19937_64 random(11);
  const auto below = [&](Micros limit) { return std::uniform_int_distribution<Micros>(0, limit)(random); };
  constexpr Micros kDifference = 1'700'000'000'000'000;
  ClockBounds bounds;
  Micros here = 5'000'000;
  for (int i = 0; i < 200; ++i) {
    const Micros there = here + below(20'000);  // somewhere on the way
    const Micros after = there + below(20'000);
    bounds.add(here, there + kDifference, after);
    here = after + below(1'000'000);
    EXPECT_GE(bounds.there_at_most(here), here + kDifference);
    EXPECT_LE(bounds.here_at_least(here + kDifference), here);
    EXPECT_GE(bounds.here_at_most(here + kDifference), here);
  }
  EXPECT_LE(bounds.here_at_most(here + kDifference) - bounds.here_at_least(here + kDifference), 15'000)
      << "a single reading says it to 20 ms on average";
}

TEST(ClockBounds, BelieveTheLatestReadingWhenTheClockWasSet) {
  ClockBounds bounds;
  bounds.add(1'000, 50'000, 1'010);
  bounds.add(2'000, 90'000'000, 2'010);
  EXPECT_GE(bounds.there_at_most(2'005), 90'000'000);
  EXPECT_LE(bounds.there_at_most(2'005), 90'000'100);
}

}  // namespace
}  // namespace icingest::checkpoint
