#include "monitor/monitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/secret.h"
#include "core/signals.h"
#include "monitor/exposition.h"

namespace icingest::monitor {
namespace {

constexpr std::chrono::milliseconds kSample{500};
constexpr std::chrono::seconds kLookEvery{5};
// The fetch thread never waits for anything; a minute without a sign of life is a deadlock or a starved machine.
constexpr std::chrono::seconds kNoPulse{60};

}  // namespace

Monitor::Monitor(std::string version, const Clock& clock, const Stop& stop)
    : version_(std::move(version)), clock_(clock), stop_(stop) {}

Monitor::~Monitor() {
  endpoint_.reset();
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (sampling_.joinable()) sampling_.join();
}

Result<void> Monitor::listen(const std::string& address) {
  ICINGEST_TRY_LET(endpoint_,
                   HttpEndpoint::listen(address, [this](std::string_view path) { return answer(path); }));
  sampling_ = std::thread([this] { sample_loop(); });
  return {};
}

void Monitor::observe(const pg::DbConfig& db, const std::vector<Pipeline>& pipelines) {
  auto watch = std::make_unique<LedgerWatch>(db, pipelines, clock_, kLookEvery);
  const std::scoped_lock lock(mutex_);
  ledger_ = std::move(watch);
}

void Monitor::watch(const std::string& pipeline, const Metrics* metrics, run::Engine* engine) {
  const std::scoped_lock lock(mutex_);
  if (metrics_ != nullptr) {
    RunView last = look_at_run();
    last.active = false;
    std::erase_if(over_, [&](const RunView& run) { return run.pipeline == last.pipeline; });
    over_.push_back(std::move(last));
  }
  pipeline_ = pipeline;
  metrics_ = metrics;
  engine_ = engine;
  meter_ = {};
  run_started_ = clock_.now();
  pulse_ = clock_.tick();
}

void Monitor::sample_loop() {
  leave_signals_to_others();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kSample, [this] { return ending_; })) {
    if (metrics_ == nullptr) continue;
    meter_.sample(*metrics_, *engine_, clock_.tick());
    pulse_ = engine_->pulse();
  }
}

RunView Monitor::look_at_run() const {
  RunView view = look_at(*metrics_, *engine_);
  view.pipeline = pipeline_;
  view.started = run_started_;
  view.limit = meter_.limit();
  return view;
}

View Monitor::view() {
  View view{.version = version_, .process = look_at_process()};
  const std::scoped_lock lock(mutex_);
  view.runs = over_;
  if (metrics_ != nullptr) {
    std::erase_if(view.runs, [&](const RunView& run) { return run.pipeline == pipeline_; });
    view.runs.push_back(look_at_run());
  }
  if (ledger_) view.database = ledger_->view();
  return view;
}

HttpAnswer Monitor::health() {
  const std::scoped_lock lock(mutex_);
  const auto silent = std::chrono::duration_cast<std::chrono::seconds>(clock_.tick() - pulse_);
  if (metrics_ == nullptr || silent < kNoPulse) return {.body = "ok\n"};
  return {.status = 503, .body = fmt::format("the fetch thread has not moved for {} s\n", silent.count())};
}

HttpAnswer Monitor::readiness() {
  if (stop_.requested()) return {.status = 503, .body = "stopping\n"};
  const std::scoped_lock lock(mutex_);
  const std::optional<DatabaseView> database = ledger_ ? ledger_->view() : std::nullopt;
  if (!database) return {.status = 503, .body = "the database was not looked at yet\n"};
  if (!database->up) return {.status = 503, .body = redact(database->problem) + "\n"};
  return {.body = "ok\n"};
}

HttpAnswer Monitor::answer(std::string_view path) {
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = to_text(families(view()))};
  }
  if (path == "/healthz") return health();
  if (path == "/readyz") return readiness();
  return {.status = 404, .body = "there are /metrics, /healthz and /readyz\n"};
}

}  // namespace icingest::monitor
