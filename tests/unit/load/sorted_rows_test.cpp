// Rows come back in key order, all of them, whatever order and however many runs they came in.
#include "load/sorted_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "load/tuple_bytes.h"
#include "support/bar_row.h"
#include "support/temp_dir.h"

namespace icingest::load {
namespace {

using test::BarRow;
using test::kBarTable;

const KeyOrder kOrder = {1, 0, 8};  // ticker, time, interval

struct Key {
  std::string ticker;
  Instant time;
  auto operator<=>(const Key&) const = default;
};

class SortedRowsTest : public ::testing::Test {
 protected:
  std::string tuple_of(const Key& key) {
    Buffer out;
    EXPECT_EQ(
        copy::encode_row<kBarTable>(
            BarRow{.time = key.time, .ticker = key.ticker, .open = Decimal(random_() % 100'000, 2)}, out)
            .fault,
        Fault::none);
    return std::string(out.view());
  }

  static std::string drained(SortedRows& rows) {
    std::string all;
    EXPECT_TRUE(rows.drain([&](std::string_view piece) -> Result<void> {
      all += piece;
      return {};
    }));
    return all;
  }

  // Whole tuples, each with the key it has.
  static std::vector<std::string> split(std::string_view tuples) {
    std::vector<std::string> all;
    while (!tuples.empty()) {
      const std::size_t size = tuple_size(tuples.data());
      all.emplace_back(tuples.substr(0, size));
      tuples.remove_prefix(size);
    }
    return all;
  }

  test::TempDir dir_;
  std::mt19937 random_{20261125};
  const TableInfo info_ = describe(kBarTable);
};

TEST_F(SortedRowsTest, GivesBackEveryRowInKeyOrder) {
  // Longer than a prefix, of other scripts, each other's beginning; and times on both sides of PostgreSQL's epoch.
  std::vector<std::string> tickers = {"A",
                                      "AA",
                                      "AAPL",
                                      "BRK.A",
                                      "BRK.B",
                                      "ÄÖ",
                                      "ABCDEFGH",
                                      "ABCDEFGHI",
                                      "ABCDEFGHJ",
                                      "ABCDEFGHIJKLMNO",
                                      "ABCDEFGHIJKLMNOP",
                                      "z",
                                      "Z"};
  for (int i = 0; i < 200; ++i) tickers.push_back("T" + std::to_string(random_() % 10'000));
  std::sort(tickers.begin(), tickers.end());
  tickers.erase(std::unique(tickers.begin(), tickers.end()), tickers.end());
  std::vector<std::pair<Key, std::string>> expected;
  for (const std::string& ticker : tickers) {
    for (int day = -20; day < 20; ++day) {
      const Key key{ticker, copy::kPgEpoch + std::chrono::hours(24) * (7 * day)};
      expected.emplace_back(key, tuple_of(key));
    }
  }
  std::vector<std::string> shuffled;
  for (const auto& [key, tuple] : expected) shuffled.push_back(tuple);
  std::shuffle(shuffled.begin(), shuffled.end(), random_);
  std::sort(expected.begin(), expected.end());
  std::string whole;
  for (const auto& [key, tuple] : expected) whole += tuple;

  for (const std::size_t run_bytes : {std::size_t{1} << 30, std::size_t{200'000}, std::size_t{5'000}}) {
    SortedRows rows(info_, kOrder, run_bytes, dir_.path().string());
    for (std::size_t at = 0; at < shuffled.size();) {
      std::string batch;
      for (std::size_t left = 1 + random_() % 50; left > 0 && at < shuffled.size(); --left)
        batch += shuffled[at++];
      ASSERT_TRUE(rows.add(batch));
    }
    EXPECT_EQ(rows.bytes(), whole.size());
    EXPECT_EQ(drained(rows), whole) << run_bytes;
    EXPECT_EQ(drained(rows), whole) << "a second time, because the first transaction was lost";
    rows.let_go();
    EXPECT_EQ(drained(rows), whole) << "with nothing in memory";
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path())) << "a file that a killed process would leave behind";
}

TEST_F(SortedRowsTest, KeepsRowsOfOneKey) {
  SortedRows rows(info_, kOrder, 3'000, dir_.path().string());
  std::vector<std::string> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(tuple_of({"ABCDEFGHIJKLMNOPQ", copy::kPgEpoch}));
    ASSERT_TRUE(rows.add(all.back()));
  }
  std::vector<std::string> back = split(drained(rows));
  std::sort(all.begin(), all.end());
  std::sort(back.begin(), back.end());
  EXPECT_EQ(back, all);
}

TEST_F(SortedRowsTest, IsEmptyWhenNothingCame) {
  SortedRows rows(info_, kOrder, 1'000, dir_.path().string());
  EXPECT_EQ(drained(rows), "");
  ASSERT_TRUE(rows.add(""));
  EXPECT_EQ(drained(rows), "");
}

TEST_F(SortedRowsTest, LosesNothingWhereThereIsNoDisk) {
  SortedRows rows(info_, kOrder, 1'000, (dir_.path() / "missing").string());
  std::size_t kept = 0;
  Result<void> added;
  while (true) {
    const std::string tuple = tuple_of({"T" + std::to_string(kept), copy::kPgEpoch});
    added = rows.add(tuple);
    if (!added) break;
    ++kept;
  }
  EXPECT_NE(added.error().describe().find("missing"), std::string::npos) << added.error().describe();
  EXPECT_NE(added.error().describe().find("TMPDIR"), std::string::npos);
  EXPECT_GT(kept, 0U);
  EXPECT_EQ(split(drained(rows)).size(), kept);
}

TEST_F(SortedRowsTest, StopsWhereTheReceiverDoes) {
  SortedRows rows(info_, kOrder, 1'000, dir_.path().string());
  ASSERT_TRUE(rows.add(tuple_of({"A", copy::kPgEpoch})));
  const Result<void> drained =
      rows.drain([](std::string_view) -> Result<void> { return later_error("lost"); });
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().message, "lost");
}

}  // namespace
}  // namespace icingest::load
