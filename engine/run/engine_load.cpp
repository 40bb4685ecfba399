// The engine's side of loading: units on their way to the loaders and back, and years that become whole by them.
#include <boost/asio/post.hpp>

#include "core/log.h"
#include "icingest/calendar.h"
#include "pg/lost.h"
#include "run/engine_port.h"

namespace icingest::run {

namespace asio = boost::asio;
using checkpoint::UnitState;

namespace {

std::chrono::milliseconds to_ms(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time);
}

}  // namespace

void Engine::use_streams(int streams) {
  while (static_cast<int>(loaders_.size()) < streams) {
    loaders_.push_back(std::make_unique<load::Loader>(loader_settings_, ledger_, load_queue_, budget_, clock_,
                                                      metrics_, stop_,
                                                      [this](const Error& error) { end_run(error); }));
    threads_.emplace_back([loader = loaders_.back().get()] { loader->run(); });
  }
  streams_ = static_cast<int>(loaders_.size());
}

void Engine::use_sorting(load::KeyOrder order) {
  if (sorter_) return;
  load::SorterSettings settings{.order = std::move(order),
                                .directory = settings_.temporary_directory,
                                .run_bytes = settings_.memory_budget / 5};
  // One year comes while the end of the one before it is sorted.
  budget_.shrink(2 * settings.run_bytes);
  sorter_ = std::make_unique<load::YearSorter>(std::move(settings), sort_queue_, load_queue_, clock_, stop_);
  threads_.emplace_back([this] { sorter_->run(); });
}

void Engine::use_proofs(const TableInfo& table, std::set<int> years) {
  if (years.empty() || known_years_) return;
  known_years_.emplace(settings_.db, table, std::move(years), stop_);
  loader_settings_.known = &*known_years_;
}

void Engine::submit(PlannedUnit& planned, Delivery delivery, Budget::Hold hold, int attempts) {
  auto job = std::make_unique<load::LoadJob>();
  if (delivery.state == UnitState::failed) {
    row_buffers_.give_back(std::move(delivery.batch.rows));
    delivery.batch.rows = Buffer();
    delivery.batch.row_count = 0;
    delivery.batch.digest = {};
    delivery.batch.buckets.clear();
    delivery.side_batches.clear();
  }
  if (delivery.reason.empty()) delivery.reason = planned.note;
  const Instant asked_at = delivery.asked_at == Instant{} ? clock_.now() : delivery.asked_at;
  job->unit = std::make_unique<Unit>(planned.unit);
  job->table = &planned.route->load.table;
  job->staged = planned.staged;
  job->way = planned.way;
  job->fence = planned.fence;
  job->claim = planned.claim;
  job->write = {
      .unit = job->unit.get(),
      .state = delivery.state,
      .reason = std::move(delivery.reason),
      .basis = planned.unit.basis != nullptr ? planned.unit.basis->as_of() : new_york::date_of(asked_at),
      .scope = planned.scope,
      .epoch = planned.epoch,
      .attempts = attempts,
      .rows = delivery.batch.row_count,
      .bytes = delivery.wire_bytes,
      .digest = delivery.batch.digest,
      .route = std::string(planned.route->name),
      .etag = std::move(delivery.etag),
      .last_modified = std::move(delivery.last_modified),
      .fetch_ms = to_ms(delivery.fetch_time).count(),
      .decode_ms = to_ms(delivery.decode_time).count(),
      .asked_at = asked_at,
      .expected_generation = planned.expected_generation,
      .source = std::move(delivery.source),
      .rejects = std::move(delivery.batch.rejects)};
  job->batch = std::move(delivery.batch);
  job->side_batches = std::move(delivery.side_batches);
  if (!planned.route->load.side_tables.empty()) job->side_tables = &planned.route->load.side_tables;
  std::size_t held = job->batch.rows.capacity() + job->batch.buckets.capacity() * sizeof(BucketDelta);
  for (const Batch& batch : job->side_batches) held += batch.rows.capacity();
  hold.resize(held);
  // Half of the way to what was needed, and a little more: quick to grow, slow to shrink.
  const std::size_t needed = held + static_cast<std::size_t>(job->write.bytes);
  estimate_ = needed > estimate_ ? needed : (estimate_ * 7 + needed) / 8;
  estimate_ = std::clamp<std::size_t>(estimate_, std::size_t{64} << 10, settings_.memory_budget);
  job->hold = std::move(hold);
  metrics_.rounded.add(job->batch.rounded);
  metrics_.duplicates.add(job->batch.duplicates);
  job->done = [this](load::LoadJob* loaded, const Result<void>& result) { on_loaded(*loaded, result); };
  if (planned.way == load::Way::sorted) {
    job->taken = [this](load::LoadJob* taken) {
      row_buffers_.give_back(std::move(taken->batch.rows));
      taken->hold.release();
      metrics_.units_sorted.add(1);
      year_lost_unit(*taken);
    };
  }
  {
    const std::scoped_lock lock(mutex_);
    ++in_loaders_;
    ended_.notify_all();  // whoever takes more units when these have come
  }
  producer_for(planned.way).push(std::move(job), held);
}

