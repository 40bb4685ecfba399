// ingest_run.h: one run of a pipeline of sessions, symbols or lists, alone (ingest.cpp) or with other processes
// (ingest_shared.cpp).
//
// Threads   one caller
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "icingest/basis.h"
#include "run/claims.h"
#include "run/crew.h"
#include "run/run_setup.h"

namespace icingest::run {

// One run in progress.
class Run {
 public:
  Run(Session& session, const Environment& environment, const Pipeline& pipeline,
      const IngestOptions& options, std::vector<fetch::SourceConfig> sources, Universe universe)
      : session_(session),
        environment_(environment),
        pipeline_(pipeline),
        options_(options),
        sources_(std::move(sources)),
        limits_(limits_of(sources_)),
        started_(environment.clock->tick()),
        universe_(std::move(universe)) {
    report_.command = pipeline.name;
    report_.run_id = make_run_id();
  }

  Result<Report> go();
  // Others have begun the run anew: so must this process.
  [[nodiscard]] bool is_left_behind() const { return crew_ && crew_->is_left_behind(); }

 private:
  Result<void> prepare();
  Result<void> read_ledger();
  Result<void> work(Engine& engine);
  Result<void> work_alone(Engine& engine);
  Result<void> work_with_others(Engine& engine);
  Result<void> plan_main(Engine& engine);
  Result<void> stage(Engine& engine, const Universe& universe, const Crew::Plan& plan);
  Result<void> take_state();
  Result<void> prepare_unit(Engine& engine, PlannedUnit& planned, std::optional<Date> basis);
  Result<StepPlan> plan_first(Engine& engine);
  Result<StepPlan> finish_building(Engine& engine);
  Result<StepPlan> plan_optional(const Route& route);
  Result<StepPlan> plan_restated(Engine& engine);
  Result<StepPlan> mark_restated();
  [[nodiscard]] std::string restatement_key() const;
  Result<void> set_restatement_mark(Date through);
  Result<void> find_floor(Engine& engine);
  Result<void> plan_loading(Engine& engine);
  Result<void> finish_years(const TableInfo& table, const std::set<int>& years);
  Result<void> check_history_route(Engine& engine);
  Result<void> find_basis(Engine& engine);
  Result<std::optional<std::vector<Restatement>>> ask_events(Engine& engine, Date from, Date to);
  Result<void> optional_routes(Engine& engine);
  Result<void> restatements(Engine& engine);
  // Nothing: nobody says what has been split.
  Result<std::optional<std::vector<PlannedUnit>>> find_restatements(Engine& engine);
  Report finish(const Error* error);

  Session& session_;
  const Environment& environment_;
  const Pipeline& pipeline_;
  const IngestOptions& options_;
  std::vector<fetch::SourceConfig> sources_;
  SourceLimits limits_;
  Tick started_;
  Metrics metrics_;
  Report report_;
  Universe universe_;
  Standing standing_;
  Window window_;
  Instant planned_at_{};
  std::unique_ptr<Crew> crew_;  // of a run that processes share
  int step_ = 0;                // of it
  Plan plan_;
  std::optional<Basis> basis_;  // of units whose source gives values as they were traded
  std::string failure_text_;
  std::int64_t rows_without_session_ = 0;
  const Universe everything_ = Universe::everything();
  bool can_sort_ = false;
  int streams_ = 1;
};

// The columns of the table's key, in the order of its index.
[[nodiscard]] load::KeyOrder key_order(const TableInfo& table, const pg::TableLayout& layout);

}  // namespace icingest::run
