// The loader against a real server: what is committed, what is not, and what the ledger says of it.
#include "load/loader.h"

#include <gtest/gtest.h>

#include <thread>

#include "load/prove.h"
#include "pg/schema.h"
#include "support/bar_row.h"
#include "support/pg_gate.h"
#include "support/proofs.h"
#include "support/test_server.h"

namespace icingest::load {
namespace {

using checkpoint::UnitState;
using test::BarRow;
using test::kBarTable;

class Loading : public ::testing::Test {
 protected:
  Loading() : db_(test::TestServer::instance().create_database()) {
    auto control = pg::Control::connect(db_);
    EXPECT_TRUE(pg::create_missing(*control, checkpoint::ledger_ddl(), {}));
    test::query(db_, test::kBarDdl);
    settings_.db = db_;
    settings_.commit_age = std::chrono::milliseconds(50);
    settings_.outage_patience = std::chrono::seconds(20);
  }

  // One session of bars for `tickers` tickers, prices offset by `version`.
  std::unique_ptr<LoadJob> session_job(Date session, int tickers, int version = 0, bool staged = false) {
    auto job = new_job({.key = "day/" + icingest::to_string(session),
                        .grain = Grain::session,
                        .from = session,
                        .to = session});
    job->staged = staged;
    KeySet keys;
    RowSink<kBarTable> rows(job->batch, keys, everything_);
    for (int i = 0; i < tickers; ++i) {
      emit(rows, session, "T" + std::to_string(i), 100 + i + version, i);
    }
    return with_write(std::move(job));
  }

  // One bar of `ticker` for each of `days` days.
  std::unique_ptr<LoadJob> history_job(const std::string& ticker, int days) {
    auto job =
        new_job({.key = "ticker/" + ticker, .grain = Grain::symbol, .from = day(0), .to = day(days - 1)});
    KeySet keys;
    RowSink<kBarTable> rows(job->batch, keys, everything_);
    for (int i = 0; i < days; ++i) emit(rows, day(i), ticker, 100 + i, i);
    return with_write(std::move(job));
  }

