// ingest.h: one run of one pipeline, from an open database to a report.
//
// Threads   one caller
// Errors    a run that could not begin is an Error; one that began always gives a Report
#pragma once

#include <string_view>
#include <vector>

#include "run/engine.h"
#include "run/report.h"
#include "run/session.h"

namespace icingest::run {

[[nodiscard]] Result<Report> ingest(Session& session, const Environment& environment,
                                    const Pipeline& pipeline, const IngestOptions& options);

// The plan alone: reads the ledger if there is one, asks no source.
[[nodiscard]] Result<Plan> plan_only(Session& session, const Environment& environment,
                                     const Pipeline& pipeline, const IngestOptions& options);

// The symbols this run is about.
[[nodiscard]] Result<Universe> read_universe(pg::Control& control, const Pipeline& pipeline,
                                             const IngestOptions& options);

// A source with its quota in the database, as every run on it counts.
[[nodiscard]] EngineSource engine_source(const Environment& environment, const fetch::SourceConfig& source);

[[nodiscard]] const Pipeline* find_pipeline(const std::vector<Pipeline>& pipelines, std::string_view name);

}  // namespace icingest::run
