// entity_plan.h: the cheaper of an archive and single requests for a pipeline of companies.
//
// Threads   pure functions
#pragma once

#include "run/entities.h"

namespace icingest::run {

struct EntityRoutes {
  const Route* archive = nullptr;
  const Route* single = nullptr;
};
[[nodiscard]] EntityRoutes entity_routes(const Pipeline& pipeline);

// Units of those entities that are not current, on a route; `skipped` counts the others.
[[nodiscard]] std::vector<PlannedUnit> plan_entities(const Pipeline& pipeline, const Route& route,
                                                     const IngestOptions& options, const Entities& entities,
                                                     const Standing& standing,
                                                     const std::optional<ArchiveVersion>& archive,
                                                     std::int64_t& skipped);

// The first day whose changes must be looked through for the entities that are left as they are; nothing when there is
// none such.
[[nodiscard]] std::optional<Date> changes_since(const Pipeline& pipeline, const Entities& entities,
                                                const Standing& standing);

// Costs, the strategy, and the units as far as they can be known without asking.
[[nodiscard]] Result<Plan> make_entity_plan(const Pipeline& pipeline, const IngestOptions& options,
                                            const SourceLimits& limits, const Entities& entities,
                                            const Standing& standing, Instant now);

}  // namespace icingest::run
