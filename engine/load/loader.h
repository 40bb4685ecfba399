// loader.h: batches → rows in the table and units in the ledger, in one transaction for as many units as fit.
//
// A batch is streamed the moment it comes and stays in memory until its transaction has committed, so
// whatever happens to the connection, the same rows are sent again without asking the source again.
//
// Threads   run() is one thread's body; several loaders share the queue
// Errors    a unit that cannot be loaded goes to `failed`; an error that ends the run goes to `gave_up`
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <variant>
#include <vector>

#include "checkpoint/ledger_write.h"
#include "core/budget.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/stop.h"
#include "load/load_plan.h"
#include "load/side_tables.h"
#include "load/sorted_rows.h"
#include "load/staging.h"
#include "load/year_proofs.h"
#include "queue/byte_queue.h"
#include "rate/backoff.h"

namespace icingest::load {

// One unit's outcome on its way into the database.
struct LoadJob {
  std::unique_ptr<Unit> unit;
  const TableInfo* table = nullptr;
  bool staged = false;     // may meet existing rows
  bool unchanged = false;  // and met exactly its own: nothing is to be loaded
  Way way = Way::table;
  std::string
      fence;  // the worker in whose name it is loaded (icingest.workers); empty: nobody can take it away
  Batch batch;
  // Of a unit that fills several tables: the others, and its rows in them. No batches: they stay as they are.
  const std::vector<TableInfo>* side_tables = nullptr;
  std::vector<Batch> side_batches;
  checkpoint::UnitWrite write;
  Budget::Hold hold;
  std::string claim;  // the engine's: what of a shared run the unit belongs to
  // Called once, on the sorter's thread, when the rows of a sorted year were taken over: the batch's are free.
  std::move_only_function<void(LoadJob*)> taken;
  // Called once, on the loader's thread, when the unit is in the ledger, or with the error when it is not.
  std::move_only_function<void(LoadJob*, Result<void>)> done;
};

// A year that gets no more rows: built aside, to be indexed and moved into the table; or sorted, to be made whole in
// one transaction.
struct YearJob {
  const TableInfo* table = nullptr;
  int year = 0;
  std::string fence;                                 // like LoadJob's
  std::unique_ptr<SortedRows> rows;                  // of a sorted year
  std::vector<std::unique_ptr<LoadJob>> units;       // whose rows they are
  std::move_only_function<void(Result<void>)> done;  // like LoadJob's
};

using LoadTask = std::variant<std::unique_ptr<LoadJob>, std::unique_ptr<YearJob>>;
using LoadQueue = queue::ByteQueue<LoadTask>;

struct LoaderSettings {
  pg::DbConfig db;
  std::size_t commit_bytes = std::size_t{16} << 20;
  std::chrono::milliseconds commit_age{1000};
  std::chrono::milliseconds outage_patience{600'000};
  // Commits until appended proof changes are folded: 100 KB each where units are whole histories.
  int fold_every = 256;
  // Years that are delivered again; none: every delivery that may meet rows is compared row by row.
  YearProofs* known = nullptr;
  // A transaction of a process that was stopped in the middle of it ends after this long; 0: never.
  std::chrono::milliseconds idle_limit{0};
};

class Loader {
 public:
  Loader(const LoaderSettings& settings, const checkpoint::LedgerWriter& ledger, LoadQueue& queue,
         Budget& budget, const Clock& clock, Metrics& metrics, Stop& stop,
         std::function<void(const Error&)> gave_up);

  // Loads until the queue ends or the run cannot go on.
  void run();

 private:
  using Group = std::vector<std::unique_ptr<LoadJob>>;

  void take(std::unique_ptr<LoadJob> job);
  void take(std::unique_ptr<YearJob> job);
  void add(std::unique_ptr<LoadJob> job);
  [[nodiscard]] bool fits_group(const LoadJob& job) const;
  [[nodiscard]] bool needs_staging(const LoadJob& job) const;
  [[nodiscard]] bool is_known(const LoadJob& job) const;
  [[nodiscard]] bool is_due() const;
  void commit_group();
  void load_sorted(YearJob& job);

  Result<void> connect();
  Result<void> begin(const LoadJob& first);
  Result<void> stream(const LoadJob& job);
  Result<void> send_rows(std::string_view rows);
  Result<void> finish();
  void add_repairs();
  Result<void> attempt_whole_group();
  [[nodiscard]] Result<void> hold_fence(const std::string& worker);
  [[nodiscard]] bool was_lost(const Error& error);
  template <class Step>
  Result<void> timed(Step&& step);

  // What follows from a group's outcome; false when the run is over.
  bool settle(Result<void> outcome);

  // Brings the group to an end, whatever it takes; false when the run is over.
  bool recover(Error error);
  bool wait_for_database(const Error& error, int attempt, Tick since);
  [[nodiscard]] Result<bool> resolve_doubt();
  bool isolate();
  bool fail_unit(const Error& error);
  bool fail_year(const Error& error);
  void lose(Error error);
  void succeed();
  void fold_proofs();
  void give_up(const Error& error);
  void start_group();

  const LoaderSettings& settings_;
  const checkpoint::LedgerWriter& ledger_;
  LoadQueue& queue_;
  Budget& budget_;
  const Clock& clock_;
  Metrics& metrics_;
  Stop& stop_;
  std::function<void(const Error&)> gave_up_;
  rate::Random random_;

  std::optional<pg::PgConn> conn_;
  const TableInfo* staged_table_ = nullptr;  // whose temporary tables this session has
  Group group_;
  YearJob* year_ = nullptr;  // the sorted year that the group is
  std::size_t group_bytes_ = 0;
  Tick group_since_{};
  std::int64_t commit_id_ = 0;
  int commits_since_fold_ = 0;
  bool group_staged_ = false;
  bool stage_always_ = false;  // rows were met where none should be: the table is not what the ledger thinks
  bool open_ = false;          // a transaction with a COPY under way
  bool over_ = false;
  Merged merged_;
  SideTables sides_;
  Buffer scratch_;
};

}  // namespace icingest::load
