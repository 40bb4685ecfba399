#include "checkpoint/ledger_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "pg/identifier.h"

namespace icingest::checkpoint {
namespace {

// Columns of several rows, as array parameters of one statement.
class Arrays {
 public:
  explicit Arrays(std::size_t columns) : columns_(columns) {}

  void row(std::initializer_list<std::string> values) {
    auto column = columns_.begin();
    for (const std::string& value : values) (column++)->push_back(value);
  }
  [[nodiscard]] std::vector<pg::PgParameter> parameters() const {
    std::vector<pg::PgParameter> parameters;
    parameters.reserve(columns_.size());
    for (const auto& column : columns_) parameters.emplace_back(pg::array_literal(column));
    return parameters;
  }

 private:
  std::vector<std::vector<std::string>> columns_;
};

constexpr std::size_t kFewBuckets = 64;  // a group of sessions

std::string number(std::int64_t value) { return std::to_string(value); }

}  // namespace

// A batch of one symbol brings a delta per row: buckets close together, as days are, are found by subtraction.
std::vector<BucketDelta> sum_by_bucket(const std::vector<BucketDelta>& deltas) {
  std::vector<BucketDelta> sums;
  if (deltas.empty()) return sums;
  const auto [least, most] =
      std::minmax_element(deltas.begin(), deltas.end(),
                          [](const BucketDelta& a, const BucketDelta& b) { return a.bucket < b.bucket; });
  const std::int64_t first = least->bucket;
  const auto span = static_cast<std::uint64_t>(most->bucket) - static_cast<std::uint64_t>(first);
  const auto add = [](BucketDelta& sum, const BucketDelta& delta) {
    sum.bucket = delta.bucket;
    sum.rows += delta.rows;
    sum.digest.add(delta.digest);
  };
  constexpr std::uint64_t kCloseTogether = 100'000;
  if (span <= kCloseTogether) {
    sums.resize(span + 1);
    for (const BucketDelta& delta : deltas) add(sums[static_cast<std::size_t>(delta.bucket - first)], delta);
  } else {
    std::map<std::int64_t, BucketDelta> by_bucket;
    for (const BucketDelta& delta : deltas) add(by_bucket[delta.bucket], delta);
    for (const auto& [bucket, sum] : by_bucket) sums.push_back(sum);
  }
  std::erase_if(sums, [](const BucketDelta& sum) { return sum.rows == 0 && sum.digest == Digest{}; });
  return sums;
}

Result<Proofs> read_proofs(pg::PgConn& conn, std::string_view dataset) {
  ICINGEST_TRY_LET(
      const pg::PgResult rows,
      conn.exec("SELECT bucket, rows, d0, d1, d2, d3 FROM icingest.proof_sums WHERE dataset = $1",
                {std::string(dataset)}));
  Proofs proofs;
  for (int row = 0; row < rows.rows(); ++row) {
    Proof proof{.rows = rows.number(row, 1)};
    for (int lane = 0; lane < 4; ++lane) {
      proof.digest.lanes.at(static_cast<std::size_t>(lane)) =
          static_cast<std::uint32_t>(rows.number(row, 2 + lane));
    }
    // A bucket emptied by hand-made changes holds nothing, and is nothing.
    if (proof.rows != 0 || proof.digest != Digest{}) proofs.emplace(rows.number(row, 0), proof);
  }
  return proofs;
}

Result<void> LedgerWriter::write_units(pg::PgConn& conn, const std::vector<const UnitWrite*>& units,
                                       std::int64_t commit_id) const {
  // A reading that failed leaves the rows of the one before it in the table, so the ledger goes on saying
  // what those are: their number, window, basis and age. Only the state tells that a later reading is due.
  static const std::string kSql = R"sql(
INSERT INTO icingest.units AS u (unit, state, reason, symbol, from_date, to_date, basis, scope, epoch, attempts, rows,
  rejected, bytes, digest, etag, last_modified, fetch_ms, decode_ms, asked_at, generation, route, pipeline, run_id, commit_id)
SELECT w.*, $22, $23::uuid, $24::bigint FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[],
  $6::date[], $7::date[], $8::text[], $9::int[], $10::int[], $11::bigint[], $12::bigint[], $13::bigint[],
  $14::text[], $15::text[], $16::text[], $17::int[], $18::int[], $19::timestamptz[], $20::int[], $21::text[]) AS w
ON CONFLICT (pipeline, unit) DO UPDATE SET state = excluded.state, reason = excluded.reason, symbol = excluded.symbol,
  from_date = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.from_date ELSE excluded.from_date END,
  to_date = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.to_date ELSE excluded.to_date END,
  basis = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.basis ELSE excluded.basis END,
  scope = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.scope ELSE excluded.scope END,
  epoch = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.epoch ELSE excluded.epoch END,
  rows = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.rows ELSE excluded.rows END,
  digest = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.digest ELSE excluded.digest END,
  asked_at = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.asked_at ELSE excluded.asked_at END,
  route = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.route ELSE excluded.route END,
  etag = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.etag ELSE excluded.etag END,
  last_modified = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 THEN u.last_modified ELSE excluded.last_modified END,
  rejected = CASE WHEN excluded.state IN ('failed', 'unavailable') AND u.rows > 0 AND excluded.rejected = 0 THEN u.rejected ELSE excluded.rejected END,
  attempts = excluded.attempts, bytes = excluded.bytes,
  fetch_ms = excluded.fetch_ms, decode_ms = excluded.decode_ms, generation = excluded.generation,
  run_id = excluded.run_id, commit_id = excluded.commit_id, committed_at = now()
WHERE u.generation = excluded.generation - 1)sql";
  Arrays rows(21);
  for (const UnitWrite* one : units) {
    const Unit& unit = *one->unit;
    rows.row({unit.key,
              std::string(to_string(one->state)),
              one->reason,
              unit.symbol,
              icingest::to_string(unit.from),
              icingest::to_string(unit.to),
              icingest::to_string(one->basis),
              one->scope,
              number(one->epoch),
              number(one->attempts),
              number(one->rows),
              number(static_cast<std::int64_t>(one->rejects.size())),
              number(one->bytes),
              icingest::to_string(one->digest),
              one->etag,
              one->last_modified,
              number(one->fetch_ms),
              number(one->decode_ms),
              icingest::to_string(one->asked_at),
              number(one->expected_generation + 1),
              one->route});
  }
  auto parameters = rows.parameters();
  parameters.emplace_back(pipeline_);
  parameters.emplace_back(run_id_);
  parameters.emplace_back(number(commit_id));
  ICINGEST_TRY_LET(const pg::PgResult result, conn.exec(kSql, parameters));
  if (result.affected() != static_cast<std::int64_t>(units.size())) {
    return Failure(Error{.action = Action::fail_unit,
                         .exit = ExitCode::later,
                         .message = "another run has loaded one of these units meanwhile"});
  }
  return write_rejects(conn, units);
}

