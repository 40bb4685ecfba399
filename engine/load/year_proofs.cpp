#include "load/year_proofs.h"

#include <algorithm>

#include "checkpoint/ledger_write.h"
#include "core/log.h"
#include "load/prove.h"
#include "pg/pg_conn.h"
#include "pg/year_partitions.h"

namespace icingest::load {

YearProofs::YearProofs(pg::DbConfig db, const TableInfo& table, std::set<int> years, Stop& stop)
    : db_(std::move(db)), table_(table), stop_(stop), to_read_(std::move(years)) {
  thread_ = std::thread([this] { read_all(); });
}

YearProofs::~YearProofs() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    if (conn_) conn_->cancel();
  }
  thread_.join();
}

void YearProofs::read_all() {
  const std::set<int> years = to_read_;
  Result<pg::PgConn> connected = pg::PgConn::connect(db_, std::chrono::seconds(10));
  if (connected) {
    const std::scoped_lock lock(mutex_);
    conn_ = std::move(*connected);
  } else {
    log::debug("what {} holds is not known: {}", table_.name, connected.error().describe());
  }
  for (auto year = years.rbegin(); year != years.rend(); ++year) {
    Years found;
    if (conn_ && conn_->usable()) {
      const Stop::Registration at_stop(stop_, [this] { conn_->cancel(); });
      Result<Years> read = read_year(*year);
      if (read) found = std::move(*read);
      else log::debug("what {} {} holds is not known: {}", table_.name, *year, read.error().describe());
    }
    const std::scoped_lock lock(mutex_);
    known_.merge(found);
    to_read_.erase(*year);
    if (ending_ || stop_.requested()) to_read_.clear();
    one_read_.notify_all();
    if (to_read_.empty()) return;
  }
}

// Table and ledger in one snapshot.
Result<YearProofs::Years> YearProofs::read_year(int year) {
  ICINGEST_TRY(conn_->exec("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  ICINGEST_TRY_LET(const checkpoint::Proofs ledger, checkpoint::read_proofs(*conn_, table_.name));
  ICINGEST_TRY_LET(const checkpoint::Proofs actual, prove(*conn_, table_, {}, pg::is_of_year(table_, year)));
  ICINGEST_TRY(conn_->exec("COMMIT"));
  Years found;
  for (const auto& [bucket, proof] : actual) {
    const auto said = ledger.find(bucket);
    found.emplace(
        bucket, Known{.actual = proof, .ledger = said == ledger.end() ? checkpoint::Proof{} : said->second});
  }
  return found;
}

const YearProofs::Known* YearProofs::find(std::int64_t bucket) const {
  const auto found = known_.find(bucket);
  return found == known_.end() || changed_.contains(bucket) ? nullptr : &found->second;
}

bool YearProofs::hold(const TableInfo& table, int year, const std::vector<BucketDelta>& delivered) {
  if (table.name != table_.name) return false;
  const std::vector<BucketDelta> sums = checkpoint::sum_by_bucket(delivered);
  std::unique_lock lock(mutex_);
  one_read_.wait(lock, [&] { return !to_read_.contains(year); });
  return !sums.empty() && std::all_of(sums.begin(), sums.end(), [&](const BucketDelta& sum) {
    const Known* const known = find(sum.bucket);
    return known != nullptr && known->actual == checkpoint::Proof{.rows = sum.rows, .digest = sum.digest};
  });
}

std::vector<BucketDelta> YearProofs::repairs(const TableInfo& table,
                                             const std::vector<BucketDelta>& delivered,
                                             const std::vector<BucketDelta>& changes) {
  std::vector<BucketDelta> repairs;
  if (table.name != table_.name) return repairs;
  const std::scoped_lock lock(mutex_);
  for (const BucketDelta& sum : checkpoint::sum_by_bucket(delivered)) {
    const Known* const known = find(sum.bucket);
    if (known == nullptr || known->actual == known->ledger) continue;
    checkpoint::Proof now = known->actual;
    for (const BucketDelta& change : changes) {
      if (change.bucket != sum.bucket) continue;
      now.rows += change.rows;
      now.digest.add(change.digest);
    }
    if (now != checkpoint::Proof{.rows = sum.rows, .digest = sum.digest}) continue;
    BucketDelta repair{.bucket = sum.bucket,
                       .rows = known->actual.rows - known->ledger.rows,
                       .digest = known->actual.digest};
    repair.digest.subtract(known->ledger.digest);
    repairs.push_back(repair);
  }
  return repairs;
}

void YearProofs::forget(const TableInfo& table, const std::vector<BucketDelta>& changed) {
  if (table.name != table_.name) return;
  const std::scoped_lock lock(mutex_);
  for (const BucketDelta& delta : changed) changed_.insert(delta.bucket);
}

}  // namespace icingest::load
