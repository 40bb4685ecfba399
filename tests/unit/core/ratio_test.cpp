#include "icingest/ratio.h"

#include <gtest/gtest.h>

namespace icingest {
namespace {

Decimal number(std::string_view text) {
  Decimal value;
  EXPECT_EQ(Decimal::parse(text, value), Fault::none) << text;
  return value;
}
Ratio ratio(std::string_view above, std::string_view below) {
  return Ratio::of(number(above), number(below));
}

TEST(Ratio, RoundsTheExactProductOnce) {
  struct Case {
    const char* value;
    Ratio ratio;
    int scale;
    const char* result;
  };
  for (const Case& one : {
           Case{"300.35", ratio("1", "4"), 6, "75.087500"},
           {"41.77", ratio("1", "3"), 6, "13.923333"},
           {"0.000001", ratio("1", "2"), 6, "0.000000"},  // half to even, down
           {"0.000003", ratio("1", "2"), 6, "0.000002"},  // half to even, up
           {"0.000005", ratio("1", "3"), 6, "0.000002"},
           {"12.34", ratio("20", "1"), 6, "246.800000"},
           {"5", ratio("1", "2"), 0, "2"},
           {"7", ratio("1", "2"), 0, "4"},
           {"9", ratio("1", "2"), 0, "4"},
           {"25933.6", ratio("4", "1"), 0, "103734"},
           {"1240037", ratio("1", "20"), 0, "62002"},
           {"-7", ratio("1", "2"), 0, "-4"},
           // At six decimals this is 3.500000, which would then become 4.
           {"10.4999999", ratio("1", "3"), 0, "3"},
           {"10.50000001", ratio("1", "3"), 0, "4"},
           {"0.1", ratio("1", "1.021"), 6, "0.097943"},
           {"10", ratio("1.5", "1"), 6, "15.000000"},
           {"300.34999999999997", ratio("1", "4"), 6, "75.087500"},
           {"99999999999999.999999", ratio("1", "999999999999999999"), 6, "0.000100"},
       }) {
    Decimal out;
    ASSERT_EQ(one.ratio.apply(number(one.value), one.scale, out), Fault::none) << one.value;
    EXPECT_EQ(out.to_string(), one.result) << one.value;
  }
}

TEST(Ratio, MultipliesWithoutLoss) {
  const Ratio third = ratio("1", "3");
  EXPECT_EQ(third.times(ratio("1", "2")), ratio("1", "6"));
  EXPECT_TRUE(third.times(third.inverse()).is_one());
  EXPECT_EQ(ratio("2", "4"), ratio("0.5", "1"));
  EXPECT_EQ(ratio("1", "1.021"), ratio("1000", "1021"));
}

TEST(Ratio, IsInvalidRatherThanWrong) {
  for (const Ratio& bad :
       {ratio("0", "1"), ratio("1", "0"), ratio("-1", "2"), ratio("1000000000000000001", "7"),
        ratio("999999999999999989", "1").times(ratio("999999999999999967", "1"))}) {
    EXPECT_FALSE(bad.valid());
    Decimal out;
    EXPECT_EQ(bad.apply(number("1"), 6, out), Fault::out_of_range);
    EXPECT_FALSE(bad.times(ratio("1", "2")).valid());
    EXPECT_FALSE(bad.inverse().valid());
  }
  Decimal out;
  EXPECT_EQ(ratio("999999999999999999", "1").apply(number("99999999999999999999999"), 6, out),
            Fault::out_of_range);
}

}  // namespace
}  // namespace icingest
