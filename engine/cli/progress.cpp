#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "core/log.h"
#include "core/signals.h"
#include "core/text.h"

namespace icingest::cli {
namespace {

constexpr std::chrono::milliseconds kSample{100};
constexpr std::chrono::seconds kPlainEvery{5};

std::int64_t units_ended(const Metrics& metrics) {
  return metrics.units_done.get() + metrics.units_empty.get() + metrics.units_unavailable.get() +
         metrics.units_failed.get();
}

std::int64_t rows_loaded(const Metrics& metrics) {
  return metrics.rows_written.get() + metrics.rows_unchanged.get();
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Style Progress::style_of(const std::string& option) {
  if (option == "bar") return Style::bar;
  if (option == "plain") return Style::plain;
  if (option == "none") return Style::none;
  return ::isatty(STDERR_FILENO) != 0 ? Style::bar : Style::plain;
}

Progress::Progress(Style style, const Clock& clock) : style_(style), clock_(clock) {
  if (style_ == Style::none) return;
  if (style_ == Style::bar) log::before_each_line([this] { clear_bar(); });
  thread_ = std::thread([this] { draw_loop(); });
}

Progress::~Progress() {
  if (style_ == Style::none) return;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  log::before_each_line({});
}

void Progress::watch(const std::string& name, const Metrics* metrics, const run::Engine* engine) {
  const std::scoped_lock lock(mutex_);
  if (metrics == nullptr && metrics_ != nullptr && style_ != Style::none) print(line(), true);
  name_ = name;
  metrics_ = metrics;
  engine_ = engine;
  meter_ = {};
  begin_ = {.at = clock_.tick()};
  last_line_ = clock_.tick();
}

void Progress::draw_loop() {
  leave_signals_to_others();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kSample, [&] { return ending_; })) draw();
}

void Progress::draw() {
  if (metrics_ == nullptr) return;
  meter_.sample(*metrics_, *engine_, clock_.tick());
  if (style_ == Style::bar) {
    print(line(), false);
  } else if (clock_.tick() - last_line_ >= kPlainEvery) {
    last_line_ = clock_.tick();
    print(line(), false);
  }
}

std::string Progress::line() const {
  const std::int64_t skipped = metrics_->units_skipped.get();
  // A year is committed as one, which would make the bar stand still and jump.
  const std::int64_t ended = units_ended(*metrics_) + metrics_->units_sorted.get();
  const std::int64_t planned = std::max(metrics_->units_planned.get(), skipped + ended);
  const double seconds = std::chrono::duration<double>(clock_.tick() - begin_.at).count();
  const double rate = seconds > 0 ? static_cast<double>(ended) / seconds : 0;
  const double row_rate = seconds > 0 ? static_cast<double>(rows_loaded(*metrics_)) / seconds : 0;
  const double left = static_cast<double>(planned - skipped - ended);
  const double share = planned > 0 ? static_cast<double>(skipped + ended) / static_cast<double>(planned) : 0;
  const std::string eta = rate > 0 ? text::duration(left / rate) : "?";
  if (style_ == Style::bar) {
    const std::string tail = fmt::format(" {:5.1f} % {}/{} {:.0f} rows/s ETA {} limit: {}", share * 100,
                                         skipped + ended, planned, row_rate, eta, to_string(meter_.limit()));
    const std::size_t width = terminal_width();
    const std::size_t fixed = name_.size() + 3 + tail.size();
    const std::size_t bar = width > fixed + 10 ? std::min<std::size_t>(40, width - fixed) : 10;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(bar));
    return fmt::format("{} [{}{}]{}", name_, std::string(full, '#'), std::string(bar - full, '.'), tail);
  }
  return fmt::format(
      "Progress: {}/{} ({:.1f}%) | Success: {} | Skipped: {} | Errors: {} | "
      "Rows: {} | Rate: {:.1f}/s | ETA: {:.1f} min | Limit: {}",
      skipped + ended, planned, share * 100, metrics_->units_done.get(), skipped,
      metrics_->units_failed.get(), text::grouped(rows_loaded(*metrics_)), rate,
      rate > 0 ? left / rate / 60 : 0.0, to_string(meter_.limit()));
}

void Progress::clear_bar() {
  if (!bar_drawn_.exchange(false)) return;
  static_cast<void>(::write(STDERR_FILENO, "\r\033[K", 4));
}

void Progress::print(const std::string& line, bool final) {
  std::string out;
  if (style_ == Style::bar) out = "\r\033[K" + line + (final ? "\n" : "");
  else out = line + "\n";
  bar_drawn_ = style_ == Style::bar && !final;
  if (::write(STDERR_FILENO, out.data(), out.size()) < 0) return;  // a closed terminal is no reason to stop
}

}  // namespace icingest::cli
