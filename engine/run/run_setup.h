// run_setup.h: how every run begins and ends, whatever its units are.
//
// Threads   one caller
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/schema.h"
#include "run/crew.h"
#include "run/engine.h"
#include "run/ingest.h"
#include "run/options.h"
#include "run/plan.h"
#include "run/report.h"

namespace icingest::run {

[[nodiscard]] std::string make_run_id();

// Every table of a pipeline with its DDL, and what stands on them.
[[nodiscard]] std::vector<pg::WantedSchema> wanted_schemas(const std::vector<Pipeline>& pipelines);
// The tables a pipeline writes, each once.
[[nodiscard]] std::vector<const TableInfo*> tables_of(const Pipeline& pipeline);

// Creates what is missing altogether; never touches a table that exists.
Result<void> prepare_schema(pg::Control& control, const Environment& environment);
// Everything COPY relies on, checked before the first request.
Result<void> check_tables(pg::Control& control, const Pipeline& pipeline);

// Rows that were there before the ledger: their proofs are taken over, and from then on everything is
// compared. Whether there were any.
[[nodiscard]] Result<bool> adopt_existing_rows(pg::Control& control, const Environment& environment,
                                               const Pipeline& pipeline);
[[nodiscard]] Result<Standing> read_standing(pg::Control& control, const Pipeline& pipeline);
// The same again in the course of a run, which does not adopt anything.
Result<void> refresh_standing(Session& session, const Pipeline& pipeline, Standing& standing);

// Where this run may ask: the pipeline's source first, then those of routes that have one of their own and
// its keys. A route that was asked for by name is not left out silently.
[[nodiscard]] Result<std::vector<fetch::SourceConfig>> find_sources(const Environment& environment,
                                                                    const Pipeline& pipeline,
                                                                    const IngestOptions& options);
[[nodiscard]] SourceLimits limits_of(const std::vector<fetch::SourceConfig>& sources);
[[nodiscard]] EngineSettings engine_settings(const Environment& environment, const Pipeline& pipeline,
                                             const IngestOptions& options,
                                             const std::vector<fetch::SourceConfig>& configs,
                                             const std::string& run_id);

// Runs `work` with an engine, which is watched meanwhile; the engine's own failure goes before its error.
// `failure_text`: what to say of units that failed.
Result<void> with_engine(EngineSettings settings, const Environment& environment, const Pipeline& pipeline,
                         Metrics& metrics, std::string& failure_text,
                         const std::function<Result<void>(Engine&)>& work);
[[nodiscard]] bool is_over(const Engine& engine, const Environment& environment);

// The beginning of the run in the ledger.
Result<void> record_start(pg::Control& control, const Environment& environment, const Report& report,
                          const Crew* crew);
// Joins those who run the same command; nothing for a run that is not shared.
[[nodiscard]] Result<std::unique_ptr<Crew>> join_crew(const Environment& environment,
                                                      const Pipeline& pipeline, const IngestOptions& options,
                                                      std::string_view symbols);
// The engine's settings for a worker.
void work_in_name_of(const Crew& crew, const Environment& environment, EngineSettings& settings);
// Counts of the whole run, whoever did it; the report's own counts stay.
Result<void> take_verdict(Session& session, const Crew& crew, Report& report);
// Fills in counts, exit code and message. `error`: what the run ended with.
void conclude(Report& report, const Environment& environment, const Metrics& metrics, Tick started,
              const Error* error, const std::string& failure_text);
// The end of the run in the ledger, as far as the database can be reached.
void record_end(Session& session, const Report& report);

// Runs the pipeline that fills a table other pipelines take their symbols from.
Result<void> fill_table(Session& session, const Environment& environment, std::string_view filled_by);

}  // namespace icingest::run
