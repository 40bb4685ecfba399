// entity_run.h: a run over companies: the archive or single requests, then what has been filed since.
//
// Threads   one caller
// Errors    as ingest()
#pragma once

#include "run/ingest.h"
#include "run/options.h"
#include "run/plan.h"

namespace icingest::run {

[[nodiscard]] Result<Report> ingest_entities(Session& session, const Environment& environment,
                                             const Pipeline& pipeline, const IngestOptions& options);
[[nodiscard]] Result<Plan> plan_entities_only(Session& session, const Environment& environment,
                                              const Pipeline& pipeline, const IngestOptions& options);

}  // namespace icingest::run
