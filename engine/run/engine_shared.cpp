// Units that come from a source as they are needed, because other processes take from it too.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "core/log.h"
#include "pg/lost.h"
#include "run/engine_port.h"

namespace icingest::run {

namespace asio = boost::asio;

namespace {

// What others have may come back at any time, when they die.
constexpr std::chrono::milliseconds kPoll{250};
// Seconds of work in hand, as far as it can be told, and units at once.
constexpr double kAhead = 2;
constexpr std::int64_t kFirst = 8;
constexpr std::int64_t kMostAtOnce = 256;

// How much to have in hand, by how fast it comes: little at first, because others begin at the same time.
class Pace {
 public:
  Pace(std::int64_t in_flight, Tick now) : in_flight_(in_flight), since_(now) {}

  // `fetched`: units so far.
  void look(std::int64_t fetched, Tick now) {
    fetched_ = fetched;
    const double seconds = std::chrono::duration<double>(now - since_).count();
    if (seconds < 1) return;
    rate_ = static_cast<double>(fetched - counted_) / seconds;
    counted_ = fetched;
    since_ = now;
  }
  // With fewer than these to come, more are taken.
  [[nodiscard]] std::int64_t least() const {
    if (fetched_ < in_flight_) return std::min(in_flight_, kFirst + 2 * fetched_);
    return std::clamp(static_cast<std::int64_t>(rate_ * kAhead), in_flight_, 2 * in_flight_);
  }
  [[nodiscard]] int most() const {
    if (fetched_ < in_flight_) return static_cast<int>(least());
    return static_cast<int>(std::clamp(static_cast<std::int64_t>(rate_ * kAhead), kFirst, kMostAtOnce));
  }

 private:
  const std::int64_t in_flight_;
  Tick since_;
  std::int64_t fetched_ = 0;
  std::int64_t counted_ = 0;
  double rate_ = 0;  // units a second
};

}  // namespace

void Engine::open_units(const Universe& universe) {
  {
    const std::scoped_lock lock(mutex_);
    unfinished_ = 0;
    ended_units_ = 0;
    claims_.clear();
    ended_claims_.clear();
  }
  asio::post(io_, [this, &universe] {
    units_.clear();
    universe_ = &universe;
  });
}

void Engine::add_units(std::vector<PlannedUnit> units) {
  {
    const std::scoped_lock lock(mutex_);
    for (const PlannedUnit& planned : units) {
      ++claims_[{planned.fence, planned.claim}];
      // Years built aside are whole when nobody has units for them any more.
      if (planned.way == load::Way::sorted)
        years_.expect(planned.unit, planned.fence, planned.way, planned.route->load.table);
    }
    unfinished_ += units.size();
    ++workers_;  // whoever starts the others
  }
  asio::post(io_, [this, planned = std::move(units)]() mutable {
    for (PlannedUnit& unit : planned) {
      PlannedUnit& kept = units_.emplace_back(std::move(unit));
      port_of(kept.route).waiting.push_back(&kept);
    }
    for (const auto& port : ports_) {
      const int room = port->source().in_flight - port->workers;
      for (int i = std::min<int>(room, static_cast<int>(port->waiting.size())); i > 0; --i)
        start_worker(*port);
    }
    worker_ended();
  });
}

void Engine::execute(UnitSource& source, const Universe& universe) {
  if (over()) return;
  use_streams(1);
  open_units(universe);
  Pace pace(ports_.front()->source().in_flight, clock_.tick());
  bool others_have_it = false;
  for (bool first = true;; first = false) {
    std::vector<std::string> ended;
    int most = 0;  // nothing but what has ended
    {
      std::unique_lock lock(mutex_);
      const auto to_come = [&] { return static_cast<std::int64_t>(unfinished_ - in_loaders_); };
      const auto is_time = [&] {
        if (over()) return true;
        if (others_have_it) return unfinished_ == 0 && !ended_claims_.empty();
        pace.look(ended_units_ + static_cast<std::int64_t>(in_loaders_), clock_.tick());
        return to_come() < pace.least();
      };
      if (!first) ended_.wait_for(lock, kPoll, is_time);
      if (over()) break;
      ended.swap(ended_claims_);
      if (others_have_it || to_come() < pace.least()) most = pace.most();
      else if (ended.empty()) continue;
    }
    Result<UnitSource::Taken> taken = source.take(most, ended);
    if (!taken) {
      if (!pg::is_lost(taken.error())) end_run(taken.error());
      break;
    }
    if (taken->complete) break;
    if (most > 0) others_have_it = taken->units.empty();
    if (!taken->units.empty()) add_units(std::move(taken->units));
  }
  end_units();
}

void Engine::finish_years(const TableInfo& table, const std::set<int>& years, const std::string& fence) {
  use_streams(1);
  for (const int year : years) finish_year({fence, year}, load::Way::aside, table);
  wait_for_years();
}

void Engine::note_loss(const std::string& unit, const Error& error) {
  if (!loss_.exchange(true)) log::warn("{} and what came with it: {}", unit, error.describe());
}

}  // namespace icingest::run