  std::unique_ptr<LoadJob> new_job(Unit unit) {
    auto job = std::make_unique<LoadJob>();
    job->unit = std::make_unique<Unit>(std::move(unit));
    job->table = &info_;
    return job;
  }
  static void emit(RowSink<kBarTable>& rows, Date session, const std::string& ticker, int open, int volume) {
    rows.emit(BarRow{.time = new_york::midnight(session),
                     .ticker = ticker,
                     .open = Decimal(open, 0),
                     .volume = Decimal(volume, 0)},
              [] { return std::string_view(); });
  }
  std::unique_ptr<LoadJob> with_write(std::unique_ptr<LoadJob> job) {
    const Date session = job->unit->to;
    job->write = {.unit = job->unit.get(),
                  .basis = session,
                  .rows = job->batch.row_count,
                  .digest = job->batch.digest,
                  .asked_at = Instant(std::chrono::seconds(1'790'000'000)),
                  .expected_generation = generations_[job->unit->key]};
    job->done = [this](LoadJob* finished, const Result<void>& result) {
      if (result) {
        ++succeeded_;
        generations_[finished->unit->key] = finished->write.expected_generation + 1;
      } else {
        failures_.push_back(finished->unit->key + ": " + result.error().describe());
      }
    };
    return job;
  }
  // Runs these jobs through one loader to the end.
  void load(std::vector<std::unique_ptr<LoadJob>> jobs) {
    LoadQueue queue(std::size_t{64} << 20);
    checkpoint::LedgerWriter ledger("bars", "00000000-0000-4000-8000-000000000001");
    Loader loader(settings_, ledger, queue, budget_, clock_, metrics_, stop_,
                  [this](const Error& error) { gave_up_ = error; });
    std::thread thread([&] { loader.run(); });
    {
      LoadQueue::Producer producer(queue);
      for (auto& job : jobs) {
        const std::size_t bytes = job->batch.rows.size();
        producer.push(std::move(job), bytes);
      }
    }
    thread.join();
  }
  void expect_proved(std::int64_t rows) { test::expect_proved(db_, info_, rows); }
  static Date day(int i) { return make_date(2024, 1, 1) + std::chrono::days(i); }

  const Universe everything_ = Universe::everything();
  TableInfo info_ = describe(kBarTable);
  pg::DbConfig db_;
  LoaderSettings settings_;
  SystemClock clock_;
  Budget budget_{std::size_t{64} << 20};
  Metrics metrics_;
  Stop stop_;
  std::map<std::string, int> generations_;
  int succeeded_ = 0;
  std::vector<std::string> failures_;
  std::optional<Error> gave_up_;
};

TEST_F(Loading, ManyUnitsShareATransaction) {
  std::vector<std::unique_ptr<LoadJob>> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(session_job(day(i), 100));
  load(std::move(jobs));
  EXPECT_EQ(succeeded_, 20);
  EXPECT_LT(metrics_.commits.get(), 20);
  EXPECT_EQ(metrics_.rows_written.get(), 2000);
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units WHERE state = 'done' AND rows = 100"),
            "20");
  expect_proved(2000);
}

TEST_F(Loading, CommitsBySize) {
  settings_.commit_bytes = 20'000;
  settings_.commit_age = std::chrono::minutes(5);
  std::vector<std::unique_ptr<LoadJob>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(session_job(day(i), 100));
  load(std::move(jobs));
  EXPECT_GE(metrics_.commits.get(), 4);
  expect_proved(1000);
}

TEST_F(Loading, ProofChangesOfWholeHistoriesAreFoldedNowAndThen) {
  settings_.commit_bytes = 1;
  settings_.fold_every = 4;
  std::vector<std::unique_ptr<LoadJob>> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(history_job("T" + std::to_string(i), 200));
  load(std::move(jobs));
  EXPECT_EQ(metrics_.commits.get(), 10);
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.proof_changes"), "2") << "since the second fold";
  expect_proved(2000);
}

TEST_F(Loading, RowsThatMeetRowsWhereNoneShouldBeAreStagedInstead) {
  load([&] {
    std::vector<std::unique_ptr<LoadJob>> jobs;
    jobs.push_back(session_job(day(0), 50));
    return jobs;
  }());
  std::vector<std::unique_ptr<LoadJob>> again;
  again.push_back(session_job(day(0), 60));
  again.push_back(session_job(day(1), 10));
  load(std::move(again));
  EXPECT_EQ(succeeded_, 3);
  EXPECT_EQ(metrics_.rows_unchanged.get(), 50);
  expect_proved(70);
}

TEST_F(Loading, RereadUnitsChangeOnlyWhatDiffers) {
  std::vector<std::unique_ptr<LoadJob>> first;
  first.push_back(session_job(day(0), 50));
  load(std::move(first));
  std::vector<std::unique_ptr<LoadJob>> second;
  second.push_back(session_job(day(0), 50, 1, true));
  load(std::move(second));
  EXPECT_EQ(test::query(db_, "SELECT open FROM bars WHERE ticker = 'T7'"), "108.000000");
  EXPECT_EQ(test::query(db_, "SELECT generation FROM icingest.units"), "2");
  expect_proved(50);
}

TEST_F(Loading, AUnitThatAnotherRunLoadedMeanwhileIsLeftAlone) {
  std::vector<std::unique_ptr<LoadJob>> first;
  first.push_back(session_job(day(0), 50));
  load(std::move(first));
  std::vector<std::unique_ptr<LoadJob>> late;
  late.push_back(session_job(day(0), 50, 5, true));
  late.push_back(session_job(day(1), 50, 0, true));
  late[0]->write.expected_generation = 0;  // planned before the first was there
  load(std::move(late));
  ASSERT_EQ(failures_.size(), 1U) << failures_[0] << "\n" << failures_.back();
  EXPECT_NE(failures_[0].find("another run"), std::string::npos);
  EXPECT_EQ(test::query(db_, "SELECT open FROM bars WHERE ticker = 'T7' ORDER BY \"time\" LIMIT 1"),
            "107.000000")
      << "the first one's value";
  expect_proved(100);
}

TEST_F(Loading, ARowTheServerRefusesFailsItsUnitAndNoOther) {
  test::query(db_, "ALTER TABLE bars ADD CONSTRAINT no_13 CHECK (open <> 113)");
  std::vector<std::unique_ptr<LoadJob>> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(session_job(day(i), i == 2 ? 20 : 10));
  load(std::move(jobs));
  EXPECT_EQ(
      test::query(
          db_,
          "SELECT string_agg(unit || ' ' || state || ' ' || reason, ', ' ORDER BY unit) FROM icingest.units WHERE state <> 'done'"),
      "day/2024-01-03 failed sqlstate_23514");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units WHERE state = 'done'"), "3");
  expect_proved(30);
}

TEST_F(Loading, GivesUpOnWhatAPersonMustMend) {
  test::query(db_, "DROP TABLE bars");
  std::vector<std::unique_ptr<LoadJob>> jobs;
  jobs.push_back(session_job(day(0), 10));
  jobs.push_back(session_job(day(1), 10));
  load(std::move(jobs));
  ASSERT_TRUE(gave_up_);
  EXPECT_EQ(gave_up_->exit, ExitCode::person);
  EXPECT_EQ(failures_.size(), 2U);
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.units"), "0");
}

TEST_F(Loading, ACommitInDoubtIsLookedUpNotRepeated) {
  test::PgGate gate(db_);
  settings_.db = gate.config();
  for (int round = 0; round < 5; ++round) {
    gate.cut_after_commit(1);
    std::vector<std::unique_ptr<LoadJob>> jobs;
    jobs.push_back(session_job(day(round), 40));
    load(std::move(jobs));
  }
  EXPECT_EQ(gate.cuts(), 5);
  EXPECT_EQ(succeeded_, 5);
  EXPECT_EQ(metrics_.rows_unchanged.get(), 0) << "nothing was sent twice";
  EXPECT_EQ(test::query(db_, "SELECT max(generation) FROM icingest.units"), "1");
  expect_proved(200);
}

TEST_F(Loading, AConnectionCutInsideCopyIsMendedFromMemory) {
  test::PgGate gate(db_);
  settings_.db = gate.config();
  for (int round = 0; round < 5; ++round) {
    gate.cut_after_copy_bytes(20'000 * (round + 1));
    std::vector<std::unique_ptr<LoadJob>> jobs;
    for (int i = 0; i < 4; ++i) jobs.push_back(session_job(day(round * 4 + i), 400));
    load(std::move(jobs));
  }
  EXPECT_EQ(gate.cuts(), 5);
  EXPECT_EQ(succeeded_, 20);
  expect_proved(8000);
}

TEST_F(Loading, AnUnreachableServerEndsTheRunAfterItsPatience) {
  settings_.db.parameters["host"] = "/nonexistent";
  settings_.outage_patience = std::chrono::milliseconds(500);
  std::vector<std::unique_ptr<LoadJob>> jobs;
  jobs.push_back(session_job(day(0), 10));
  load(std::move(jobs));
  ASSERT_TRUE(gave_up_);
  EXPECT_EQ(gave_up_->exit, ExitCode::later);
  EXPECT_EQ(failures_.size(), 1U);
}

TEST_F(Loading, AServerThatWasStillStartingAMomentAgoIsNoServerThatRefuses) {
  test::PgGate gate(db_);
  settings_.db = gate.config();
  gate.refuse_next();
  std::vector<std::unique_ptr<LoadJob>> jobs;
  jobs.push_back(session_job(day(0), 10));
  load(std::move(jobs));
  EXPECT_FALSE(gave_up_) << gave_up_->describe();
  EXPECT_EQ(succeeded_, 1);
  expect_proved(10);
}

// What the ledger knew of the rows stays true: they are still there.
TEST_F(Loading, AFailedReReadTakesNothingFromWhatWasDone) {
  auto good = session_job(day(0), 10);
  good->write.rejects = {{Fault::null_value, "open", "{\"o\":null}"}};
  good->write.epoch = 3;
  std::vector<std::unique_ptr<LoadJob>> first;
  first.push_back(std::move(good));
  load(std::move(first));
  const std::string known =
      "SELECT concat_ws(' ', rows, rejected, digest, basis, epoch, from_date, to_date, asked_at) FROM "
      "icingest.units";
  const std::string before = test::query(db_, known);
  auto bad = session_job(day(0), 0, 0, true);
  bad->write.state = UnitState::failed;
  bad->write.reason = "the source was away";
  bad->write.basis = day(100);
  bad->write.asked_at += std::chrono::hours(24);
  std::vector<std::unique_ptr<LoadJob>> second;
  second.push_back(std::move(bad));
  load(std::move(second));
  EXPECT_EQ(test::query(db_, "SELECT state || ' ' || reason || ' ' || generation FROM icingest.units"),
            "failed the source was away 2");
  EXPECT_EQ(test::query(db_, known), before);
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.rejects"), "1");
  expect_proved(10);
}

TEST_F(Loading, RejectsStandWithTheirUnitAndAreReplacedWithIt) {
  auto job = session_job(day(0), 1);
  job->write.rejects = {{Fault::null_value, "open", "{\"o\":null}"},
                        {Fault::nul_in_text, "ticker", std::string("a\0b", 3)}};
  job->write.source = "http://source/x";
  std::vector<std::unique_ptr<LoadJob>> jobs;
  jobs.push_back(std::move(job));
  load(std::move(jobs));
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.rejects WHERE unit = 'day/2024-01-01'"), "2");
  EXPECT_EQ(test::query(db_, "SELECT rejected FROM icingest.units"), "2");
  std::vector<std::unique_ptr<LoadJob>> again;
  again.push_back(session_job(day(0), 1, 0, true));
  load(std::move(again));
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM icingest.rejects"), "0");
}

}  // namespace
}  // namespace icingest::load
