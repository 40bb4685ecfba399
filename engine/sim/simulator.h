// simulator.h: an HTTP server that behaves like the sources, unpleasant parts included.
//
// Threads   serve() is one thread's body; stop() from any thread; port() after construction
// Lifetime  listens from construction on, so nobody has to wait for it
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "icingest/result.h"
#include "icingest/source.h"
#include "icingest/time.h"
#include "sim/files_api.h"
#include "sim/massive_api.h"
#include "sim/sec_api.h"

namespace icingest::sim {

struct SimOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::uint64_t seed = 1;
  int tickers = 500;
  Date from{};
  Date to{};
  RateLimit massive_limit{.permits = 100};
  std::string faults;  // faults.h
  std::optional<std::filesystem::path> recorded;
  MassiveOptions massive;
  FilesOptions files;
  SecOptions sec;
  std::vector<Date> corrected;  // sessions whose data the provider has corrected
  bool prerender = false;       // every answer by session, before the first request
  std::size_t cache_bytes = std::size_t{256} << 20;
};

class Simulator {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Simulator>> listen(const SimOptions& options,
                                                                 const Clock& clock);
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string base_url() const;
  [[nodiscard]] const Market& market() const;
  [[nodiscard]] const SecFilers& filers() const;
  // What GET /__sim/stats gives.
  [[nodiscard]] std::string stats() const;

  void serve();
  void stop();

 private:
  struct State;
  explicit Simulator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace icingest::sim
