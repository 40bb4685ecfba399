#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>

#include "core/secret.h"
#include "core/text.h"
#include "icingest/time.h"

namespace icingest::log {
namespace {

struct Settings {
  std::atomic<Level> level{Level::info};
  std::atomic<Format> format{Format::text};
  std::mutex mutex;  // a line and what clears the way for it belong together
  std::function<void()> before;
};
Settings& settings() {
  static Settings instance;
  return instance;
}

spdlog::logger& sink() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("icingest", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view word(Level level) {
  switch (level) {
    case Level::debug: return "DEBUG";
    case Level::info: return "INFO";
    case Level::warn: return "WARN";
    default: return "ERROR";
  }
}

}  // namespace

void configure(Level level, Format format) {
  settings().level = level;
  settings().format = format;
}

bool enabled(Level level) { return level >= settings().level.load(std::memory_order_relaxed); }

void before_each_line(std::function<void()> callback) {
  const std::scoped_lock lock(settings().mutex);
  settings().before = std::move(callback);
}

void write(Level level, std::string_view message) {
  const std::string now =
      to_string(std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()));
  const std::string clean = redact(message);
  const std::string line = settings().format == Format::json
                               ? fmt::format(R"({{"time":"{}","level":"{}","message":{}}})", now, word(level),
                                             text::json_quote(clean))
                               : fmt::format("{} {:5} {}", now, word(level), clean);
  const std::scoped_lock lock(settings().mutex);
  if (settings().before) settings().before();
  sink().log(spdlog::level::critical, line);
}

}  // namespace icingest::log
