#include "icingest/copy_encoder.h"

#include <gtest/gtest.h>

#include <random>

#include "support/bar_row.h"
#include "support/slow_encoder.h"

namespace icingest {
namespace {

using test::BarRow;
using test::kBarTable;

std::string bytes_of(Int128 mantissa, int scale) {
  char buffer[copy::detail::kNumericMax];
  const char* const end = copy::detail::put_numeric(buffer, mantissa, scale);
  return {static_cast<const char*>(buffer), end};
}

// Golden bytes. Each is what PostgreSQL 15 gives for SELECT numeric_send('…'::numeric(20,6)), zero groups
// kept.
TEST(CopyEncoder, WritesKnownNumericBytes) {
  // 1234.5
  EXPECT_EQ(bytes_of(1'234'500'000, 6), std::string("\0\0\0\x0e\0\3\0\0\0\0\0\6\x04\xd2\x13\x88\0\0", 18));
  // 0
  EXPECT_EQ(bytes_of(0, 6), std::string("\0\0\0\x08\0\0\0\0\0\0\0\6", 12));
  // -0.5
  EXPECT_EQ(bytes_of(-500'000, 6), std::string("\0\0\0\x0c\0\2\xff\xff\x40\0\0\6\x13\x88\0\0", 16));
  // 42
  EXPECT_EQ(bytes_of(42, 0), std::string("\0\0\0\x0a\0\1\0\0\0\0\0\0\0\x2a", 14));
  // 0.000012
  EXPECT_EQ(bytes_of(12, 6), std::string("\0\0\0\x0c\0\2\xff\xff\0\0\0\6\0\0\x04\xb0", 16));
}

TEST(CopyEncoder, AgreesWithTheSlowOneOnRandomNumbers) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 100'000; ++i) {
    const int scale = static_cast<int>(random() % 13);
    Int128 mantissa = static_cast<Int128>(random()) >> (random() % 64);
    if (random() % 8 == 0) mantissa *= static_cast<Int128>(random() % 1'000'000'000'000'000'000u);
    if (random() % 2 == 0) mantissa = -mantissa;
    ASSERT_EQ(bytes_of(mantissa, scale), test::slow_numeric(Decimal(mantissa, scale).to_string(), scale))
        << Decimal(mantissa, scale).to_string() << " at scale " << scale;
  }
}

TEST(CopyEncoder, AgreesWithTheSlowOneAtTheEdges) {
  for (int scale = 0; scale <= Decimal::kMaxScale; ++scale) {
    for (const Int128 mantissa :
         {Int128{0}, Int128{1}, Int128{9'999}, Int128{10'000}, Int128{10'001}, (Int128{1} << 64) - 1,
          Int128{1} << 64, power_of_ten(37), power_of_ten(37) * 10 - 1}) {
      ASSERT_EQ(bytes_of(mantissa, scale), test::slow_numeric(Decimal(mantissa, scale).to_string(), scale))
          << scale;
    }
  }
}

BarRow bar() {
  return {.time = new_york::midnight(make_date(2020, 1, 2)),
          .ticker = "BRK.B",
          .open = Decimal(1'234'5, 1),
          .high = Decimal(1240, 0),
          .low = Decimal(12'301'234'567, 7),
          .close = Decimal(1239, 0),
          .volume = Decimal(25'933'6, 1),
          .vwap = std::nullopt};
}

TEST(CopyEncoder, WritesAWholeRowAsTheSlowOneDoes) {
  Buffer out;
  const copy::Encoded encoded = copy::encode_row<kBarTable>(bar(), out);
  ASSERT_EQ(encoded.fault, Fault::none);
  const std::int64_t microseconds = (bar().time - copy::kPgEpoch).count();
  const std::string expected =
      std::string("\0\x09", 2) + test::slow_int8(microseconds) + test::slow_text("BRK.B") +
      test::slow_numeric("1234.5", 6) + test::slow_numeric("1240", 6) + test::slow_numeric("1230.123457", 6) +
      test::slow_numeric("1239", 6) + test::slow_int8(25934) + test::kSlowNull + test::slow_text("1day");
  EXPECT_EQ(out.view(), expected);
  EXPECT_EQ(encoded.rounded, 2) << "the low's seventh decimal and the volume's fraction";
  EXPECT_EQ(encoded.bucket, make_date(2020, 1, 2).time_since_epoch().count());
}

// A row with one thing wrong leaves the buffer as it was and names the column.
void expect_fault(const BarRow& row, Fault fault, std::size_t column) {
  Buffer out;
  out.append("before");
  const copy::Encoded encoded = copy::encode_row<kBarTable>(row, out);
  EXPECT_EQ(encoded.fault, fault);
  EXPECT_EQ(encoded.column, column);
  EXPECT_EQ(out.view(), "before");
}

TEST(CopyEncoder, RejectsNulInText) {
  BarRow row = bar();
  row.ticker = std::string_view("A\0B", 3);
  expect_fault(row, Fault::nul_in_text, 1);
}

TEST(CopyEncoder, RejectsTextLongerThanItsColumnInCharacters) {
  BarRow row = bar();
  const std::string long_name(33, 'A');
  row.ticker = long_name;
  expect_fault(row, Fault::too_long, 1);
  std::string accents;
  for (int i = 0; i < 32; ++i) accents += "é";  // 64 bytes, 32 characters
  row.ticker = accents;
  Buffer out;
  EXPECT_EQ(copy::encode_row<kBarTable>(row, out).fault, Fault::none);
}

TEST(CopyEncoder, RejectsNumbersThatDoNotFitTheirColumn) {
  BarRow row = bar();
  EXPECT_EQ(Decimal::parse("99999999999999.999999", row.high), Fault::none);
  Buffer out;
  EXPECT_EQ(copy::encode_row<kBarTable>(row, out).fault, Fault::none);
  EXPECT_EQ(Decimal::parse("100000000000000", row.high), Fault::none);
  expect_fault(row, Fault::out_of_range, 3);
  EXPECT_EQ(Decimal::parse("99999999999999.9999995", row.high), Fault::none)
      << "rounds up to one digit too many";
  expect_fault(row, Fault::out_of_range, 3);
  row = bar();
  EXPECT_EQ(Decimal::parse("9223372036854775808", row.volume), Fault::none);
  expect_fault(row, Fault::out_of_range, 6);
}

TEST(CopyEncoder, HashesKeysAndNothingElse) {
  Buffer out;
  BarRow other = bar();
  other.close = Decimal(1, 0);
  const copy::Encoded one = copy::encode_row<kBarTable>(bar(), out);
  const copy::Encoded two = copy::encode_row<kBarTable>(other, out);
  EXPECT_EQ(one.key_hash, two.key_hash);
  EXPECT_NE(one.digest, two.digest);
  other.ticker = "BRK.A";
  EXPECT_NE(copy::encode_row<kBarTable>(other, out).key_hash, one.key_hash);
}

TEST(RowSink, DropsRepetitionsAndRejectsContradictions) {
  Batch batch;
  KeySet keys;
  const Universe everything = Universe::everything();
  RowSink<kBarTable> rows(batch, keys, everything);
  const auto raw = [] { return std::string_view("{raw}"); };
  BarRow other = bar();
  other.close = Decimal(7, 0);
  rows.emit(bar(), raw);
  rows.emit(bar(), raw);
  rows.emit(other, raw);
  EXPECT_EQ(batch.row_count, 1);
  EXPECT_EQ(batch.duplicates, 1);
  ASSERT_EQ(batch.rejects.size(), 1U);
  EXPECT_EQ(batch.rejects[0].fault, Fault::duplicate_key);
  EXPECT_EQ(batch.rejects[0].raw, "{raw}");
  Buffer alone;
  EXPECT_EQ(copy::encode_row<kBarTable>(bar(), alone).digest, batch.digest);
  EXPECT_EQ(batch.rows.view(), alone.view()) << "what was taken back is gone from the buffer";
}

TEST(KeySet, SurvivesGrowthAndClearing) {
  KeySet keys;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < 5000; ++i)
      ASSERT_EQ(keys.insert(i * 0x9E3779B97F4A7C15u, i), KeySet::kNew) << i;
    for (std::uint32_t i = 0; i < 5000; ++i) ASSERT_EQ(keys.insert(i * 0x9E3779B97F4A7C15u, 1), i);
    keys.clear();
  }
}

TEST(Digest, IsASumThatCanBeTakenApart) {
  const Digest a{{1, 0xFFFFFFFF, 3, 4}};
  const Digest b{{5, 6, 0xFFFFFFFE, 8}};
  Digest sum = a;
  sum.add(b);
  EXPECT_EQ(to_string(sum), "00000006000000050000000100" + std::string("00000c"));
  sum.subtract(a);
  EXPECT_EQ(sum, b);
}

TEST(Universe, KnowsItsSymbolsByCase) {
  const Universe some = Universe::of({"ZQXpA", "A", "A"});
  EXPECT_TRUE(some.contains("ZQXpA"));
  EXPECT_FALSE(some.contains("ZQXPA"));
  EXPECT_EQ(some.symbols().size(), 2U);
  EXPECT_TRUE(Universe::everything().contains("anything"));
  EXPECT_NE(some.fingerprint(), Universe::of({"A"}).fingerprint());
}

}  // namespace
}  // namespace icingest
