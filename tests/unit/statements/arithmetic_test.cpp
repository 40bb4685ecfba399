#include "statements/arithmetic.h"

#include <gtest/gtest.h>

namespace icingest::statements {
namespace {

Decimal decimal(std::string_view text) {
  Decimal value;
  EXPECT_EQ(Decimal::parse(text, value), Fault::none) << text;
  return value;
}

TEST(Arithmetic, SumsAndDifferencesAreExactAcrossScales) {
  EXPECT_EQ(plus(decimal("0.1"), decimal("0.02")), decimal("0.12"));
  EXPECT_EQ(minus(decimal("6.08"), decimal("5.11")), decimal("0.97"));
  EXPECT_EQ(minus(decimal("-5"), decimal("3.5")), decimal("-8.5"));
  EXPECT_FALSE(plus(decimal("99999999999999999999999999999999999999"), decimal("1")));
}

TEST(Arithmetic, QuotientsAreRoundedHalfEven) {
  struct Case {
    const char *a, *b;
    int places;
    const char* quotient;
  };
  for (const Case& one :
       {Case{"2", "3", 4, "0.6667"}, Case{"1", "8", 2, "0.12"}, Case{"3", "8", 2, "0.38"},
        Case{"-1", "8", 2, "-0.12"}, Case{"-2", "3", 0, "-1"}, Case{"5.98", "10", 6, "0.598"},
        Case{"1", "0.5", 0, "2"}, Case{"100000000000000", "0.0003", 2, "333333333333333333.33"}}) {
    EXPECT_EQ(divide(decimal(one.a), decimal(one.b), one.places), decimal(one.quotient))
        << one.a << "/" << one.b;
  }
  EXPECT_FALSE(divide(decimal("1"), decimal("0"), 2));
}

TEST(Arithmetic, TrimmingKeepsTheValue) {
  EXPECT_EQ(trimmed(decimal("1.500")).to_string(), "1.5");
  EXPECT_EQ(trimmed(decimal("100")).to_string(), "100");
  EXPECT_EQ(trimmed(decimal("0.00")).to_string(), "0");
}

}  // namespace
}  // namespace icingest::statements
