// What the encoder wrote, as PostgreSQL reads it.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/text.h"
#include "load/prove.h"
#include "load/staging.h"
#include "load/tuples.h"
#include "support/bar_row.h"
#include "support/decoding.h"
#include "support/shared_data.h"
#include "support/test_server.h"
#include "support/tsv.h"

namespace icingest {
namespace {

using test::BarRow;
using test::kBarTable;

class Copying : public ::testing::Test {
 protected:
  Copying()
      : db_(test::TestServer::instance().create_database()),
        conn_(*pg::PgConn::connect(db_, std::chrono::seconds(10))) {
    run(test::kBarDdl);
  }

  void run(const std::string& sql) {
    const auto result = conn_.exec(sql);
    ASSERT_TRUE(result.has_value()) << sql << ": " << result.error().describe();
  }
  // COPY of encoded tuples; the rows the server took.
  std::int64_t copy(const std::string& sql, std::string_view tuples) {
    EXPECT_TRUE(conn_.copy_begin(sql));
    EXPECT_TRUE(conn_.copy_send(copy::kHeader));
    EXPECT_TRUE(conn_.copy_send(tuples));
    EXPECT_TRUE(conn_.copy_send(copy::kTrailer));
    const auto rows = conn_.copy_end();
    EXPECT_TRUE(rows.has_value()) << rows.error().describe();
    return rows.value_or(-1);
  }
  std::int64_t copy_bars(std::string_view tuples) {
    return copy("COPY bars (" + load::column_list(info_) + ") FROM STDIN (FORMAT binary)", tuples);
  }
  // Rows as text in the form of to_tsv.
  std::string read_back(const std::string& table) {
    std::string text;
    const auto copied = conn_.copy_out(
        "COPY (SELECT to_char(\"time\" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), ticker, open, high, low, close, volume, vwap, \"interval\" FROM " +
            table + ") TO STDOUT",
        [&](std::string_view bytes) -> Result<void> {
          text += bytes;
          return {};
        });
    EXPECT_TRUE(copied.has_value()) << copied.error().describe();
    return sorted_lines(text);
  }
  // The server puts rows where it finds room, so order says nothing.
  static std::string sorted_lines(const std::string& text) {
    std::vector<std::string_view> lines = text::split(text, '\n');
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const std::string_view line : lines) (all += line) += '\n';
    return all;
  }
  static std::string as_text(const TableInfo& table, std::string_view tuples) {
    const std::string tsv = test::to_tsv(table, tuples);
    return sorted_lines(tsv.substr(tsv.find('\n') + 1));
  }

  TableInfo info_ = describe(kBarTable);
  pg::DbConfig db_;
  pg::PgConn conn_;
};

TEST_F(Copying, TheWholeRecordedMarketComesBackToTheLastDigit) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Route& grouped = test::route("prices", "grouped");
  const Unit unit{
      .key = "day", .grain = Grain::session, .from = make_date(2019, 2, 1), .to = make_date(2019, 2, 1)};
  const auto decoded = test::decode(
      grouped, unit, test::read_shared("polygon/recorded-2020/grouped_daily_2019-02-01.json.gz"));
  EXPECT_EQ(copy_bars(decoded.batch.rows.view()), 8374);
  EXPECT_TRUE(read_back("bars") == as_text(grouped.load.table, decoded.batch.rows.view()));
}

// A row of random numbers; every hundredth at an edge.
BarRow random_bar(std::mt19937_64& random, const std::string& ticker, int day) {
  const auto number = [&](int scale) {
    const Int128 mantissa =
        static_cast<Int128>(random() >> (random() % 64)) % power_of_ten(14 + std::min(scale, 6));
    return Decimal(random() % 4 == 0 ? -mantissa : mantissa, scale);
  };
  BarRow row{.time = new_york::midnight(make_date(2016, 1, 4) + std::chrono::days(day)),
             .ticker = ticker,
             .open = number(static_cast<int>(random() % 12)),
             .high = number(6),
             .low = random() % 100 == 0 ? Decimal(power_of_ten(20) - 1, 6) : number(2),
             .close = random() % 100 == 0 ? Decimal(0, 0) : number(0),
             .volume = Decimal(static_cast<std::int64_t>(random()), 0)};
  if (random() % 3 != 0) row.vwap = number(4);
  return row;
}

