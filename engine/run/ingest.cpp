#include "run/ingest_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/pg_quota.h"
#include "core/log.h"
#include "core/text.h"
#include "icingest/calendar.h"
#include "load/load_plan.h"
#include "pg/schema.h"
#include "pg/year_partitions.h"
#include "run/entity_run.h"
#include "run/floor.h"
#include "run/run_setup.h"

namespace icingest::run {
namespace {

// New members of the universe get an epoch of their own; units of this run hold everybody up to it.
Result<void> join_members(pg::Control& control, const Pipeline& pipeline, const Universe& universe,
                          const Standing& standing, std::vector<PlannedUnit>& units) {
  const bool any = std::any_of(units.begin(), units.end(), [](const PlannedUnit& planned) {
    return planned.unit.grain == Grain::session && planned.scope.empty();
  });
  if (!any) return {};
  std::vector<std::string> joining;
  for (const std::string& symbol : universe.symbols()) {
    if (!standing.members.contains(symbol)) joining.push_back(symbol);
  }
  ICINGEST_TRY_LET(const int epoch, checkpoint::Ledger(control).add_members(pipeline.name, joining));
  for (PlannedUnit& planned : units) planned.epoch = epoch;
  return {};
}

}  // namespace

load::KeyOrder key_order(const TableInfo& table, const pg::TableLayout& layout) {
  load::KeyOrder order;
  for (const std::string& name : layout.order) {
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&](const ColumnInfo& info) { return info.name == name; });
    if (column != table.columns.end())
      order.push_back(static_cast<std::size_t>(column - table.columns.begin()));
  }
  return order;
}

Result<void> Run::prepare() {
  const std::string symbols = universe_.is_everything() ? "all" : universe_.fingerprint();
  ICINGEST_TRY_LET(crew_, join_crew(environment_, pipeline_, options_, symbols));
  planned_at_ = crew_ ? crew_->planned_at() : environment_.clock->now();
  ICINGEST_TRY_LET(window_, window_of(options_, planned_at_));
  report_.from = window_.from;
  report_.to = window_.to;
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY(check_tables(*control, pipeline_));
  if (!crew_) ICINGEST_TRY(read_ledger());
  return record_start(*control, environment_, report_, crew_.get());
}

Result<void> Run::read_ledger() {
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(standing_, read_standing(*control, pipeline_));
  ICINGEST_TRY_LET(standing_.adopted, adopt_existing_rows(*control, environment_, pipeline_));
  ICINGEST_TRY_LET(plan_,
                   make_plan(pipeline_, options_, limits_, universe_, standing_, window_, planned_at_));
  report_.strategy = plan_.strategy;
  return {};
}

Result<void> Run::find_floor(Engine& engine) {
  const Route* const probe = find_route(pipeline_, Grain::session);
  const auto known = standing_.units.find(std::string(checkpoint::kFloorUnit));
  const bool is_known = known != standing_.units.end();
  if (probe == nullptr || plan_.main.empty() || plan_.sessions.empty()) return {};
  const Date oldest =
      std::min_element(plan_.main.begin(), plan_.main.end(), [](const auto& a, const auto& b) {
        return a.unit.from < b.unit.from;
      })->unit.from;
  // Every plan reaches two years back; only older history is worth a question.
  const Date always = years_before(new_york::date_of(environment_.clock->now()), 2) + std::chrono::days(7);
  if (oldest >= always) return {};
  ICINGEST_TRY_LET(const auto floor,
                   find_history_floor(engine, *probe, options_.own, plan_.sessions, oldest,
                                      is_known ? std::optional(known->second.to) : std::nullopt));
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  checkpoint::Ledger ledger(*control);
  if (!floor) return is_known ? ledger.clear_floor(pipeline_.name) : Result<void>{};
  const auto below = static_cast<std::int64_t>(
      std::lower_bound(plan_.sessions.begin(), plan_.sessions.end(), floor->first_available) -
      plan_.sessions.begin());
  log::warn("the source gives nothing before {} ({}); {} sessions are unavailable",
            floor->first_available > window_.to ? "the whole window" : to_string(floor->first_available),
            floor->reason, below);
  ICINGEST_TRY(ledger.set_floor(pipeline_.name, report_.run_id, window_.from,
                                floor->first_available - std::chrono::days(1), floor->reason));
  rows_without_session_ = below;
  if (floor->first_available > window_.to) {
    plan_.main.clear();
    plan_.gaps.clear();
    plan_.skipped = 0;
    return {};
  }
  ICINGEST_TRY_LET(plan_, make_plan(pipeline_, options_, limits_, universe_, standing_,
                                    Window{floor->first_available, window_.to}, planned_at_));
  report_.strategy = plan_.strategy;
  return {};
}

