// engine_port.h: what the engine's source files share: a source with all that is its own, and an attempt under way.
//
// Threads   the io_context's thread
#pragma once

#include <deque>
#include <set>
#include <string>

#include "run/engine.h"

namespace icingest::run {

inline constexpr rate::BackoffPolicy kRetry{};

inline Failure run_is_over() {
  return Failure(Error{.action = Action::stop_source, .exit = ExitCode::later, .message = "the run is over"});
}

// Pages seen and what is gathered while a unit's requests are under way.
struct Engine::Attempt {
  Delivery delivery;
  std::unique_ptr<KeySet> keys;
  std::set<std::string> pages;
};

struct Engine::Port {
  Port(const EngineSource& source, Engine& engine)
      : http(engine.io_, engine.buffers_, source.config.source.in_flight,
             source.config.user_agent.empty() ? engine.settings_.user_agent : source.config.user_agent),
        throttle(engine.io_, source.config.limit, source.make_quota, engine.settings_.outage_patience,
                 engine.clock_, engine.metrics_),
        client(source.config, http, throttle, engine.clock_, engine.metrics_, engine.buffers_) {}

  void close() {
    throttle.close();
    http.abort_all();
  }
  [[nodiscard]] const Source& source() const { return client.config().source; }

  fetch::HttpClient http;
  fetch::Throttle throttle;
  fetch::SourceClient client;
  std::deque<PlannedUnit*> waiting;  // in order of work; behind them those that get a second chance
  int workers = 0;                   // coroutines that take from it
};

}  // namespace icingest::run
