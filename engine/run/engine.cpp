#include "run/engine_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <set>

#include "core/log.h"
#include "core/text.h"
#include "icingest/calendar.h"

namespace icingest::run {

namespace asio = boost::asio;
using checkpoint::UnitState;

namespace {

constexpr std::size_t kFirstEstimate = std::size_t{2} << 20;
constexpr std::int64_t kToleratedRejects = 10;
// An open session without bars this long after its close was not late: the source has nothing.
constexpr std::chrono::hours kPublishedBy{72};
constexpr int kMostPages = 100'000;

Failure unit_error(std::string message) {
  return Failure(Error{.action = Action::fail_unit, .exit = ExitCode::later, .message = std::move(message)});
}

}  // namespace

Engine::Engine(EngineSettings settings, const Clock& clock, Metrics& metrics, Stop& stop)
    : settings_(std::move(settings)),
      clock_(clock),
      metrics_(metrics),
      stop_(stop),
      budget_(settings_.memory_budget),
      buffers_(settings_.memory_budget / 8),
      // A commit frees two groups' buffers at a time, and the next units want them back.
      row_buffers_(settings_.memory_budget / 2),
      guard_(asio::make_work_guard(io_)),
      load_queue_(settings_.memory_budget),
      producer_(load_queue_),
      sort_queue_(settings_.memory_budget),
      sort_producer_(sort_queue_),
      ledger_(settings_.pipeline, settings_.run_id),
      loader_settings_{.db = settings_.db,
                       .commit_bytes = settings_.memory_budget / 4,
                       .outage_patience = settings_.outage_patience,
                       .idle_limit = settings_.lease},
      known_rows_(settings_.db, settings_.outage_patience, clock, &stop),
      random_(std::random_device{}()),
      estimate_(std::min(kFirstEstimate, settings_.memory_budget / 4)),
      pulse_at_(clock.tick()) {
  for (const EngineSource& source : settings_.sources)
    ports_.push_back(std::make_unique<Port>(source, *this));
  decoders_.emplace(io_, buffers_, settings_.memory_budget, settings_.decode_threads, metrics_);
  threads_.emplace_back([this] { io_.run(); });
  at_stop_.emplace(stop_, [this] { close_fetching(); });
}

Engine::~Engine() {
  at_stop_.reset();
  close_fetching();
  // In this order: no more requests, then no more batches, then nobody left to resume.
  std::promise<void> closed;
  asio::post(io_, [&] {
    for (const auto& port : ports_) port->close();
    closed.set_value();
  });
  closed.get_future().wait();
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return workers_ == 0; });
  }
  decoders_.reset();
  sort_producer_.reset();
  producer_.reset();
  guard_.reset();
  for (std::thread& thread : threads_) thread.join();
}

Engine::Holding Engine::holding() const {
  return {.limit = budget_.limit(), .held = budget_.held(), .queued = load_queue_.bytes()};
}

Tick Engine::pulse() {
  if (!pulse_asked_.exchange(true)) {
    asio::post(io_, [this] {
      pulse_at_ = clock_.tick();
      pulse_asked_ = false;
    });
  }
  return pulse_at_;
}

void Engine::close_fetching() {
  over_.store(true, std::memory_order_release);
  asio::post(io_, [this] {
    for (const auto& port : ports_) port->close();
  });
}

Engine::Port& Engine::port_of(const Route* route) const {
  if (route == nullptr || !route->source) return *ports_.front();
  const auto found = std::find_if(ports_.begin(), ports_.end(), [&](const auto& port) {
    return port->source().name == route->source->name;
  });
  ICINGEST_CHECK(found != ports_.end());
  return **found;
}

void Engine::end_run(const Error& error) {
  {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = error;
  }
  close_fetching();
}

std::optional<Error> Engine::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

std::string Engine::first_unit_failure() const {
  const std::scoped_lock lock(mutex_);
  return first_unit_failure_;
}

void Engine::execute(std::vector<PlannedUnit> units, const Universe& universe) {
  if (units.empty() || over()) return;
  use_streams(1);
  begin_units(std::move(units), universe);
  end_units();
}

// Waits for what is under way; then come the years that are not whole.
void Engine::end_units() {
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return workers_ == 0; });
  }
  finish_years_left(load::Way::sorted);
  wait_for_units();
  finish_years_left(load::Way::aside);
  wait_for_years();
}

