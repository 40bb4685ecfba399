// progress.h: how far a run is, how fast, how long still, and what limits it.
//
// A bar that redraws itself on a terminal; elsewhere a line that begins with "Progress:" at least every ten
// seconds, which is what recovery plans grep for.
//
// Threads   watch() from the run's thread; drawing is this object's own
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "run/limits.h"

namespace icingest::cli {

class Progress {
 public:
  enum class Style : std::uint8_t { none, plain, bar };

  // "auto" draws a bar when stderr is a terminal.
  [[nodiscard]] static Style style_of(const std::string& option);

  Progress(Style style, const Clock& clock);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // A run begins, or ends with nullptr.
  void watch(const std::string& name, const Metrics* metrics, const run::Engine* engine);

 private:
  struct Moment {
    Tick at{};
    std::int64_t units = 0;
    std::int64_t rows = 0;
  };

  void draw_loop();
  void draw();
  void print(const std::string& line, bool final);
  void clear_bar();
  [[nodiscard]] std::string line() const;

  const Style style_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::string name_;
  const Metrics* metrics_ = nullptr;
  const run::Engine* engine_ = nullptr;
  run::LimitMeter meter_;
  Moment begin_;
  Tick last_line_{};
  std::atomic<bool> bar_drawn_{false};  // also read by whoever writes a line of the log
  std::thread thread_;
};

}  // namespace icingest::cli