TEST_F(Copying, RandomRowsComeBackAndProveTheirDigest) {
  std::mt19937_64 random(17);
  Buffer tuples;
  checkpoint::Proofs expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string ticker = "T" + std::to_string(i % 100);
    const auto encoded = copy::encode_row<kBarTable>(random_bar(random, ticker, i / 100), tuples);
    ASSERT_EQ(encoded.fault, Fault::none);
    ++expected[encoded.bucket].rows;
    expected[encoded.bucket].digest.add(encoded.digest);
  }
  EXPECT_EQ(copy_bars(tuples.view()), 20'000);
  EXPECT_TRUE(read_back("bars") == as_text(info_, tuples.view()));
  const auto proofs = load::prove(conn_, info_);
  ASSERT_TRUE(proofs) << proofs.error().describe();
  ASSERT_EQ(proofs->size(), expected.size());
  for (const auto& [bucket, proof] : expected) {
    EXPECT_EQ(proofs->at(bucket).rows, proof.rows);
    EXPECT_EQ(proofs->at(bucket).digest, proof.digest) << bucket;
  }
}

TEST_F(Copying, RowsOfOtherIntervalsAreNobodysBusiness) {
  run("INSERT INTO bars VALUES ('2024-01-02 05:00Z', 'A', 1, 1, 1, 1, 1, 1, '1min')");
  const auto proofs = load::prove(conn_, info_);
  ASSERT_TRUE(proofs);
  EXPECT_TRUE(proofs->empty());
}

class Staging : public Copying {
 protected:
  void stage_and_merge(const std::vector<BarRow>& rows) {
    Buffer tuples;
    Buffer staged;
    for (const BarRow& row : rows) ASSERT_EQ(copy::encode_row<kBarTable>(row, tuples).fault, Fault::none);
    load::append_staged(tuples.view(), staged);
    run("BEGIN");
    ASSERT_TRUE(created_ || staging_.create(conn_).has_value());
    created_ = true;
    copy(staging_.copy_sql(), staged.view());
    auto merged = staging_.merge(conn_);
    ASSERT_TRUE(merged.has_value()) << merged.error().describe();
    merged_ = std::move(*merged);
    run("COMMIT");
    for (const BucketDelta& delta : merged_.deltas) {
      ledger_[delta.bucket].rows += delta.rows;
      ledger_[delta.bucket].digest.add(delta.digest);
    }
    const auto actual = load::prove(conn_, info_);
    ASSERT_TRUE(actual);
    ASSERT_EQ(actual->size(), ledger_.size());
    for (const auto& [bucket, proof] : *actual) {
      EXPECT_EQ(proof.rows, ledger_[bucket].rows) << bucket;
      EXPECT_EQ(proof.digest, ledger_[bucket].digest) << bucket;
    }
  }
  static std::vector<BarRow> some_rows(std::uint64_t seed, int count) {
    static std::vector<std::string> tickers = [] {
      std::vector<std::string> names;
      for (int i = 0; i < 50; ++i) names.push_back("T" + std::to_string(i));
      return names;
    }();
    std::mt19937_64 random(seed);
    std::vector<BarRow> rows;
    for (int i = 0; i < count; ++i)
      rows.push_back(random_bar(random, tickers[static_cast<std::size_t>(i % 50)], i / 50));
    return rows;
  }

  load::Staging staging_{info_};
  bool created_ = false;
  load::Merged merged_;
  checkpoint::Proofs ledger_;
};

TEST_F(Staging, MergesOnlyWhatIsNewOrDiffers) {
  std::vector<BarRow> rows = some_rows(1, 500);
  stage_and_merge(rows);
  EXPECT_EQ(merged_.inserted, 500);
  stage_and_merge(rows);
  EXPECT_EQ(merged_.inserted + merged_.updated, 0);
  EXPECT_EQ(merged_.unchanged, 500);
  rows[7].close = Decimal(123, 2);
  rows[8].vwap.reset();
  std::vector<BarRow> more = some_rows(2, 550);
  rows.insert(rows.end(), more.begin() + 500, more.end());
  stage_and_merge(rows);
  EXPECT_EQ(merged_.inserted, 50);
  EXPECT_GE(merged_.updated, 1);
  EXPECT_LE(merged_.updated, 2) << "the vwap may have been null before";
}

TEST_F(Staging, UnchangedRowsLeaveNoTraceOnTheTable) {
  const std::vector<BarRow> rows = some_rows(3, 2000);
  stage_and_merge(rows);
  const std::string before = test::query(
      db_, "SELECT md5(string_agg(ctid::text || xmin::text || xmax::text, ',' ORDER BY ctid)) FROM bars");
  stage_and_merge(rows);
  EXPECT_EQ(
      test::query(
          db_, "SELECT md5(string_agg(ctid::text || xmin::text || xmax::text, ',' ORDER BY ctid)) FROM bars"),
      before);
}

}  // namespace
}  // namespace icingest