void Engine::begin_units(std::vector<PlannedUnit> units, const Universe& universe) {
  {
    const std::scoped_lock lock(mutex_);
    for (const PlannedUnit& planned : units)
      years_.expect(planned.unit, planned.fence, planned.way, planned.route->load.table);
    unfinished_ = units.size();
    ++workers_;  // whoever starts the others
  }
  asio::post(io_, [&, planned = std::move(units)]() mutable {
    units_.assign(std::make_move_iterator(planned.begin()), std::make_move_iterator(planned.end()));
    universe_ = &universe;
    for (PlannedUnit& unit : units_) port_of(unit.route).waiting.push_back(&unit);
    for (const auto& port : ports_) {
      if (port->waiting.empty()) continue;
      for (int i = 0; i < port->source().in_flight; ++i) start_worker(*port);
    }
    worker_ended();
  });
}

void Engine::wait_for_units() {
  std::unique_lock lock(mutex_);
  // Units that nobody will take any more, because the run is over, do not end: the workers do.
  ended_.wait(lock, [&] { return workers_ == 0 && in_loaders_ == 0 && (unfinished_ == 0 || over()); });
}

void Engine::start_worker(Port& port) {
  {
    const std::scoped_lock lock(mutex_);
    ++workers_;
  }
  ++port.workers;
  asio::co_spawn(io_, work(port), asio::detached);
}

void Engine::worker_ended() {
  const std::scoped_lock lock(mutex_);
  --workers_;
  ended_.notify_all();
}

PlannedUnit* Engine::next_unit(Port& port) {
  while (!over() && !port.waiting.empty()) {
    PlannedUnit* const unit = port.waiting.front();
    port.waiting.pop_front();
    if (unit->fence.empty() || settings_.is_mine(unit->fence)) return unit;
    unit_ended(false, {}, {});  // others have it
  }
  return nullptr;
}

asio::awaitable<void> Engine::work(Port& port) {
  while (PlannedUnit* planned = next_unit(port)) co_await deliver(*planned);
  --port.workers;
  worker_ended();
}

asio::awaitable<void> Engine::pause(std::chrono::milliseconds duration) {
  // In steps, so that a stop is never far away.
  const Tick until = clock_.tick() + duration;
  while (!over() && clock_.tick() < until) {
    asio::steady_timer timer(io_);
    timer.expires_after(
        std::min<std::chrono::nanoseconds>(until - clock_.tick(), std::chrono::milliseconds(100)));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<Budget::Hold> Engine::take_budget(std::size_t bytes) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Budget::Hold)>(
      [this, bytes](auto handler) {
        budget_.take(bytes, [this, handler = std::move(handler)](Budget::Hold hold) mutable {
          asio::post(io_, [handler = std::move(handler), hold = std::move(hold)]() mutable {
            std::move(handler)(std::move(hold));
          });
        });
      },
      asio::use_awaitable);
}

asio::awaitable<void> Engine::deliver(PlannedUnit& planned) {
  for (int attempts = 1, rounds = 1; !over(); ++rounds) {
    Budget::Hold hold = co_await take_budget(estimate_);
    if (over()) break;
    fetch::SourceClient& client = port_of(planned.route).client;
    const bool was_away = client.is_away();
    Result<Delivery> delivery = co_await attempt(planned, hold);
    if (delivery && delivery->unchanged) {
      row_buffers_.give_back(std::move(delivery->batch.rows));
      metrics_.units_done.add();
      unit_ended(false, planned.fence, planned.claim);
      co_return;
    }
    const bool has_nothing =
        delivery && (delivery->state == UnitState::empty || delivery->state == UnitState::unavailable);
    if (has_nothing && fall_back(planned, delivery->reason)) {
      row_buffers_.give_back(std::move(delivery->batch.rows));
      continue;
    }
    if (delivery) {
      submit(planned, std::move(*delivery), std::move(hold), attempts);
      co_return;
    }
    hold.release();
    const Error& error = delivery.error();
    if (over()) break;
    log::debug("{}: {}", planned.unit.key, error.describe());
    if (error.action == Action::stop_source || error.action == Action::fail_run) {
      end_run(error);
      break;
    }
    if (error.action == Action::fail_unit) {
      if (fall_back(planned, error.message)) continue;
      record_failure(planned, error, attempts);
      co_return;
    }
    metrics_.retries.add();
    Error why;
    source_away_.store(client.is_away(), std::memory_order_relaxed);
    // A unit that can be had elsewhere does not wait for a source that fails everybody.
    if (client.is_away() && fall_back(planned, error.message)) {
      attempts = 1;
      continue;
    }
    if (client.is_given_up(why)) {
      end_run(why);
      break;
    }
    // A source that fails everybody, or asks everybody to slow down, says nothing about this unit.
    const bool counts = !was_away && !client.is_away() && error.cause.http_status != 429;
    if (counts && ++attempts > kRetry.attempts) {
      if (fall_back(planned, error.message)) {
        attempts = 1;
        continue;
      }
      record_failure(planned, error, attempts - 1);
      co_return;
    }
    co_await pause(rate::pause_after(std::min(rounds, attempts + 1), kRetry, error.retry_after, random_));
  }
  unit_ended(false, {}, {});
}

