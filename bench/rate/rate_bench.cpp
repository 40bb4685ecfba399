// What a request pays for its permit: the slot table alone, and the limiter in front of it. A row is a
// request; time is made up, so nothing waits.
#include <algorithm>
#include <vector>

#include "bench/support/measured.h"
#include "rate/limiter.h"

namespace icingest::bench {
namespace {

using rate::Limiter;
using rate::Micros;
using rate::SlotTable;

constexpr Micros kAnswerAfter = 200;

std::int64_t most_in_any_window(const std::vector<Micros>& sent, Micros window) {
  std::int64_t most = 0;
  for (std::size_t first = 0, last = 0; last < sent.size(); ++last) {
    while (sent[last] - sent[first] >= window) ++first;
    most = std::max(most, static_cast<std::int64_t>(last - first + 1));
  }
  return most;
}

// A source that is asked as fast as its limit allows.
class Asker {
 public:
  explicit Asker(const RateLimit& limit) : limiter_(limit), quota_{.table = SlotTable(limit)} {}

  // Time goes on to the next permit, which is used.
  Micros next() {
    while (true) {
      if (const auto told = limiter_.exchange(now_, limiter_.limit().permits)) {
        bool look = false;
        limiter_.lend(now_, quota_.serve(1, *told, limiter_.limit(), now_, look));
      }
      if (const auto permit = limiter_.take(now_); permit && limiter_.may_send(*permit, now_)) {
        limiter_.answered(*permit, now_ + kAnswerAfter);
        return now_;
      }
      now_ = std::max(now_ + 1'000, limiter_.next_event(now_).value_or(0));
    }
  }

 private:
  Limiter limiter_;
  rate::QuotaState quota_;
  Micros now_ = 1'000'000;
};

RateLimit limit_of(const benchmark::State& state) { return {.permits = static_cast<int>(state.range(0))}; }

void limiter(benchmark::State& state) {
  const RateLimit limit = limit_of(state);
  std::vector<Micros> sent;
  Asker trial(limit);
  for (int i = 0; i < 20 * limit.permits; ++i) sent.push_back(trial.next());
  if (most_in_any_window(sent, limit.window.count()) > limit.permits)
    return refuse(state, "the limit was exceeded");
  // The first window's worth at once, and 97 % of the limit since.
  if (static_cast<double>(sent.back() - sent.front()) >
      19 / 0.97 * static_cast<double>(limit.window.count())) {
    return refuse(state, "the quota was not used");
  }
  Asker asker(limit);
  const Measured measured(state, 1, 0);
  while (state.KeepRunning()) benchmark::DoNotOptimize(asker.next());
}

void slots(benchmark::State& state) {
  const RateLimit limit = limit_of(state);
  SlotTable table(limit);
  Micros now = 1'000'000;
  const auto use_all = [&] {
    const auto lent = table.lend(now, limit.permits, 2'000'000);
    for (const rate::Slot& slot : lent)
      table.settle({.index = slot.index, .lease = slot.lease, .used = true, .arrived_by = now});
    const auto count = static_cast<int>(lent.size());
    now += 2 * limit.window.count();
    return count;
  };
  if (use_all() != limit.permits || use_all() != limit.permits)
    return refuse(state, "slots did not come back");
  const Measured measured(state, static_cast<std::size_t>(limit.permits), 0);
  while (state.KeepRunning()) benchmark::DoNotOptimize(use_all());
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("rate/limiter", limiter)->ArgName("permits")->Arg(5)->Arg(100)->Arg(10'000),
    benchmark::RegisterBenchmark("rate/slots", slots)->ArgName("permits")->Arg(5)->Arg(100)->Arg(10'000),
};

}  // namespace
}  // namespace icingest::bench
