// A run that several processes share: one plans each step, all do its units, one finishes it.
#include <algorithm>

#include "core/log.h"
#include "pg/lost.h"
#include "pg/year_partitions.h"
#include "run/floor.h"
#include "run/ingest_run.h"

namespace icingest::run {

// A step: units that one worker plans and all do.
Result<void> Run::stage(Engine& engine, const Universe& universe, const Crew::Plan& plan) {
  ICINGEST_TRY(crew_->lead(session_, ++step_, plan));
  ICINGEST_TRY(take_state());
  ClaimSource source(
      environment_, pipeline_, *crew_, step_, metrics_,
      [&](PlannedUnit& planned, std::optional<Date> basis) { return prepare_unit(engine, planned, basis); });
  engine.execute(source, universe);
  return {};
}

Result<void> Run::take_state() {
  ICINGEST_TRY_LET(const CrewState state, crew_->state(session_));
  report_.strategy = state.strategy;
  report_.planned = state.planned;
  rows_without_session_ = state.unavailable;
  streams_ = state.streams;
  metrics_.units_planned.set(state.planned);
  return {};
}

// What this process must have ready before a unit that another one may have planned.
Result<void> Run::prepare_unit(Engine& engine, PlannedUnit& planned, std::optional<Date> basis) {
  engine.use_streams(streams_);
  if (planned.way == load::Way::sorted && !can_sort_) {
    ICINGEST_TRY_LET(pg::Control* const control, session_.control());
    const TableInfo& table = planned.route->load.table;
    ICINGEST_TRY_LET(const pg::TableLayout layout, pg::read_layout(*control, table));
    engine.use_sorting(key_order(table, layout));
    can_sort_ = true;
  }
  if (!basis) return {};
  if (!basis_ || basis_->as_of() != *basis) {
    ICINGEST_TRY_LET(auto events, ask_events(engine, window_.from, *basis));
    if (!events) return person_error("the plan behind this key does not say which symbols were split");
    basis_.emplace(*basis, std::move(*events));
  }
  planned.unit.basis = &*basis_;
  return {};
}

Result<StepPlan> Run::plan_first(Engine& engine) {
  rows_without_session_ = 0;
  basis_.reset();
  ICINGEST_TRY(read_ledger());
  ICINGEST_TRY(plan_main(engine));
  report_.quota_floor_seconds = plan_.quota_seconds;
  report_.copy_floor_seconds = plan_.copy_seconds;
  const std::int64_t planned = plan_.units() + rows_without_session_;
  return StepPlan{.units = std::move(plan_.main),
                  .later = std::move(plan_.gaps),
                  .later_step = step_ + 2,
                  .strategy = plan_.strategy,
                  .streams = std::max(1, engine.streams()),
                  .planned = planned,
                  .skipped = plan_.skipped,
                  .unavailable = rows_without_session_};
}

// Years that were built aside are whole when the first step's units have ended.
Result<StepPlan> Run::finish_building(Engine& engine) {
  const TableInfo& table = pipeline_.routes.front().load.table;
  if (table.year_column.empty()) return StepPlan{};
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(const pg::TableLayout layout, pg::read_layout(*control, table));
  if (layout.building.empty()) return StepPlan{};
  engine.use_streams(streams_);
  engine.finish_years(table, layout.building, crew_->worker());
  if (auto failure = engine.failure()) return std::unexpected(std::move(*failure));
  if (environment_.stop->requested()) return later_error("stopped");
  if (engine.take_loss()) return pg::lost_error("others finish these years");
  return StepPlan{};
}

Result<StepPlan> Run::plan_optional(const Route& route) {
  ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(const Universe listed, read_universe(*control, pipeline_, options_));
  StepPlan plan;
  plan.units = plan_optional_route(route, options_, listed, standing_,
                                   new_york::date_of(environment_.clock->now()), plan.skipped);
  plan.planned = static_cast<std::int64_t>(plan.units.size()) + plan.skipped;
  return plan;
}

Result<StepPlan> Run::plan_restated(Engine& engine) {
  const Date today = new_york::date_of(environment_.clock->now());
  StepPlan plan;
  ICINGEST_TRY_LET(auto units, find_restatements(engine));
  if (!units) return plan;
  plan.units = std::move(*units);
  plan.planned = static_cast<std::int64_t>(plan.units.size());
  plan.mark = to_string(today);
  return plan;
}

// When all of them have been read again.
Result<StepPlan> Run::mark_restated() {
  ICINGEST_TRY_LET(const CrewState state, crew_->state(session_));
  ICINGEST_TRY_LET(const CrewVerdict verdict, crew_->verdict(session_));
  const auto through = parse_date(state.mark);
  if (through && verdict.failed == 0) ICINGEST_TRY(set_restatement_mark(*through));
  return StepPlan{};
}

Result<void> Run::work_with_others(Engine& engine) {
  ICINGEST_TRY(stage(engine, universe_, [&] { return plan_first(engine); }));
  if (is_over(engine, environment_)) return {};
  ICINGEST_TRY(crew_->lead(session_, ++step_, [&] { return finish_building(engine); }));
  ICINGEST_TRY(stage(engine, universe_, [] { return Result<StepPlan>(StepPlan{}); }));  // the gaps
  if (is_over(engine, environment_)) return {};
  for (const Route& route : pipeline_.routes) {
    if (!route.only_with_option || !options_.own.contains(route.name)) continue;
    ICINGEST_TRY(stage(engine, everything_, [&] { return plan_optional(route); }));
    if (is_over(engine, environment_)) return {};
  }
  ICINGEST_TRY(stage(engine, universe_, [&] { return plan_restated(engine); }));
  if (is_over(engine, environment_)) return {};
  ICINGEST_TRY(crew_->lead(session_, ++step_, [&] { return mark_restated(); }));
  return crew_->end(session_, ++step_);
}

}  // namespace icingest::run
