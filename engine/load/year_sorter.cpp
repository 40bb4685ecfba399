#include "load/year_sorter.h"

#include <thread>
#include <utility>

#include "core/log.h"
#include "icingest/time.h"

namespace icingest::load {
namespace {

constexpr std::chrono::milliseconds kStep{50};

}  // namespace

YearSorter::YearSorter(SorterSettings settings, LoadQueue& in, LoadQueue& out, const Clock& clock, Stop& stop)
    : settings_(std::move(settings)), in_(in), out_(out), clock_(clock), stop_(stop) {}

void YearSorter::run() {
  for (;;) {
    bool timed_out = false;
    std::optional<LoadTask> task = in_.pop_for(kStep, timed_out);
    if (task) std::visit([this](auto& job) { take(std::move(job)); }, *task);
    else if (!timed_out) break;
    load_old();
  }
  while (!years_.empty()) load_early(years_.begin()->first);
  out_.reset();
}

void YearSorter::take(std::unique_ptr<LoadJob> job) {
  const Key key = key_of(*job);
  if (early_.contains(key)) return pass_on(std::move(job));
  Year& waiting = years_[key];
  if (!waiting.job) {
    wait_for_loaders();
    waiting.since = clock_.tick();
    waiting.job = std::make_unique<YearJob>();
    waiting.job->table = job->table;
    waiting.job->year = key.second;
    waiting.job->fence = key.first;
    waiting.job->rows = std::make_unique<SortedRows>(*job->table, settings_.order, settings_.run_bytes,
                                                     settings_.directory, std::exchange(spare_, {}));
  }
  if (const Result<void> added = waiting.job->rows->add(job->batch.rows.view()); !added) {
    log::warn("{}; loading {} as it comes", added.error().describe(), key.second);
    load_early(key);
    return pass_on(std::move(job));
  }
  waiting.job->units.push_back(std::move(job));
  LoadJob& taken = *waiting.job->units.back();
  taken.taken(&taken);
}

void YearSorter::take(std::unique_ptr<YearJob> job) {
  const auto found = years_.find(Key(job->fence, job->year));
  if (found == years_.end()) return job->done({});
  std::unique_ptr<YearJob> whole = std::move(found->second.job);
  years_.erase(found);
  whole->done = std::move(job->done);
  load(std::move(whole));
}

void YearSorter::pass_on(std::unique_ptr<LoadJob> job) {
  early_.at(key_of(*job))->wait(false);
  job->way = Way::table;
  job->taken = nullptr;
  const std::size_t bytes = job->batch.rows.size();
  out_->push(std::move(job), bytes);
}

void YearSorter::load(std::unique_ptr<YearJob> job) {
  ++loading_;
  if (SortedRows::Memory memory = job->rows->let_go(); memory.run.capacity() != 0) spare_ = std::move(memory);
  job->done = [this, done = std::move(job->done)](Result<void> result) mutable {
    --loading_;
    if (done) done(std::move(result));
  };
  out_->push(std::move(job), 0);
}

void YearSorter::load_old() {
  for (auto year = years_.begin(); year != years_.end();) {
    const Key key = year->first;
    const bool old = clock_.tick() - year->second.since >= settings_.patience;
    ++year;
    if (old || stop_.requested()) load_early(key);
  }
}

YearSorter::Key YearSorter::key_of(const LoadJob& job) { return {job.fence, year_of(job.unit->from)}; }

void YearSorter::load_early(Key key) {
  const auto found = years_.find(key);
  std::unique_ptr<YearJob> job = std::move(found->second.job);
  years_.erase(found);
  const auto is_there = std::make_shared<std::atomic<bool>>(false);
  early_.emplace(std::move(key), is_there);
  job->done = [is_there](const Result<void>&) {
    *is_there = true;
    is_there->notify_all();
  };
  load(std::move(job));
}

// A loader that gives up says so to every job, so this ends.
void YearSorter::wait_for_loaders() const {
  while (loading_ >= settings_.years_ahead && !stop_.requested()) std::this_thread::sleep_for(kStep / 10);
}

}  // namespace icingest::load
