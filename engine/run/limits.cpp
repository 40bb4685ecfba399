#include "run/limits.h"

#include <algorithm>
#include <utility>

namespace icingest::run {
namespace {

constexpr double kBusy = 0.8;  // share of its threads' time

}  // namespace

std::string_view to_string(Limit limit) {
  switch (limit) {
    case Limit::quota: return "quota";
    case Limit::network: return "network";
    case Limit::decode: return "decode";
    case Limit::copy: return "COPY";
    case Limit::source_away: return "source away";
  }
  return "?";
}

Limit LimitMeter::look(const Metrics& metrics, const Engine& engine, Tick now) {
  const double elapsed_us = std::chrono::duration<double, std::micro>(now - before_).count();
  const auto busy = [&](std::int64_t total_us, std::int64_t& before_us, int threads) {
    const auto spent = static_cast<double>(total_us - std::exchange(before_us, total_us));
    return spent / (elapsed_us * threads);
  };
  const double loading = busy(metrics.load_us.get(), load_us_, engine.streams());
  const double decoding = busy(metrics.decode_us.get(), decode_us_, engine.decode_threads());
  before_ = now;
  if (engine.is_source_away()) return Limit::source_away;
  // From the far end: whoever is busy all the time is what the others wait for. A year takes a loader seconds, which are counted
  // when they are over.
  const bool all_load = engine.streams() > 0 && metrics.loading.get() >= engine.streams();
  if (all_load || loading > kBusy) return Limit::copy;
  if (decoding > kBusy) return Limit::decode;
  if (metrics.waiting_for_permit.get() > metrics.in_flight.get()) return Limit::quota;
  return Limit::network;
}

void LimitMeter::sample(const Metrics& metrics, const Engine& engine, Tick now) {
  for (double& weight : weight_) weight *= 0.9;
  weight_.at(static_cast<std::size_t>(look(metrics, engine, now))) += 1;
}

Limit LimitMeter::limit() const {
  return static_cast<Limit>(std::max_element(weight_.begin(), weight_.end()) - weight_.begin());
}

}  // namespace icingest::run
