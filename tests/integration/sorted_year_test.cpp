// Years made from sorted rows, against a real server: whole, early, refused, and with rows that are there twice.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "load/prove.h"
#include "load/year_sorter.h"
#include "pg/schema.h"
#include "pg/year_partitions.h"
#include "support/bar_row.h"
#include "support/manual_clock.h"
#include "support/pg_gate.h"
#include "support/proofs.h"
#include "support/temp_dir.h"
#include "support/test_server.h"

namespace icingest::load {
namespace {

using test::BarRow;

constexpr auto kYears = test::kBarTable.partitioned_by_year("time");

class SortedYears : public ::testing::Test {
 protected:
  SortedYears() : db_(test::TestServer::instance().create_database()) {
    auto control = pg::Control::connect(db_);
    EXPECT_TRUE(pg::create_missing(*control, checkpoint::ledger_ddl(), {}));
    test::query(
        db_,
        R"(CREATE TABLE bars ("time" timestamptz NOT NULL, ticker varchar(32) NOT NULL, open numeric(20,6),
        high numeric(20,6), low numeric(20,6), close numeric(20,6), volume bigint, vwap numeric(20,6),
        "interval" varchar(10) NOT NULL DEFAULT '1day') PARTITION BY RANGE ("time"))");
    test::query(db_, R"(CREATE UNIQUE INDEX bars_key ON bars (ticker, "time", "interval"))");
    settings_.db = db_;
    sorting_.order = {1, 0, 8};
    sorting_.directory = dir_.path().string();
    sorting_.run_bytes = 20'000;
  }

