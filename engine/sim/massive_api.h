// massive_api.h: the simulator's answers in the provider's own words: aggregates, grouped bars, tickers,
// splits.
//
// Threads   one owner
// Source    sources.md A and F.1
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "core/clock.h"
#include "icingest/source.h"
#include "sim/http_types.h"
#include "sim/market.h"

namespace icingest::sim {

enum class FloorMode : std::uint8_t { reject, clip };

struct MassivePlan {
  int years = 20;           // of history
  bool todays_data = true;  // before the close
  bool flat_files = true;
};
// "basic", "starter", "developer", "advanced".
[[nodiscard]] std::optional<MassivePlan> massive_plan(std::string_view name);

struct MassiveOptions {
  std::unordered_map<std::string, MassivePlan> keys;  // empty: every key is good for `plan`
  MassivePlan plan;
  FloorMode floor = FloorMode::reject;
};

class MassiveApi {
 public:
  MassiveApi(const Market& market, MassiveOptions options, const Clock& clock);

  // The key a request carries, empty when none; `in_url` tells where it was.
  [[nodiscard]] static std::string key_of(const SimRequest& request, bool& in_url);
  // Nothing when the path is not this provider's.
  [[nodiscard]] std::optional<SimAnswer> answer(const SimRequest& request) const;

  [[nodiscard]] static SimAnswer too_many(const RateLimit& limit);

 private:
  [[nodiscard]] const MassivePlan* plan_of(const std::string& key) const;
  [[nodiscard]] SimAnswer grouped(const SimRequest& request, const MassivePlan& plan) const;
  [[nodiscard]] SimAnswer range(const SimRequest& request, const MassivePlan& plan) const;
  [[nodiscard]] SimAnswer previous(const SimRequest& request) const;
  [[nodiscard]] SimAnswer tickers(const SimRequest& request) const;
  [[nodiscard]] SimAnswer details(const SimRequest& request) const;
  [[nodiscard]] SimAnswer splits(const SimRequest& request, bool legacy) const;
  [[nodiscard]] Date today() const { return new_york::date_of(clock_.now()); }
  [[nodiscard]] Date floor_of(const MassivePlan& plan) const { return years_before(today(), plan.years); }

  const Market& market_;
  MassiveOptions options_;
  const Clock& clock_;
  std::vector<std::size_t> by_symbol_;      // listing indexes in symbol order
  std::vector<std::size_t> grouped_order_;  // the provider's rows come in no order a reader could use
};

}  // namespace icingest::sim