// Sends the unit to the other route it has, once. What the source gives there is on its own basis.
bool Engine::fall_back(PlannedUnit& planned, std::string_view why) {
  if (planned.fallback == nullptr) return false;
  log::debug("{}: asked as {} ({})", planned.unit.key, planned.fallback->name, why);
  planned.route = std::exchange(planned.fallback, nullptr);
  planned.unit.basis = nullptr;
  planned.etag.clear();
  return true;
}

std::unique_ptr<KeySet> Engine::take_keys() {
  const std::scoped_lock lock(mutex_);
  if (key_sets_.empty()) return std::make_unique<KeySet>();
  std::unique_ptr<KeySet> keys = std::move(key_sets_.back());
  key_sets_.pop_back();
  keys->clear();
  return keys;
}

void Engine::give_back(std::unique_ptr<KeySet> keys) {
  if (!keys) return;
  const std::scoped_lock lock(mutex_);
  key_sets_.push_back(std::move(keys));
}

asio::awaitable<Result<Engine::Delivery>> Engine::attempt(const PlannedUnit& planned, Budget::Hold& hold) {
  Attempt state;
  Result<void> outcome;
  for (const std::string& first : planned.route->requests(planned.unit, settings_.own_options)) {
    std::string page = first;
    while (outcome && !page.empty()) {
      std::string next_page;
      Result<bool> more = co_await fetch_page(planned, state, std::move(page), next_page);
      if (!more) outcome = std::unexpected(std::move(more).error());
      else if (!*more) next_page.clear();
      page = std::move(next_page);
      hold.resize(std::max(hold.bytes(), state.delivery.batch.rows.capacity()));
    }
    if (!outcome) break;
  }
  give_back(std::move(state.keys));
  if (outcome) outcome = accept(planned, state.delivery);
  if (!outcome) {
    row_buffers_.give_back(std::move(state.delivery.batch.rows));
    co_return std::unexpected(std::move(outcome).error());
  }
  co_return std::move(state.delivery);
}