// Years that an earlier run left under construction and this one adds nothing to.
Result<void> Run::finish_years(const TableInfo& table, const std::set<int>& years) {
  if (years.empty()) return {};
  ICINGEST_TRY_LET(pg::PgConn conn, pg::PgConn::connect(environment_.db, std::chrono::seconds(10)));
  for (const int year : years) {
    log::info("finishing {} {}, which an earlier run left under construction", table.name, year);
    Result<void> finished = pg::finish_year(conn, table, year);
    if (!finished && finished.error().action == Action::restage) {
      log::warn("{} {} holds a row twice: {}. Its units will be read again", table.name, year,
                finished.error().message);
      ICINGEST_TRY_LET(pg::Control* const control, session_.control());
      finished = pg::undo_year(*control, table, pipeline_.name, year);
    }
    if (!finished) return finished;
  }
  return {};
}

// Chooses how the main units go into the table, and makes the table ready for it.
Result<void> Run::plan_loading(Engine& engine) {
  const Route* const route = plan_.main.empty() ? &pipeline_.routes.front() : plan_.main.front().route;
  const TableInfo& table = route->load.table;
  if (table.year_column.empty()) return {};
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(pg::TableLayout layout, pg::read_layout(*control, table));
  const load::LoadPlan loading = load_plan_of(plan_, layout, environment_.streams);
  ICINGEST_TRY(finish_years(table, loading.finish));
  if (!loading.build.empty()) {
    ICINGEST_TRY(pg::begin_years(*control, table, layout, loading.build));
  }
  ICINGEST_TRY_LET(layout, pg::read_layout(*control, table));
  std::set<int> years;
  // The next year's from December on: before, readers of the newest rows would search an empty partition first.
  for (int year = year_of(window_.from); year <= year_of(window_.to + std::chrono::days(31)); ++year)
    years.insert(year);
  for (const int year : loading.sort) years.erase(year);
  ICINGEST_TRY(pg::ensure_years(*control, table, layout, years));
  if (!loading.sort.empty()) engine.use_sorting(key_order(table, layout));
  for (PlannedUnit& planned : plan_.main) planned.way = loading.way_of(years_of(planned));
  if (!plan_.main.empty()) log::info("loading {}: {}", table.name, load::describe(loading));
  engine.use_proofs(table, years_read_again(plan_, options_.resume));
  engine.use_streams(loading.streams);
  return {};
}

// A plan may have history by the main route and not by the second one, and the second source may be down
// while the first is not. One question tells, before every unit is asked in vain. Wrong keys are for a person
// in any case.
Result<void> Run::check_history_route(Engine& engine) {
  const Route* const history = find_history_route(pipeline_);
  const auto newest = std::find_if(plan_.main.begin(), plan_.main.end(), [&](const PlannedUnit& planned) {
    return planned.route == history && planned.fallback != nullptr;
  });
  if (newest == plan_.main.end()) return {};
  const Result<Engine::Reply> reply =
      engine.ask(history, history->requests(newest->unit, options_.own).front(),
                 [](Document&, std::string&) { return Result<void>{}; });
  if (reply && reply->judgement.verdict != Verdict::unavailable) return {};
  if (environment_.stop->requested()) return {};
  const bool forced = options_.strategy == history->name;
  if (!reply && (forced || reply.error().exit == ExitCode::person)) return std::unexpected(reply.error());
  if (forced) {
    return person_error(fmt::format("{}: the plan behind this key does not include them", history->name),
                        "upgrade it, or choose another --strategy");
  }
  log::warn("{} cannot be had ({}); going on with {}", history->name,
            reply ? "the plan behind the key does not include them" : reply.error().describe(),
            newest->fallback->name);
  plan_.strategy = newest->fallback->name;
  report_.strategy = plan_.strategy;
  for (PlannedUnit& planned : plan_.main) {
    if (planned.route != history) continue;
    planned.route = std::exchange(planned.fallback, nullptr);
    planned.etag.clear();
  }
  return {};
}