Result<void> LedgerWriter::write_rejects(pg::PgConn& conn, const std::vector<const UnitWrite*>& units) const {
  Arrays rows(5);
  std::vector<std::string> reread;
  bool any = false;
  for (const UnitWrite* one : units) {
    const bool read =
        one->state == UnitState::done || one->state == UnitState::empty || !one->rejects.empty();
    if (one->expected_generation > 0 && read) reread.push_back(one->unit->key);
    for (const Reject& reject : one->rejects) {
      any = true;
      std::string raw = reject.raw;
      std::replace(raw.begin(), raw.end(), '\0', ' ');  // text cannot hold it; the reason names it
      rows.row(
          {one->unit->key, std::string(icingest::to_string(reject.fault)), reject.column, raw, one->source});
    }
  }
  if (!reread.empty()) {
    ICINGEST_TRY(conn.exec("DELETE FROM icingest.rejects WHERE pipeline = $1 AND unit = ANY ($2::text[])",
                           {pipeline_, pg::array_literal(reread)}));
  }
  if (!any) return {};
  auto parameters = rows.parameters();
  parameters.emplace_back(pipeline_);
  parameters.emplace_back(run_id_);
  ICINGEST_TRY(
      conn.exec("INSERT INTO icingest.rejects (unit, reason, column_name, raw, source, pipeline, run_id) "
                "SELECT r.*, $6, $7::uuid FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], "
                "$5::text[]) AS r",
                parameters));
  return {};
}

Result<void> LedgerWriter::add_proofs(pg::PgConn& conn, std::string_view dataset,
                                      const std::vector<BucketDelta>& deltas) {
  const std::vector<BucketDelta> sums = sum_by_bucket(deltas);
  if (sums.empty()) return {};
  static const std::string kAdd = R"sql(
INSERT INTO icingest.proofs AS p (bucket, rows, d0, d1, d2, d3, dataset)
SELECT w.*, $7 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS w
ON CONFLICT (dataset, bucket) DO UPDATE SET rows = p.rows + excluded.rows,
  d0 = (p.d0 + excluded.d0) & 4294967295, d1 = (p.d1 + excluded.d1) & 4294967295,
  d2 = (p.d2 + excluded.d2) & 4294967295, d3 = (p.d3 + excluded.d3) & 4294967295)sql";
  static const std::string kAppend =
      "INSERT INTO icingest.proof_changes (bucket, rows, d0, d1, d2, d3, dataset) "
      "VALUES ($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7)";
  Arrays rows(6);
  for (const BucketDelta& sum : sums) {
    const auto& lanes = sum.digest.lanes;
    rows.row({number(sum.bucket), number(sum.rows), number(lanes[0]), number(lanes[1]), number(lanes[2]),
              number(lanes[3])});
  }
  auto parameters = rows.parameters();
  parameters.emplace_back(std::string(dataset));
  ICINGEST_TRY(conn.exec(sums.size() <= kFewBuckets ? kAdd : kAppend, parameters));
  return {};
}

Result<bool> LedgerWriter::was_committed(pg::PgConn& conn, std::int64_t commit_id) {
  ICINGEST_TRY_LET(
      const pg::PgResult result,
      conn.exec("SELECT 1 FROM icingest.units WHERE commit_id = $1 LIMIT 1", {number(commit_id)}));
  return result.rows() > 0;
}

}  // namespace icingest::checkpoint