// One request and the decoding of its answer. False: the answer has nothing to follow.
asio::awaitable<Result<bool>> Engine::fetch_page(const PlannedUnit& planned, Attempt& state, std::string path,
                                                 std::string& next_page) {
  if (!state.pages.insert(path).second || state.pages.size() > kMostPages) {
    co_return Failure(Error{.action = Action::retry,
                            .exit = ExitCode::later,
                            .message = fmt::format("{}: the pages lead in a circle", planned.unit.key)});
  }
  Delivery& delivery = state.delivery;
  fetch::SourceClient& client = port_of(planned.route).client;
  Result<fetch::Answer> answer = co_await client.get(std::move(path), planned.etag);
  if (!answer) co_return std::unexpected(std::move(answer).error());
  if (delivery.source.empty()) delivery.source = answer->url, delivery.asked_at = answer->asked_at;
  delivery.wire_bytes += static_cast<std::int64_t>(answer->response.wire_bytes);
  delivery.fetch_time += answer->response.total;
  delivery.etag = answer->response.etag;
  delivery.last_modified = answer->response.last_modified;
  if (answer->judgement.verdict != Verdict::success) {
    Failure error = verdict_error(*answer, client.config().source);
    buffers_.give_back(std::move(answer->response.body));
    if (answer->judgement.verdict == Verdict::unchanged) {
      delivery.unchanged = true;
    } else if (answer->judgement.verdict == Verdict::empty) {
      delivery.state = UnitState::empty;
    } else if (answer->judgement.verdict == Verdict::unavailable) {
      delivery.state = UnitState::unavailable;
    } else {
      co_return error;
    }
    delivery.reason = answer->judgement.reason;
    co_return false;
  }
  const std::int64_t rows_before = delivery.batch.row_count;
  const std::int64_t duplicates_before = delivery.batch.duplicates;
  const auto started = clock_.tick();
  DecodeTask task{
      .body = std::move(answer->response.body), .gzip = answer->response.gzip, .origin = answer->url};
  task.decode = [&](Document& document) {
    return decode(document, planned, delivery, state.keys, next_page);
  };
  Result<void> decoded = co_await decoders_->decode(std::move(task));
  delivery.decode_time += std::chrono::duration_cast<std::chrono::microseconds>(clock_.tick() - started);
  client.body_was(answer->url, decoded.has_value());
  if (!decoded) co_return std::unexpected(std::move(decoded).error());
  metrics_.rows_decoded.add(delivery.batch.row_count - rows_before);
  const bool repeats =
      delivery.batch.row_count == rows_before && delivery.batch.duplicates > duplicates_before;
  if (repeats && state.pages.size() > 1) {
    co_return Failure(Error{.action = Action::retry,
                            .exit = ExitCode::later,
                            .message = fmt::format("{}: a page repeats an earlier one", planned.unit.key)});
  }
  co_return true;
}

Failure Engine::verdict_error(const fetch::Answer& answer, const Source& source) {
  const Judgement& judgement = answer.judgement;
  Error error{
      .exit = ExitCode::later,
      .message = fmt::format("GET {}: HTTP {}{}{}", answer.url, answer.response.status,
                             judgement.message.empty() ? "" : ": ", text::printable(judgement.message, 300)),
      .cause = {.http_status = answer.response.status}};
  switch (judgement.verdict) {
    case Verdict::stop_source:
      error.action = Action::stop_source;
      error.exit = ExitCode::person;
      if (judgement.reason == "bad_contact") {
        error.remedy = fmt::format(
            "set {} to the name of your company or program and an address where you can be reached",
            fmt::join(source.contact_env, " or "));
      } else if (judgement.reason == "bad_credential") {
        error.remedy = fmt::format("set {} to a valid key", fmt::join(source.credential_env, " or "));
        if (source.store)
          error.remedy += fmt::format(" and {} to its secret", fmt::join(source.store->secret_env, " or "));
      } else if (judgement.reason == "wrong_path") {
        error.remedy = fmt::format("check {}", fmt::join(source.base_url_env, " or "));
      } else if (judgement.reason == "clock") {
        error.remedy = "set this machine's clock";
      } else {
        error.remedy =
            "the plan behind this key does not include the data: upgrade it or choose another --strategy";
      }
      break;
    case Verdict::fail_unit: error.action = Action::fail_unit; break;
    default:
      error.action = Action::retry;
      error.retry_after =
          fetch::parse_retry_after(answer.response.retry_after, std::chrono::system_clock::now());
      // The limiter keeps a throttled source waiting already.
      if (judgement.verdict == Verdict::throttled) error.retry_after = {}, error.cause.http_status = 429;
  }
  return Failure(std::move(error));
}

// Whether a delivery is fit to be recorded, and as what.
Result<void> Engine::accept(const PlannedUnit& planned, Delivery& delivery) const {
  if (delivery.state != UnitState::done || delivery.unchanged) return {};
  const Batch& batch = delivery.batch;
  if (batch.answered == 0) {
    const bool recent =
        planned.unit.grain == Grain::session && clock_.now() < nyse::close_of(planned.unit.to) + kPublishedBy;
    if (recent) {
      return unit_error(fmt::format("{}: the source has no bars of this session yet", planned.unit.key));
    }
    delivery.state = UnitState::empty;
    if (delivery.reason.empty()) delivery.reason = "no_rows";
    return {};
  }
  const auto rejects = static_cast<std::int64_t>(batch.rejects.size());
  const auto tolerated =
      static_cast<std::int64_t>(settings_.max_reject_share * static_cast<double>(batch.seen));
  if (rejects > std::max(kToleratedRejects, tolerated)) {
    delivery.state = UnitState::failed;
    delivery.reason = "bad_rows";
    log::error("{}: {} of {} rows cannot be taken, more than {:.0f} %; see `icingest rejects {}`",
               planned.unit.key, rejects, batch.seen, settings_.max_reject_share * 100, settings_.pipeline);
  }
  return {};
}

