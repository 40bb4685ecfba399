// monitor.h: what others may know of this process over HTTP while it works.
//
//   /metrics   Prometheus, text format
//   /healthz   200 while the process does its work; 503 when its fetch thread has not moved for a minute
//   /readyz    200 when the database answers; 503 with the reason before, during an outage, and while stopping
//
// Threads   watch() and observe() from the run's thread; everything else is this object's own
// Errors    usage: an address that cannot be listened on
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/stop.h"
#include "monitor/http_endpoint.h"
#include "monitor/ledger_watch.h"
#include "monitor/view.h"
#include "run/limits.h"

namespace icingest::monitor {

class Monitor {
 public:
  Monitor(std::string version, const Clock& clock, const Stop& stop);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  Result<void> listen(const std::string& address);
  // "127.0.0.1:9464"
  [[nodiscard]] std::string address() const { return endpoint_->address(); }

  // From now on the ledger of this database is part of the view.
  void observe(const pg::DbConfig& db, const std::vector<Pipeline>& pipelines);
  // A run begins, or ends with nullptr; what it counted stays visible.
  void watch(const std::string& pipeline, const Metrics* metrics, run::Engine* engine);

  // The answer of a path, as it goes out.
  [[nodiscard]] HttpAnswer answer(std::string_view path);

 private:
  void sample_loop();
  [[nodiscard]] View view();
  [[nodiscard]] RunView look_at_run() const;
  [[nodiscard]] HttpAnswer health();
  [[nodiscard]] HttpAnswer readiness();

  const std::string version_;
  const Clock& clock_;
  const Stop& stop_;

  mutable std::mutex mutex_;  // what follows; held while a run's counters are read, so that they outlive it
  std::condition_variable wake_;
  bool ending_ = false;
  std::string pipeline_;
  const Metrics* metrics_ = nullptr;
  run::Engine* engine_ = nullptr;
  run::LimitMeter meter_;
  Instant run_started_{};
  Tick pulse_{};
  std::vector<RunView> over_;
  std::unique_ptr<LedgerWatch> ledger_;

  std::thread sampling_;
  std::unique_ptr<HttpEndpoint> endpoint_;
};

}  // namespace icingest::monitor
