#include "icingest/decimal.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace icingest {
namespace {

std::string parsed(std::string_view token) {
  Decimal value;
  const Fault fault = Decimal::parse(token, value);
  return fault == Fault::none ? value.to_string() : std::string(to_string(fault));
}

TEST(Decimal, KeepsEveryDigitOfEveryJsonNumberForm) {
  struct Row {
    const char* token;
    const char* value;
  };
  const Row rows[] = {
      {"0", "0"},
      {"-0", "0"},
      {"41", "41"},
      {"-41", "-41"},
      {"25933.6", "25933.6"},
      {"642646396.0", "642646396.0"},
      {"1.24e+06", "1240000"},
      {"6.42646396e+08", "642646396"},
      {"2.4970168e+07", "24970168"},
      {"1e2", "100"},
      {"1E2", "100"},
      {"1.5e-3", "0.0015"},
      {"5e-1", "0.5"},
      {"0.000001", "0.000001"},
      {"-0.5", "-0.5"},
      {"0e10", "0"},
      {"0.0e-5", "0.000000"},
      {"1e00005", "100000"},
      {"1e-00003", "0.001"},
      {"0e99999", "0"},
      {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
      {"12345678901234567890.123456789", "12345678901234567890.123456789"},
      {"0.33333333333333331", "0.33333333333333331"},
      {"100e-38", "0.000000000000000000000000000000000001"},
  };
  for (const Row& row : rows) EXPECT_EQ(parsed(row.token), row.value) << row.token;
}

TEST(Decimal, RefusesWhatIsNoNumberOrTooLarge) {
  for (const char* token : {"", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "1ee2", "1.2.3", "0x10",
                            "NaN", "1 2", "1e-", "1e5x"}) {
    EXPECT_EQ(parsed(token), "malformed") << token;
  }
  for (const char* token : {"1e38", "100000000000000000000000000000000000000", "1e-40", "9e9999", "1e99999",
                            "1e-99999999999", "123456789012345678901234567890123456789"}) {
    EXPECT_EQ(parsed(token), "out_of_range") << token;
  }
}

std::string at_scale(std::string_view token, int scale) {
  Decimal value;
  EXPECT_EQ(Decimal::parse(token, value), Fault::none) << token;
  Int128 mantissa = 0;
  bool rounded = false;
  const Fault fault = value.at_scale(scale, mantissa, rounded);
  if (fault != Fault::none) return std::string(to_string(fault));
  return Decimal(mantissa, scale).to_string() + (rounded ? " rounded" : "");
}

TEST(Decimal, RoundsHalfToEvenAndSaysSo) {
  EXPECT_EQ(at_scale("25933.6", 0), "25934 rounded");
  EXPECT_EQ(at_scale("2.5", 0), "2 rounded");
  EXPECT_EQ(at_scale("3.5", 0), "4 rounded");
  EXPECT_EQ(at_scale("-2.5", 0), "-2 rounded");
  EXPECT_EQ(at_scale("-3.5", 0), "-4 rounded");
  EXPECT_EQ(at_scale("2.50001", 0), "3 rounded");
  EXPECT_EQ(at_scale("642646396.0", 0), "642646396");
  EXPECT_EQ(at_scale("41", 6), "41.000000");
  EXPECT_EQ(at_scale("0.0000005", 6), "0.000000 rounded");
  EXPECT_EQ(at_scale("0.0000015", 6), "0.000002 rounded");
  EXPECT_EQ(at_scale("99999999999999999999999999999999999999", 1), "out_of_range");
}

TEST(Decimal, ComparesByValue) {
  EXPECT_EQ(Decimal(150, 2), Decimal(15, 1));
  EXPECT_LT(Decimal(-1, 0), Decimal(-1, 1));
  EXPECT_LT(Decimal(1, 36), power_of_ten(37) == 0 ? Decimal() : Decimal(power_of_ten(37), 0));
  EXPECT_LT(Decimal(-power_of_ten(37), 0), Decimal(1, 36));
}

}  // namespace
}  // namespace icingest