// Nothing when the plan behind the key does not tell.
Result<std::optional<std::vector<Restatement>>> Run::ask_events(Engine& engine, Date from, Date to) {
  std::vector<Restatement> events;
  ICINGEST_TRY_LET(const Engine::Reply reply, engine.ask(nullptr, pipeline_.restatements->request(from, to),
                                                         [&](Document& document, std::string& next_page) {
                                                           return pipeline_.restatements->decode(
                                                               document, events, next_page);
                                                         }));
  if (reply.judgement.verdict == Verdict::unavailable) return std::nullopt;
  return std::optional(std::move(events));
}

// The splits for units whose source knows nothing of them. All of a run's units get the basis of one day,
// even when midnight passes meanwhile: what executes later is found by the next run.
Result<void> Run::find_basis(Engine& engine) {
  std::optional<Date> oldest;
  for (const PlannedUnit& planned : plan_.main) {
    if (planned.route->as_traded) oldest = std::min(oldest.value_or(planned.unit.from), planned.unit.from);
  }
  if (!oldest) return {};
  const Date today = new_york::date_of(environment_.clock->now());
  ICINGEST_TRY_LET(auto events, ask_events(engine, *oldest, today));
  if (!events) {
    return person_error(
        fmt::format("the plan behind this key does not say which symbols were split since {}, "
                    "so prices as they were traded cannot be adjusted",
                    to_string(*oldest)),
        "choose another --strategy, or upgrade the plan");
  }
  basis_.emplace(today, std::move(*events));
  for (PlannedUnit& planned : plan_.main) {
    if (planned.route->as_traded) planned.unit.basis = &*basis_;
  }
  return {};
}

Result<void> Run::optional_routes(Engine& engine) {
  for (const Route& route : pipeline_.routes) {
    if (!route.only_with_option || !options_.own.contains(route.name)) continue;
    ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
    ICINGEST_TRY_LET(pg::Control* const control, session_.control());
    ICINGEST_TRY_LET(const Universe listed, read_universe(*control, pipeline_, options_));
    std::int64_t skipped = 0;
    auto units = plan_optional_route(route, options_, listed, standing_,
                                     new_york::date_of(environment_.clock->now()), skipped);
    plan_.skipped += skipped;
    report_.planned += static_cast<std::int64_t>(units.size()) + skipped;
    metrics_.units_planned.set(report_.planned);
    metrics_.units_skipped.set(plan_.skipped);
    engine.execute(std::move(units), Universe::everything());
  }
  return {};
}

// A run of a few symbols has looked at the events of those alone, so its mark is not everybody's.
std::string Run::restatement_key() const {
  const std::string scope = scope_of(options_, universe_);
  return fmt::format("restated:{}{}{}", pipeline_.name, scope.empty() ? "" : "@", scope);
}

Result<void> Run::set_restatement_mark(Date through) {
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  return checkpoint::Ledger(*control).set_meta(restatement_key(), to_string(through));
}

