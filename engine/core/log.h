// log.h: what the engine tells people, on stderr.
//
// INFO says what goes on, WARN that something went wrong and nothing was lost, ERROR that a person is needed.
// Results never live in a log only: they are in the ledger.
//
// Threads   any; a line is written whole
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace icingest::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { text, json };

void configure(Level level, Format format);
[[nodiscard]] bool enabled(Level level);

// Called before each line, so that a progress bar can clear itself.
void before_each_line(std::function<void()> callback);

// One line, secrets redacted.
void write(Level level, std::string_view message);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn)) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace icingest::log
