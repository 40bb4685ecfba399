#include "load/tuples.h"

#include <gtest/gtest.h>

#include <random>

#include "support/bar_row.h"

namespace icingest::load {
namespace {

using test::BarRow;
using test::kBarTable;

// Our own tuples as a COPY TO stream, cut into pieces of random size.
TEST(TupleReader, ReadsAStreamInPiecesOfAnySize) {
  Buffer tuples;
  std::vector<Digest> digests;
  for (int i = 0; i < 50; ++i) {
    const std::string ticker = "T" + std::to_string(i);
    BarRow row{.time = new_york::midnight(make_date(2024, 1, 2) + std::chrono::days(i)),
               .ticker = ticker,
               .open = Decimal(i, 2),
               .volume = Decimal(i * 100, 0)};
    if (i % 2 == 0) row.vwap = Decimal(1'000'000 + i, 6);
    digests.push_back(copy::encode_row<kBarTable>(row, tuples).digest);
  }
  const std::string stream =
      std::string(copy::kHeader) + std::string(tuples.view()) + std::string(copy::kTrailer);
  const TableInfo info = describe(kBarTable);
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<Digest> seen;
    Buffer scratch;
    TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
      EXPECT_EQ(fields.size(), info.columns.size());
      seen.push_back(digest_of_fields(info, fields.data(), scratch));
      return {};
    });
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t piece = 1 + random() % 200;
      ASSERT_TRUE(reader.feed(std::string_view(stream).substr(at, piece)));
      at += piece;
    }
    ASSERT_TRUE(reader.finish());
    EXPECT_EQ(seen, digests);
  }
}

TEST(TupleReader, NoticesAStreamWithoutItsEnd) {
  TupleReader reader([](const std::vector<Field>&) -> Result<void> { return {}; });
  ASSERT_TRUE(reader.feed(copy::kHeader));
  EXPECT_FALSE(reader.finish());
}

TEST(Staged, CarriesTheDigestBehindEachRow) {
  Buffer tuples;
  const BarRow row{.time = new_york::midnight(make_date(2024, 1, 2)),
                   .ticker = "A",
                   .open = Decimal(5, 0),
                   .volume = Decimal(1, 0)};
  const Digest digest = copy::encode_row<kBarTable>(row, tuples).digest;
  Buffer staged;
  append_staged(tuples.view(), staged);
  EXPECT_EQ(staged.size(), tuples.size() + 24);
  const std::string tail(staged.view().substr(staged.size() - 24));
  std::uint64_t halves[2] = {};
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 8; ++i)
      halves[half] =
          halves[half] << 8 | static_cast<unsigned char>(tail[static_cast<std::size_t>(half * 12 + 4 + i)]);
  }
  EXPECT_EQ(static_cast<std::uint32_t>(halves[0]), digest.lanes[0]);
  EXPECT_EQ(static_cast<std::uint32_t>(halves[0] >> 32), digest.lanes[1]);
  EXPECT_EQ(static_cast<std::uint32_t>(halves[1]), digest.lanes[2]);
  EXPECT_EQ(static_cast<std::uint32_t>(halves[1] >> 32), digest.lanes[3]);
}

}  // namespace
}  // namespace icingest::load
