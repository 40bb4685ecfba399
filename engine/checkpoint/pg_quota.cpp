#include "checkpoint/pg_quota.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"

namespace icingest::checkpoint {
namespace {

using rate::Micros;

std::vector<Micros> parse_array(std::string_view literal) {
  std::vector<Micros> values;
  if (literal.size() < 3) return values;
  for (const std::string_view item : text::split(literal.substr(1, literal.size() - 2), ',')) {
    values.push_back(text::parse_int(item).value_or(0));
  }
  return values;
}

// The table's entries from three array columns.
std::vector<rate::SlotTable::Entry> read_entries(const pg::PgResult& row, int column) {
  const auto free_at = parse_array(row.text(0, column));
  const auto was_free_at = parse_array(row.text(0, column + 1));
  const auto lease = parse_array(row.text(0, column + 2));
  std::vector<rate::SlotTable::Entry> entries;
  for (std::size_t i = 0; i < std::min({free_at.size(), was_free_at.size(), lease.size()}); ++i) {
    entries.push_back({free_at[i], was_free_at[i], lease[i]});
  }
  return entries;
}

std::string column(const rate::SlotTable& table, Micros rate::SlotTable::Entry::*member) {
  std::string literal = "{";
  for (const auto& entry : table.entries()) {
    literal += (literal.size() > 1 ? "," : "") + std::to_string(entry.*member);
  }
  return literal + "}";
}

}  // namespace

PgQuota::PgQuota(pg::DbConfig db, std::string source, const RateLimit& limit, const Clock& clock)
    : db_(std::move(db)), source_(std::move(source)), limit_(limit), clock_(clock), thread_([this] {
        run();
      }) {}

PgQuota::~PgQuota() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void PgQuota::exchange(std::vector<rate::Settled> settled, int want, Micros hold, Micros block_until,
                       std::move_only_function<void(Result<rate::Loan>)> done) {
  {
    const std::scoped_lock lock(mutex_);
    if (request_) {
      // One of two that meet only tells something: the end of a run, or a penalty. The other one waits for its loan.
      request_->settled.insert(request_->settled.end(), settled.begin(), settled.end());
      request_->block_until = std::max(request_->block_until, block_until);
      if (request_->want == 0) {
        request_->want = want;
        request_->hold = hold;
        request_->done = std::move(done);
      }
      return;
    }
    request_ = Request{std::move(settled), want, hold, block_until, std::move(done)};
  }
  wake_.notify_one();
}

void PgQuota::run() {
  for (;;) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return request_ || ending_; });
      if (!request_) return;
      request = std::move(*request_);
      request_.reset();
    }
    Result<rate::Loan> loan = serve(request);
    request.done(std::move(loan));
  }
}

Result<rate::Loan> PgQuota::serve(Request& request) {
  unsettled_.insert(unsettled_.end(), request.settled.begin(), request.settled.end());
  pending_block_ = std::max(pending_block_, request.block_until);
  Result<rate::Loan> loan = exchange_in_transaction(request);
  if (loan) {
    unsettled_.clear();
    pending_block_ = 0;
  } else if (conn_) {
    conn_->rollback();
    if (!conn_->usable()) conn_.reset();
  }
  return loan;
}

Result<rate::Loan> PgQuota::exchange_in_transaction(Request& request) {
  if (!conn_) {
    ICINGEST_TRY_LET(conn_, pg::PgConn::connect(db_, std::chrono::seconds(5)));
    ICINGEST_TRY(conn_->exec(
        "INSERT INTO icingest.quotas (source, permits, window_us) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        {source_, std::to_string(limit_.permits), std::to_string(limit_.window.count())}));
  }
  ICINGEST_TRY(conn_->exec("BEGIN"));
  Reading reading{.before = now()};
  ICINGEST_TRY_LET(
      const pg::PgResult row,
      conn_->exec("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, permits, window_us, "
                  "blocked_until, last_lease, free_at, was_free_at, lease "
                  "FROM icingest.quotas WHERE source = $1 FOR UPDATE",
                  {source_}));
  reading.after = now();
  if (row.rows() == 0)
    return Failure(Error{.action = Action::reconnect, .message = "the quota's row is gone"});
  reading.there = row.number(0, 0);
  const RateLimit stored{.permits = static_cast<int>(row.number(0, 1)),
                         .window = std::chrono::microseconds(row.number(0, 2))};
  rate::SlotTable table(limit_, stored, read_entries(row, 5), row.number(0, 4));

  for (rate::Settled settled : unsettled_) {
    // A use is moved to the latest moment it can have been by the database's clock.
    if (settled.used && reading_)
      settled.arrived_by = reading_->there + (settled.arrived_by - reading_->before);
    table.settle(settled);
  }
  Micros blocked_until = row.number(0, 3);
  if (pending_block_ > 0)
    blocked_until = std::max(blocked_until, reading.there + (pending_block_ - reading.before));
  rate::Loan loan{.slots = table.lend(reading.there, request.want, request.hold)};

  using Entry = rate::SlotTable::Entry;
  ICINGEST_TRY(conn_->exec(
      "UPDATE icingest.quotas SET permits = $2, window_us = $3, blocked_until = $4, last_lease = $5, "
      "free_at = $6::bigint[], was_free_at = $7::bigint[], lease = $8::bigint[] WHERE source = $1",
      {source_, std::to_string(limit_.permits), std::to_string(limit_.window.count()),
       std::to_string(blocked_until), std::to_string(table.last_lease()), column(table, &Entry::free_at),
       column(table, &Entry::was_free_at), column(table, &Entry::lease)}));
  ICINGEST_TRY(conn_->exec("COMMIT"));

  for (rate::Slot& slot : loan.slots) {
    slot.not_before = reading.after + (slot.not_before - reading.there);
    slot.expires = reading.before + (slot.expires - reading.there);
  }
  if (blocked_until > reading.there) loan.blocked_until = reading.after + (blocked_until - reading.there);
  reading_ = reading;
  return loan;
}

}  // namespace icingest::checkpoint