Result<std::optional<std::vector<PlannedUnit>>> Run::find_restatements(Engine& engine) {
  std::optional<std::vector<PlannedUnit>> units;
  if (!pipeline_.restatements) return units;
  const Date today = new_york::date_of(environment_.clock->now());
  ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
  const auto oldest = oldest_basis(standing_);
  if (!oldest || *oldest >= today) return units;
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(const auto through, checkpoint::Ledger(*control).meta(restatement_key()));
  Date from = *oldest;
  // Events become known late at times; a month of overlap costs nothing.
  if (through) from = std::max(from, parse_date(*through).value_or(from) - std::chrono::days(30));
  ICINGEST_TRY_LET(const auto events, ask_events(engine, from, today));
  if (!events) {
    log::warn(
        "the plan behind this key does not say which symbols were split since {}; their history may be on an "
        "older basis",
        to_string(from));
    return units;  // no mark: a better key later asks from the same day on
  }
  units = plan_restatements(pipeline_, standing_, universe_, *events);
  if (!units->empty())
    log::info("{} symbols were split since their history was read; reading them again", units->size());
  return units;
}

Result<void> Run::restatements(Engine& engine) {
  const Date today = new_york::date_of(environment_.clock->now());
  ICINGEST_TRY_LET(auto units, find_restatements(engine));
  if (!units) return {};
  if (!units->empty()) {
    report_.planned += static_cast<std::int64_t>(units->size());
    metrics_.units_planned.set(report_.planned);
    const std::int64_t failed_before = metrics_.units_failed.get();
    engine.execute(std::move(*units), universe_);
    if (is_over(engine, environment_) || metrics_.units_failed.get() != failed_before) return {};
  }
  return set_restatement_mark(today);
}

Result<void> Run::plan_main(Engine& engine) {
  ICINGEST_TRY(find_floor(engine));
  ICINGEST_TRY(check_history_route(engine));
  ICINGEST_TRY(find_basis(engine));
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY(join_members(*control, pipeline_, universe_, standing_, plan_.main));
  return plan_loading(engine);
}

Result<void> Run::work(Engine& engine) { return crew_ ? work_with_others(engine) : work_alone(engine); }

Result<void> Run::work_alone(Engine& engine) {
  ICINGEST_TRY(plan_main(engine));
  report_.planned = plan_.units() + rows_without_session_;
  report_.quota_floor_seconds = plan_.quota_seconds;
  report_.copy_floor_seconds = plan_.copy_seconds;
  metrics_.units_planned.set(report_.planned);
  metrics_.units_skipped.set(plan_.skipped);
  engine.execute(std::move(plan_.main), universe_);
  engine.execute(std::move(plan_.gaps), universe_);
  if (is_over(engine, environment_)) return {};
  ICINGEST_TRY(optional_routes(engine));
  if (is_over(engine, environment_)) return {};
  return restatements(engine);
}

Report Run::finish(const Error* error) {
  report_.unavailable = rows_without_session_;
  report_.skipped = plan_.skipped;
  if (crew_)
    report_.skipped = std::max<std::int64_t>(0, metrics_.units_skipped.get() - rows_without_session_);
  if (crew_ && error == nullptr) {
    if (const Result<void> known = take_verdict(session_, *crew_, report_); !known)
      log::debug("the other processes' part: {}", known.error().describe());
  }
  conclude(report_, environment_, metrics_, started_, error, failure_text_);
  record_end(session_, report_);
  return report_;
}

Result<Report> Run::go() {
  ICINGEST_TRY(prepare());
  EngineSettings settings = engine_settings(environment_, pipeline_, options_, sources_, report_.run_id);
  if (crew_) work_in_name_of(*crew_, environment_, settings);
  const Result<void> worked = with_engine(std::move(settings), environment_, pipeline_, metrics_,
                                          failure_text_, [this](Engine& engine) { return work(engine); });
  return finish(worked ? nullptr : &worked.error());
}

EngineSource engine_source(const Environment& environment, const fetch::SourceConfig& source) {
  const std::string quota_name = checkpoint::quota_name(source.source.name, source.key);
  return {.config = source,
          .make_quota = [db = environment.db, quota_name, clock = environment.clock](const RateLimit& limit) {
            return std::make_unique<checkpoint::PgQuota>(db, quota_name, limit, *clock);
          }};
}

