// What each may hold of a quota that several want.
#include "rate/sharers.h"

#include <gtest/gtest.h>

namespace icingest::rate {
namespace {

constexpr Micros kLong = 1'000'000;

TEST(Sharers, DivideWhatTheModestLeave) {
  const Sharers sharers({{1, 100, kLong}, {2, 10, kLong}, {3, 100, kLong}});
  EXPECT_EQ(sharers.share(1, 100), 45);
  EXPECT_EQ(sharers.share(3, 100), 45);
  EXPECT_EQ(sharers.share(2, 100), 33) << "if it wanted more";
}

TEST(Sharers, AgreeOnTheOddOnes) {
  std::vector<Sharer> eight;
  for (std::int64_t id = 1; id <= 8; ++id) eight.push_back({id, 20 + id, kLong});
  const Sharers sharers(eight);
  int all = 0;
  for (std::int64_t id = 1; id <= 8; ++id) all += sharers.share(id, 100);
  EXPECT_EQ(all, 100);
}

TEST(Sharers, EverybodyMayTryWhenThereAreMoreThanSlots) {
  std::vector<Sharer> eight;
  for (std::int64_t id = 1; id <= 8; ++id) eight.push_back({id, 5, kLong});
  const Sharers sharers(eight);
  for (std::int64_t id = 1; id <= 8; ++id) EXPECT_EQ(sharers.share(id, 5), 1);
}

TEST(Sharers, ForgetWhoIsGone) {
  Sharers sharers;
  EXPECT_TRUE(sharers.note({.id = 1, .wants = 5, .until = 100}));
  EXPECT_FALSE(sharers.note({.id = 1, .wants = 5, .until = 200})) << "no more than before";
  EXPECT_TRUE(sharers.note({.id = 2, .wants = 5, .until = 300}));
  sharers.forget_gone(200);
  EXPECT_EQ(sharers.count(), 1);
  EXPECT_FALSE(sharers.note({.id = 2, .wants = 0, .until = 400}));
  EXPECT_EQ(sharers.count(), 0) << "who wants nothing leaves";
  EXPECT_EQ(sharers.share(7, 10), 10);
}

}  // namespace
}  // namespace icingest::rate
