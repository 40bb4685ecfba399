// ledger_write.h: the ledger's part of a load transaction: units, proofs and rejects, on the loader's
// connection.
//
// Threads   one owner of the connection
// Errors    the statement's; and Action::fail_unit when another writer has been at one of the units meanwhile
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/ledger.h"
#include "pg/pg_conn.h"

namespace icingest::checkpoint {

// A unit's row as it will stand in the ledger.
struct UnitWrite {
  const Unit* unit = nullptr;
  UnitState state = UnitState::done;
  std::string reason;
  Date basis{};
  std::string scope;
  int epoch = 0;
  int attempts = 1;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
  Digest digest;
  std::string route;
  std::string etag;
  std::string last_modified;
  std::int64_t fetch_ms = 0;
  std::int64_t decode_ms = 0;
  Instant asked_at{};
  int expected_generation = 0;  // as read when the run was planned; 0: was not there
  std::string source;           // address of the answer, for its rejects
  std::vector<Reject> rejects;
};

// One delta per bucket that changes, ascending, so that two loaders lock buckets in one order.
[[nodiscard]] std::vector<BucketDelta> sum_by_bucket(const std::vector<BucketDelta>& deltas);

// What the ledger says a dataset holds, in the connection's own snapshot.
[[nodiscard]] Result<Proofs> read_proofs(pg::PgConn& conn, std::string_view dataset);

class LedgerWriter {
 public:
  LedgerWriter(std::string pipeline, std::string run_id)
      : pipeline_(std::move(pipeline)), run_id_(std::move(run_id)) {}

  // Writes units and rejects. `commit_id` names the transaction for was_committed().
  Result<void> write_units(pg::PgConn& conn, const std::vector<const UnitWrite*>& units,
                           std::int64_t commit_id) const;
  // Adds deltas to the buckets of `dataset`.
  static Result<void> add_proofs(pg::PgConn& conn, std::string_view dataset,
                                 const std::vector<BucketDelta>& deltas);

  // Whether the transaction of that name happened.
  [[nodiscard]] static Result<bool> was_committed(pg::PgConn& conn, std::int64_t commit_id);

 private:
  Result<void> write_rejects(pg::PgConn& conn, const std::vector<const UnitWrite*>& units) const;

  std::string pipeline_;
  std::string run_id_;
};

}  // namespace icingest::checkpoint