void Engine::on_loaded(load::LoadJob& job, const Result<void>& result) {
  if (result) {
    switch (job.write.state) {
      case UnitState::done: metrics_.units_done.add(); break;
      case UnitState::empty: metrics_.units_empty.add(); break;
      case UnitState::unavailable: metrics_.units_unavailable.add(); break;
      case UnitState::failed: metrics_.units_failed.add(); break;
    }
    metrics_.rows_rejected.add(static_cast<std::int64_t>(job.write.rejects.size()));
    // A company's document that is as it was has rows and changes no bucket.
    if (job.unchanged || job.batch.buckets.empty()) metrics_.rows_unchanged.add(job.batch.row_count);
  } else if (!pg::is_lost(result.error()) && result.error().action == Action::fail_unit) {
    log::warn("{}: {}", job.unit->key, result.error().describe());
    metrics_.units_failed.add();
  }
  row_buffers_.give_back(std::move(job.batch.rows));
  for (Batch& batch : job.side_batches) row_buffers_.give_back(std::move(batch.rows));
  job.hold.release();
  if (job.way == load::Way::aside) year_lost_unit(job);
  if (job.way == load::Way::sorted) metrics_.units_sorted.add(-1);
  const bool lost = !result && pg::is_lost(result.error());
  const bool let_go = lost || (!result && result.error().action != Action::fail_unit);
  if (lost) note_loss(job.unit->key, result.error());
  unit_ended(true, job.fence, let_go ? std::string() : job.claim);
}

// A unit's rows have come; its years may be whole now.
void Engine::year_lost_unit(const load::LoadJob& job) {
  YearBook::Years whole;
  {
    const std::scoped_lock lock(mutex_);
    whole = years_.came(*job.unit, job.fence);
  }
  if (stop_.requested() && job.way == load::Way::aside) return;
  for (const auto& [key, entry] : whole) finish_year(key, entry.way, *entry.table);
}

// Units that never ended leave their years open. The rows that came are good, so they are shown all the same.
void Engine::finish_years_left(load::Way way) {
  YearBook::Years left;
  {
    const std::scoped_lock lock(mutex_);
    left = years_.take_rest(way);
  }
  // A year under construction waits for the next run; the rows of a sorted one are nowhere else.
  if (stop_.requested() && way == load::Way::aside) return;
  for (const auto& [key, entry] : left) finish_year(key, way, *entry.table);
}

void Engine::finish_year(const YearBook::Key& key, load::Way way, const TableInfo& table) {
  auto job = std::make_unique<load::YearJob>();
  {
    const std::scoped_lock lock(mutex_);
    ++years_in_loaders_;
  }
  job->table = &table;
  job->fence = key.first;
  job->year = key.second;
  job->done = [this, year = key.second](const Result<void>& result) {
    if (!result) log::debug("year {} stays under construction: {}", year, result.error().describe());
    if (!result && pg::is_lost(result.error())) loss_ = true;
    const std::scoped_lock lock(mutex_);
    --years_in_loaders_;
    ended_.notify_all();
  };
  asio::post(io_, [this, way, job = std::move(job)]() mutable { producer_for(way).push(std::move(job), 0); });
}

void Engine::wait_for_years() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return years_in_loaders_ == 0; });
}

void Engine::unit_ended(bool was_in_loader, const std::string& fence, const std::string& claim) {
  const std::scoped_lock lock(mutex_);
  --unfinished_;
  ++ended_units_;
  if (!claim.empty()) {
    const auto found = claims_.find({fence, claim});
    if (found != claims_.end() && --found->second == 0) {
      claims_.erase(found);
      ended_claims_.push_back(claim);
    }
  }
  if (was_in_loader) --in_loaders_;
  ended_.notify_all();
}

}  // namespace icingest::run