void Engine::record_failure(PlannedUnit& planned, const Error& error, int attempts) {
  if (error.action == Action::retry && !planned.had_second_chance) {
    // Bad luck with every attempt: once more, when everything else is done.
    planned.had_second_chance = true;
    Port& port = port_of(planned.route);
    port.waiting.push_back(&planned);
    // A unit that fell back is with a worker of another source; those of this one may have gone.
    if (port.workers == 0) start_worker(port);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    if (first_unit_failure_.empty())
      first_unit_failure_ = fmt::format("{}: {}", planned.unit.key, error.describe());
  }
  log::warn("{}: {}", planned.unit.key, error.describe());
  Delivery delivery{
      .state = UnitState::failed, .reason = text::printable(error.message, 500), .asked_at = clock_.now()};
  submit(planned, std::move(delivery), Budget::Hold(), attempts);
}

// Waits before the same request goes out again; the error where that is no use.
asio::awaitable<Result<void>> Engine::wait_to_retry(fetch::SourceClient& client, Error error, int& attempts) {
  Error why;
  if (client.is_given_up(why)) co_return Failure(std::move(why));
  if (error.action != Action::retry && error.action != Action::reconnect) co_return Failure(std::move(error));
  if (error.cause.http_status != 429 && !client.is_away() && ++attempts > kRetry.attempts) {
    error.action = Action::fail_unit;  // there may be another way
    co_return Failure(std::move(error));
  }
  log::debug("{}; once more", error.describe());
  metrics_.retries.add();
  co_await pause(rate::pause_after(attempts, kRetry, error.retry_after, random_));
  co_return Result<void>{};
}

asio::awaitable<Result<Engine::Reply>> Engine::ask_pages(Port& port, std::string path, Read read) {
  fetch::SourceClient& client = port.client;
  Reply reply;
  for (int attempts = 1; !over();) {
    Error error;
    Result<fetch::Answer> answer = co_await client.get(path, {});
    if (!answer) {
      error = std::move(answer).error();
    } else {
      reply.judgement = answer->judgement;
      const Verdict verdict = answer->judgement.verdict;
      if (verdict == Verdict::empty || verdict == Verdict::unavailable) co_return reply;
      if (verdict == Verdict::success) {
        std::string next_page;
        DecodeTask task{
            .body = std::move(answer->response.body), .gzip = answer->response.gzip, .origin = answer->url};
        task.decode = [&](Document& document) { return read(document, next_page); };
        Result<void> decoded = co_await decoders_->decode(std::move(task));
        client.body_was(answer->url, decoded.has_value());
        if (decoded) {
          if (next_page.empty()) co_return reply;
          path = std::move(next_page);
          attempts = 1;
          continue;
        }
        error = std::move(decoded).error();
      } else {
        error = verdict_error(*answer, client.config().source).error();
      }
    }
    Result<void> again = co_await wait_to_retry(client, std::move(error), attempts);
    if (!again) co_return std::unexpected(std::move(again).error());
  }
  co_return run_is_over();
}

asio::awaitable<void> Engine::ask_and_tell(Port& port, std::string path, Read read,
                                           std::shared_ptr<std::promise<Result<Reply>>> told) {
  Result<Reply> reply = co_await ask_pages(port, std::move(path), std::move(read));
  worker_ended();
  told->set_value(std::move(reply));
}

Result<Engine::Reply> Engine::ask(const Route* route, std::string path, Read read) {
  if (over()) return run_is_over();
  {
    const std::scoped_lock lock(mutex_);
    ++workers_;
  }
  const auto told = std::make_shared<std::promise<Result<Reply>>>();
  auto answer = told->get_future();
  asio::co_spawn(io_, ask_and_tell(port_of(route), std::move(path), std::move(read), told), asio::detached);
  return answer.get();
}

}  // namespace icingest::run
