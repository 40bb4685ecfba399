#include "run/entity_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;

constexpr double kBytesPerSecond = 12.5e6;  // 100 Mbit/s
// One stream into a table with its key, on the class of machine in docs/performance.md; a floor, not a promise.
constexpr double kCopyRowsPerSecond = 300'000;

const UnitRecord* find_unit(const Standing& standing, const std::string& key) {
  const auto found = standing.units.find(key);
  return found == standing.units.end() ? nullptr : &found->second;
}

double quota_seconds(std::int64_t requests, const RateLimit& limit) {
  return static_cast<double>(requests) * static_cast<double>(limit.window.count()) / 1e6 / limit.permits;
}

struct Costs {
  RouteCost archive;
  RouteCost single;
};

Costs costs_of(const Pipeline& pipeline, const EntityRoutes& routes, const RateLimit& limit,
               std::int64_t missing, std::int64_t current, std::int64_t days) {
  const double bytes_each =
      routes.single->bytes_per_row * static_cast<double>(routes.single->rows_per_answer);
  const auto finish = [&](RouteCost cost) {
    cost.quota_seconds = quota_seconds(cost.requests, limit);
    cost.transfer_seconds = cost.bytes / kBytesPerSecond;
    return cost;
  };
  const std::int64_t per_day = pipeline.changes ? pipeline.changes->expected_per_day : 0;
  Costs costs;
  const std::int64_t changed = std::min(current, days * per_day);
  const std::int64_t single = missing + changed;
  costs.single = finish({.route = routes.single->name,
                         .requests = single + (current > 0 ? days : 0),
                         .bytes = bytes_each * static_cast<double>(single)});
  if (routes.archive == nullptr) return costs;
  // The end, the stream, and what has been filed since it was built: a day's index and its companies.
  const std::int64_t tail = std::min(missing + current, per_day);
  const bool nothing = missing + current == 0;
  costs.archive = finish(
      {.route = routes.archive->name,
       .requests = nothing ? 0 : 2 + 1 + tail,
       .bytes =
           nothing ? 0 : routes.archive->archive->expected_bytes + bytes_each * static_cast<double>(tail)});
  return costs;
}

}  // namespace

EntityRoutes entity_routes(const Pipeline& pipeline) {
  EntityRoutes routes;
  for (const Route& route : pipeline.routes) (route.archive ? routes.archive : routes.single) = &route;
  ICINGEST_CHECK(routes.single != nullptr);
  return routes;
}

std::vector<PlannedUnit> plan_entities(const Pipeline& pipeline, const Route& route,
                                       const IngestOptions& options, const Entities& entities,
                                       const Standing& standing, const std::optional<ArchiveVersion>& archive,
                                       std::int64_t& skipped) {
  const EntityRule& rule = *pipeline.entities;
  const EntityRoutes routes = entity_routes(pipeline);
  std::vector<PlannedUnit> units;
  for (const Entity& entity : entities.entities) {
    PlannedUnit planned{.route = &route, .scope = scope_of(rule, entity)};
    planned.unit = {.key = unit_key(route, rule, entity),
                    .grain = Grain::entity,
                    .symbol = entity.symbols.front(),
                    .entity = entity.id,
                    .symbols = entity.symbols};
    const UnitRecord* const record = find_unit(standing, planned.unit.key);
    if (options.resume && is_current(record, planned.scope, archive)) {
      ++skipped;
      continue;
    }
    if (record != nullptr) {
      planned.expected_generation = record->generation;
      planned.staged = record->rows > 0;
      const bool same_rules = record->scope == planned.scope && record->state == checkpoint::UnitState::done;
      if (options.resume && same_rules) planned.before = record->digest;
    }
    planned.staged = planned.staged || standing.adopted;
    if (route.archive) planned.fallback = routes.single;
    units.push_back(std::move(planned));
  }
  return units;
}

std::optional<Date> changes_since(const Pipeline& pipeline, const Entities& entities,
                                  const Standing& standing) {
  const Route& route = *entity_routes(pipeline).single;
  std::optional<Date> since;
  for (const Entity& entity : entities.entities) {
    const auto known = known_until(find_unit(standing, unit_key(route, *pipeline.entities, entity)));
    if (known) since = std::min(since.value_or(*known), *known);
  }
  return since;
}

Result<Plan> make_entity_plan(const Pipeline& pipeline, const IngestOptions& options,
                              const SourceLimits& limits, const Entities& entities, const Standing& standing,
                              Instant now) {
  const EntityRoutes routes = entity_routes(pipeline);
  const RateLimit& limit = limits.find(pipeline.source.name)->second;
  const Date today = new_york::date_of(now);
  Plan plan{.from = today, .to = today};
  for (const Entity& entity : entities.entities)
    plan.symbols += static_cast<std::int64_t>(entity.symbols.size());
  plan.symbols += static_cast<std::int64_t>(entities.without.size());
  plan.main =
      plan_entities(pipeline, *routes.single, options, entities, standing, std::nullopt, plan.skipped);
  const auto since =
      plan.skipped > 0 && pipeline.changes ? changes_since(pipeline, entities, standing) : std::nullopt;
  const auto days = since ? static_cast<std::int64_t>(weekdays(*since, today).size()) : 0;
  const auto missing = static_cast<std::int64_t>(plan.main.size());
  const Costs costs = costs_of(pipeline, routes, limit, missing, plan.skipped, days);
  if (routes.archive != nullptr) plan.costs.push_back(costs.archive);
  plan.costs.push_back(costs.single);
  const auto chosen =
      std::min_element(plan.costs.begin(), plan.costs.end(), [&](const auto& a, const auto& b) {
        const auto rank = [&](const RouteCost& cost) {
          return std::pair(options.strategy != "auto" && options.strategy != cost.route,
                           cost.floor_seconds());
        };
        return rank(a) < rank(b);
      });
  plan.strategy = chosen->route;
  plan.quota_seconds = chosen->quota_seconds;
  if (routes.archive != nullptr && chosen->route == routes.archive->name) {
    // Whether another version is there, only the source can say.
    plan.skipped = 0;
    plan.main =
        plan_entities(pipeline, *routes.archive, options, entities, standing, ArchiveVersion{}, plan.skipped);
  }
  plan.expected_rows = static_cast<std::int64_t>(plan.main.size()) * routes.single->rows_per_answer;
  plan.copy_seconds = static_cast<double>(plan.expected_rows) / kCopyRowsPerSecond;
  return plan;
}

}  // namespace icingest::run