const Pipeline* find_pipeline(const std::vector<Pipeline>& pipelines, std::string_view name) {
  const auto found = std::find_if(pipelines.begin(), pipelines.end(),
                                  [&](const Pipeline& pipeline) { return pipeline.name == name; });
  return found == pipelines.end() ? nullptr : &*found;
}

Result<Universe> read_universe(pg::Control& control, const Pipeline& pipeline, const IngestOptions& options) {
  std::vector<std::string> symbols = options.tickers;
  if (symbols.empty()) {
    if (!pipeline.universe || options.everything) return Universe::everything();
    ICINGEST_TRY_LET(symbols, control.transact("read the universe", [&](pqxx::work& tx) {
      std::vector<std::string> found;
      for (const auto& row : tx.exec(std::string(pipeline.universe->sql)))
        found.push_back(row[0].as<std::string>());
      return found;
    }));
  }
  std::sort(symbols.begin(), symbols.end());
  if (options.limit) symbols.resize(std::min(symbols.size(), static_cast<std::size_t>(*options.limit)));
  return Universe::of(std::move(symbols));
}

Result<Report> ingest(Session& session, const Environment& environment, const Pipeline& pipeline,
                      const IngestOptions& options) {
  if (pipeline.entities) return ingest_entities(session, environment, pipeline, options);
  ICINGEST_TRY_LET(std::vector<fetch::SourceConfig> sources, find_sources(environment, pipeline, options));
  const bool needs_universe = pipeline.universe && pipeline.universe->filled_by != pipeline.name &&
                              options.tickers.empty() && !options.everything;
  ICINGEST_TRY_LET(pg::Control * control, session.control());
  ICINGEST_TRY(prepare_schema(*control, environment));
  ICINGEST_TRY_LET(Universe universe, read_universe(*control, pipeline, options));
  if (needs_universe && universe.symbols().empty()) {
    ICINGEST_TRY(fill_table(session, environment, pipeline.universe->filled_by));
    ICINGEST_TRY_LET(control, session.control());
    ICINGEST_TRY_LET(universe, read_universe(*control, pipeline, options));
    if (universe.symbols().empty()) {
      return person_error(fmt::format("there is nothing to load: {} has no symbol that {} keeps",
                                      pipeline.universe->filled_by, pipeline.name),
                          fmt::format("check `icingest {}` and its table", pipeline.universe->filled_by));
    }
  }
  for (IngestOptions again = options;; again.resume = true) {  // what others have done meanwhile is done
    Run run(session, environment, pipeline, again, sources, universe);
    Result<Report> report = run.go();
    if (!run.is_left_behind() || environment.stop->requested()) return report;
    log::warn("others have begun this run anew or ended it; beginning anew");
  }
}

Result<Plan> plan_only(Session& session, const Environment& environment, const Pipeline& pipeline,
                       const IngestOptions& options) {
  if (pipeline.entities) return plan_entities_only(session, environment, pipeline, options);
  ICINGEST_TRY_LET(const Window window, window_of(options, environment.clock->now()));
  ICINGEST_TRY_LET(const std::vector<fetch::SourceConfig> sources,
                   find_sources(environment, pipeline, options));
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  ICINGEST_TRY_LET(const bool has_ledger, pg::has_ledger(*control));
  Standing standing;
  Universe universe = Universe::of(options.tickers);
  if (has_ledger) {
    ICINGEST_TRY_LET(standing, read_standing(*control, pipeline));
    ICINGEST_TRY_LET(universe, read_universe(*control, pipeline, options));
  }
  ICINGEST_TRY_LET(Plan plan, make_plan(pipeline, options, limits_of(sources), universe, standing, window,
                                        environment.clock->now()));
  const TableInfo& table = pipeline.routes.front().load.table;
  if (table.year_column.empty() || plan.main.empty()) return plan;
  ICINGEST_TRY_LET(pg::TableLayout layout, pg::read_layout(*control, table));
  if (layout.schema.empty()) layout.partitioned = true;  // as the run will create it
  plan.loading = load::describe(load_plan_of(plan, layout, environment.streams));
  return plan;
}

}  // namespace icingest::run
