// year_proofs.h: what whole years of a table hold, read once while the run fetches.
//
// A delivery that changes nothing is known by its digest, for a fifth of what staging and joining its rows costs. And
// where somebody changed rows behind the ledger's back, a delivery that puts them right puts the ledger right, too.
//
// Threads   any; reading has a thread of its own
// Errors    a year that cannot be read holds nothing that is known, and its deliveries are compared as ever
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/ledger.h"
#include "core/stop.h"
#include "icingest/batch.h"
#include "pg/pg_conn.h"

namespace icingest::load {

class YearProofs {
 public:
  // Reads these years of `table`, which outlives this, the newest first.
  YearProofs(pg::DbConfig db, const TableInfo& table, std::set<int> years, Stop& stop);
  YearProofs(const YearProofs&) = delete;
  YearProofs& operator=(const YearProofs&) = delete;
  ~YearProofs();

  // Whether every bucket of a delivery of that year holds exactly its rows. Waits until the year has been read; false
  // where it is not, and for buckets that were loaded since.
  [[nodiscard]] bool hold(const TableInfo& table, int year, const std::vector<BucketDelta>& delivered);
  // What to add to the ledger beside `changes`, the sums of what was loaded, so that it says what the table holds: for
  // buckets of which the ledger said something else than the table, and which now hold exactly the delivery.
  [[nodiscard]] std::vector<BucketDelta> repairs(const TableInfo& table,
                                                 const std::vector<BucketDelta>& delivered,
                                                 const std::vector<BucketDelta>& changes);
  // These buckets were loaded.
  void forget(const TableInfo& table, const std::vector<BucketDelta>& changed);

 private:
  struct Known {
    checkpoint::Proof actual;
    checkpoint::Proof ledger;
  };
  using Years = std::map<std::int64_t, Known>;  // by bucket

  void read_all();
  [[nodiscard]] Result<Years> read_year(int year);
  [[nodiscard]] const Known* find(std::int64_t bucket) const;

  const pg::DbConfig db_;
  const TableInfo& table_;
  Stop& stop_;
  std::mutex mutex_;
  std::condition_variable one_read_;
  std::set<int> to_read_;
  std::set<std::int64_t> changed_;
  Years known_;
  std::optional<pg::PgConn> conn_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace icingest::load