  std::unique_ptr<LoadJob> job(Date session, int tickers, int first = 0) {
    auto job = std::make_unique<LoadJob>();
    job->unit = std::make_unique<Unit>(
        Unit{.key = "day/" + icingest::to_string(session) + "/" + std::to_string(first),
             .grain = Grain::session,
             .from = session,
             .to = session});
    job->table = &info_;
    job->way = Way::sorted;
    KeySet keys;
    const Universe everything = Universe::everything();
    RowSink<kYears> rows(job->batch, keys, everything);
    for (int i = tickers - 1; i >= 0; --i) {
      const std::string ticker = "T" + std::to_string(first + i);
      rows.emit(BarRow{.time = new_york::midnight(session), .ticker = ticker, .open = Decimal(100 + i, 0)},
                [] { return std::string_view(); });
    }
    job->write = {.unit = job->unit.get(),
                  .basis = session,
                  .rows = job->batch.row_count,
                  .digest = job->batch.digest,
                  .asked_at = Instant(std::chrono::seconds(1'790'000'000))};
    job->taken = [this](LoadJob* taken) {
      taken->batch.rows = Buffer();
      ++taken_;
    };
    job->done = [this](LoadJob* finished, const Result<void>& result) {
      const std::scoped_lock lock(mutex_);
      if (result && finished->write.state == checkpoint::UnitState::done) ++succeeded_;
      else failures_.push_back(finished->write.reason + (result ? "" : result.error().describe()));
    };
    return job;
  }

  std::unique_ptr<YearJob> end_of(int year) {
    auto job = std::make_unique<YearJob>();
    job->table = &info_;
    job->year = year;
    job->done = [this](const Result<void>&) { ++years_ended_; };
    return job;
  }

  void push(std::unique_ptr<LoadJob> job) {
    const std::size_t bytes = job->batch.rows.size();
    in_->push(std::move(job), bytes);
  }

  // What `feed` pushes, through a sorter and two loaders, to the end.
  void load(const std::function<void()>& feed) {
    LoadQueue sort_queue(std::size_t{64} << 20);
    LoadQueue queue(std::size_t{64} << 20);
    checkpoint::LedgerWriter ledger("bars", "00000000-0000-4000-8000-000000000001");
    in_.emplace(sort_queue);
    {
      YearSorter sorter(sorting_, sort_queue, queue, clock_, stop_);
      std::vector<std::thread> threads;
      std::vector<std::unique_ptr<Loader>> loaders;
      for (int i = 0; i < 2; ++i) {
        loaders.push_back(std::make_unique<Loader>(settings_, ledger, queue, budget_, system_, metrics_,
                                                   stop_, [this](const Error& error) { gave_up_ = error; }));
        threads.emplace_back([loader = loaders.back().get()] { loader->run(); });
      }
      threads.emplace_back([&] { sorter.run(); });
      feed();
      in_.reset();
      for (std::thread& thread : threads) thread.join();
    }
  }

  void expect_proved(std::int64_t rows) { test::expect_proved(db_, info_, rows); }

  static Date day(int year, int i) { return make_date(year, 3, 1) + std::chrono::days(i); }
  [[nodiscard]] std::string partitions() const {
    return test::query(
        db_,
        "SELECT coalesce(string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text), '') FROM pg_inherits "
        "WHERE inhparent = 'bars'::regclass");
  }

  test::TempDir dir_;
  const TableInfo info_ = describe(kYears);
  pg::DbConfig db_;
  LoaderSettings settings_;
  SorterSettings sorting_;
  test::ManualClock clock_;
  SystemClock system_;
  Budget budget_{std::size_t{64} << 20};
  Metrics metrics_;
  Stop stop_;
  std::optional<LoadQueue::Producer> in_;
  std::mutex mutex_;
  std::atomic<int> taken_{0};
  int succeeded_ = 0;
  std::atomic<int> years_ended_{0};
  std::vector<std::string> failures_;
  std::optional<Error> gave_up_;
};

TEST_F(SortedYears, AreMadeWholeInTheOrderOfTheirIndex) {
  load([&] {
    for (int i = 0; i < 20; ++i) push(job(day(2024, i), 50)), push(job(day(2023, i), 30));
    in_->push(end_of(2023), 0);
    in_->push(end_of(2024), 0);
  });
  EXPECT_EQ(succeeded_, 40);
  EXPECT_EQ(taken_, 40);
  EXPECT_EQ(years_ended_, 2);
  EXPECT_EQ(metrics_.commits.get(), 2);
  EXPECT_EQ(partitions(), "bars_2023 bars_2024");
  expect_proved(20 * 80);
  EXPECT_EQ(
      test::query(db_,
                  "SELECT count(*) FROM (SELECT ctid, lag(ctid) OVER (ORDER BY ticker, \"time\") AS before "
                  "FROM bars_2024) x WHERE before > ctid"),
      "0")
      << "the rows lie in the order of the index";
  EXPECT_EQ(
      test::query(db_,
                  "SELECT count(*) FROM pg_index WHERE indrelid = 'bars_2024'::regclass AND indisunique AND "
                  "indisvalid"),
      "1");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units WHERE state = 'done'"), "40");
}

TEST_F(SortedYears, AreNotThereBeforeTheyAreWhole) {
  load([&] {
    for (int i = 0; i < 5; ++i) push(job(day(2024, i), 50));
    while (taken_ < 5) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(partitions(), "");
    EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units"), "0");
  });
  EXPECT_EQ(partitions(), "bars_2024") << "the end of the run: what came is good";
  expect_proved(250);
}

TEST_F(SortedYears, ThatTakeLongAreLoadedAsFarAsTheyCameAndTheRestAsItComes) {
  load([&] {
    for (int i = 0; i < 5; ++i) push(job(day(2024, i), 50));
    while (taken_ < 5) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    clock_.advance(std::chrono::minutes(2));
    for (int i = 5; i < 9; ++i) push(job(day(2024, i), 50));
    in_->push(end_of(2024), 0);
  });
  EXPECT_EQ(succeeded_, 9);
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(years_ended_, 1);
  expect_proved(450);
}

TEST_F(SortedYears, WithoutDiskAreLoadedAsTheyCome) {
  sorting_.directory = (dir_.path() / "missing").string();
  load([&] {
    for (int i = 0; i < 40; ++i) push(job(day(2024, i), 50));
    in_->push(end_of(2024), 0);
  });
  EXPECT_EQ(succeeded_, 40);
  expect_proved(2000);
}

TEST_F(SortedYears, WithARowTwiceGoThroughStaging) {
  load([&] {
    push(job(day(2024, 0), 50));
    push(job(day(2024, 0), 50, 25));  // half of the first one's tickers
    in_->push(end_of(2024), 0);
  });
  EXPECT_TRUE(failures_.empty()) << failures_.front();
  EXPECT_EQ(succeeded_, 2);
  expect_proved(75);
}

TEST_F(SortedYears, OfWhichTheServerRefusesARowAreFailedAndSaidSo) {
  test::query(db_, "ALTER TABLE bars ADD CONSTRAINT small CHECK (open < 140)");
  load([&] {
    push(job(day(2024, 0), 50));
    push(job(day(2024, 1), 10));
    in_->push(end_of(2024), 0);
  });
  EXPECT_EQ(succeeded_, 0);
  EXPECT_EQ(failures_, (std::vector<std::string>{"sqlstate_23514", "sqlstate_23514"}));
  EXPECT_EQ(partitions(), "");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units WHERE state = 'failed'"), "2");
  expect_proved(0);
}

TEST_F(SortedYears, SurviveALostConnectionAndACommitInDoubt) {
  for (const bool in_doubt : {false, true}) {
    test::PgGate gate(db_);
    settings_.db = gate.config();
    if (in_doubt) gate.cut_after_commit(1);
    else gate.cut_after_copy_bytes(30'000);
    succeeded_ = 0;
    const int year = in_doubt ? 2022 : 2021;
    load([&] {
      for (int i = 0; i < 20; ++i) push(job(day(year, i), 50));
      in_->push(end_of(year), 0);
    });
    EXPECT_GE(gate.cuts(), 1);
    EXPECT_EQ(succeeded_, 20);
  }
  expect_proved(2000);
}

TEST_F(SortedYears, ThatAreThereAlreadyAreMerged) {
  test::query(
      db_,
      "CREATE TABLE bars_2024 PARTITION OF bars FOR VALUES FROM ('2024-01-01 00:00 America/New_York') TO "
      "('2025-01-01 00:00 America/New_York')");
  load([&] {
    push(job(day(2024, 0), 50));
    in_->push(end_of(2024), 0);
  });
  EXPECT_EQ(succeeded_, 1);
  expect_proved(50);
}

}  // namespace
}  // namespace icingest::load
