#include "icingest/basis.h"

#include <gtest/gtest.h>

namespace icingest {
namespace {

Ratio per(int from, int to) { return Ratio::of(Decimal(from, 0), Decimal(to, 0)); }

TEST(Basis, MultipliesTheSplitsAfterASession) {
  const Basis basis(make_date(2026, 11, 20), {{"NV", make_date(2021, 7, 20), per(1, 4)},
                                              {"NV", make_date(2024, 6, 10), per(1, 10)},
                                              {"RV", make_date(2025, 3, 3), per(20, 1)}});
  EXPECT_EQ(basis.price_ratio("NV", make_date(2021, 7, 19)), per(1, 40));
  EXPECT_EQ(basis.price_ratio("NV", make_date(2021, 7, 20)), per(1, 10))
      << "the day it executes trades on the new basis";
  EXPECT_EQ(basis.price_ratio("NV", make_date(2024, 6, 7)), per(1, 10));
  EXPECT_TRUE(basis.price_ratio("NV", make_date(2024, 6, 10)).is_one());
  EXPECT_EQ(basis.price_ratio("RV", make_date(2025, 2, 28)), per(20, 1));
  EXPECT_TRUE(basis.price_ratio("nv", make_date(2020, 1, 2)).is_one()) << "symbols keep their case";
}

TEST(Basis, LeavesOutTheFutureAndRepetitions) {
  const Basis basis(make_date(2026, 11, 20), {{"A", make_date(2026, 11, 23), per(1, 2)},
                                              {"B", make_date(2026, 11, 20), per(1, 2)},
                                              {"B", make_date(2026, 11, 20), per(1, 2)},
                                              {"B", make_date(2026, 11, 20), per(1, 3)}});
  EXPECT_TRUE(basis.price_ratio("A", make_date(2026, 11, 19)).is_one());
  EXPECT_EQ(basis.price_ratio("B", make_date(2026, 11, 19)), per(1, 6));
  EXPECT_EQ(basis.as_of(), make_date(2026, 11, 20));
}

TEST(Basis, AnImpossibleSplitSpoilsOnlyWhatLiesBeforeIt) {
  const Basis basis(make_date(2026, 11, 20),
                    {{"A", make_date(2025, 1, 2), per(0, 1)}, {"A", make_date(2026, 1, 2), per(1, 2)}});
  EXPECT_FALSE(basis.price_ratio("A", make_date(2024, 12, 31)).valid());
  EXPECT_EQ(basis.price_ratio("A", make_date(2025, 1, 2)), per(1, 2));
}

}  // namespace
}  // namespace icingest
