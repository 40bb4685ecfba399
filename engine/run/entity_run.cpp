#include "run/entity_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/log.h"
#include "core/text.h"
#include "pg/lost.h"
#include "pg/schema.h"
#include "run/claims.h"
#include "run/crew.h"
#include "run/entity_plan.h"
#include "run/run_setup.h"

namespace icingest::run {
namespace {

// A source that replaces its archive again and again while it is read is not worth more attempts than this.
constexpr int kMostVersions = 3;

class EntityRun {
 public:
  EntityRun(Session& session, const Environment& environment, const Pipeline& pipeline,
            const IngestOptions& options, std::vector<fetch::SourceConfig> sources, Entities entities)
      : session_(session),
        environment_(environment),
        pipeline_(pipeline),
        options_(options),
        sources_(std::move(sources)),
        routes_(entity_routes(pipeline)),
        began_at_(
            std::chrono::floor<std::chrono::seconds>(environment.clock->now())),  // as the ledger keeps it
        started_(environment.clock->tick()),
        entities_(std::move(entities)) {
    report_.command = pipeline.name;
    report_.run_id = make_run_id();
  }

  Result<Report> go() {
    ICINGEST_TRY(prepare());
    EngineSettings settings = engine_settings(environment_, pipeline_, options_, sources_, report_.run_id);
    if (crew_) work_in_name_of(*crew_, environment_, settings);
    const Result<void> worked =
        with_engine(std::move(settings), environment_, pipeline_, metrics_, failure_text_,
                    [this](Engine& engine) { return crew_ ? work_with_others(engine) : work(engine); });
    const Error* const error = worked ? nullptr : &worked.error();
    if (crew_) {
      report_.skipped = metrics_.units_skipped.get();
      if (error == nullptr) {
        if (const Result<void> known = take_verdict(session_, *crew_, report_); !known)
          log::debug("the other processes' part: {}", known.error().describe());
      }
    }
    conclude(report_, environment_, metrics_, started_, error, failure_text_);
    record_end(session_, report_);
    return report_;
  }

  // Others have begun the run anew: so must this process.
  [[nodiscard]] bool is_left_behind() const { return crew_ && crew_->is_left_behind(); }

 private:
  using Units = std::vector<PlannedUnit>;

  Result<void> prepare();
  Result<void> read_ledger();
  Result<void> work(Engine& engine);
  Result<void> work_with_others(Engine& engine);
  Result<void> stage(Engine& engine, int step, const Crew::Plan& plan);
  Result<StepPlan> plan_first(Engine& engine);
  // Reads the archive; gives the units to be asked for one by one, where it cannot be had.
  Result<Units> read_archive(Engine& engine);
  // Those that have changed since the ledger's reading of them.
  Result<Units> find_changes(Engine& engine);
  Result<Units> whats_left(Engine& engine);
  [[nodiscard]] std::string fence() const { return crew_ ? crew_->worker() : std::string(); }
  Result<std::map<std::int64_t, Date>> changed_since(Engine& engine, Date since, Date today);
  void record_symbols(Engine& engine, const std::vector<std::string>& symbols, std::string_view reason);
  void plan_more(std::size_t units);

  Session& session_;
  const Environment& environment_;
  const Pipeline& pipeline_;
  const IngestOptions& options_;
  std::vector<fetch::SourceConfig> sources_;
  EntityRoutes routes_;
  std::unique_ptr<Crew> crew_;  // of a run that processes share
  Instant began_at_;
  Tick started_;
  Metrics metrics_;
  Report report_;
  Entities entities_;
  Standing standing_;
  Plan plan_;
  Universe everything_ = Universe::everything();
  std::string failure_text_;
};

Result<void> EntityRun::prepare() {
  std::vector<std::string> symbols = entities_.without;
  symbols.insert(symbols.end(), entities_.unknown.begin(), entities_.unknown.end());
  for (const Entity& entity : entities_.entities)
    symbols.push_back(fmt::format("{} {}", entity.id, fmt::join(entity.symbols, " ")));
  ICINGEST_TRY_LET(
      crew_, join_crew(environment_, pipeline_, options_, Universe::of(std::move(symbols)).fingerprint()));
  if (crew_) began_at_ = std::chrono::floor<std::chrono::seconds>(crew_->planned_at());
  const Date today = new_york::date_of(began_at_);
  report_.from = report_.to = today;
  if (!crew_) ICINGEST_TRY(read_ledger());
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  return record_start(*control, environment_, report_, crew_.get());
}

Result<void> EntityRun::read_ledger() {
  const Instant now = crew_ ? crew_->planned_at() : environment_.clock->now();
  ICINGEST_TRY_LET(pg::Control* const control, session_.control());
  ICINGEST_TRY_LET(standing_, read_standing(*control, pipeline_));
  ICINGEST_TRY_LET(standing_.adopted, adopt_existing_rows(*control, environment_, pipeline_));
  ICINGEST_TRY_LET(plan_,
                   make_entity_plan(pipeline_, options_, limits_of(sources_), entities_, standing_, now));
  report_.strategy = plan_.strategy;
  report_.from = plan_.from;
  report_.to = plan_.to;
  report_.quota_floor_seconds = plan_.quota_seconds;
  report_.copy_floor_seconds = plan_.copy_seconds;
  return {};
}

void EntityRun::plan_more(std::size_t units) {
  report_.planned += static_cast<std::int64_t>(units);
  metrics_.units_planned.set(report_.planned);
}

// Symbols that nothing can be asked about, where the ledger does not say so yet.
void EntityRun::record_symbols(Engine& engine, const std::vector<std::string>& symbols,
                               std::string_view reason) {
  std::vector<PlannedUnit> units;
  const Date today = new_york::date_of(environment_.clock->now());
  for (const std::string& symbol : symbols) {
    PlannedUnit planned{.route = routes_.single, .fence = fence()};
    planned.unit = {
        .key = "ticker/" + symbol, .grain = Grain::entity, .from = today, .to = today, .symbol = symbol};
    const auto record = standing_.units.find(planned.unit.key);
    if (record != standing_.units.end()) {
      planned.expected_generation = record->second.generation;
      if (record->second.reason == reason) {
        ++report_.skipped;
        continue;
      }
    }
    units.push_back(std::move(planned));
  }
  plan_more(symbols.size());
  engine.record_empty(std::move(units), reason);
}

// Which of the entities have changed, and the last day they did.
Result<std::map<std::int64_t, Date>> EntityRun::changed_since(Engine& engine, Date since, Date today) {
  std::map<std::int64_t, Date> changed;
  const std::vector<Date> days = weekdays(since, today);
  if (!days.empty())
    log::info("looking for changes of {} … {}", to_string(days.front()), to_string(days.back()));
  for (const Date day : days) {
    std::vector<std::int64_t> ids;
    ICINGEST_TRY(
        engine.ask(routes_.single, pipeline_.changes->request(day), [&](Document& document, std::string&) {
          ids.clear();
          return pipeline_.changes->decode(document.body(), ids);
        }));
    for (const std::int64_t id : ids) changed[id] = day;
    if (is_over(engine, environment_)) break;
  }
  return changed;
}

Result<EntityRun::Units> EntityRun::find_changes(Engine& engine) {
  if (!pipeline_.changes) return Units{};
  ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
  const Date today = new_york::date_of(environment_.clock->now());
  const auto since = changes_since(pipeline_, entities_, standing_);
  // What was asked for today is as new as can be.
  if (!since || *since > today) return Units{};
  const auto is_fresh = [&](const Entity& entity, Date changed) {
    const auto record = standing_.units.find(unit_key(*routes_.single, *pipeline_.entities, entity));
    if (record == standing_.units.end()) return false;
    // Read by this run: the index of its own day says nothing new.
    const bool alone_today = record->second.etag.empty() &&
                             new_york::date_of(record->second.asked_at) >= changed &&
                             record->second.asked_at >= began_at_;
    const auto known = known_until(&record->second);
    return alone_today || (known && *known > changed);
  };
  if (std::all_of(entities_.entities.begin(), entities_.entities.end(),
                  [&](const Entity& entity) { return is_fresh(entity, today); }))
    return Units{};
  ICINGEST_TRY_LET(const auto changed, changed_since(engine, *since, today));
  if (is_over(engine, environment_)) return Units{};
  Entities stale;
  for (const Entity& entity : entities_.entities) {
    const auto found = changed.find(entity.id);
    if (found != changed.end() && !is_fresh(entity, found->second)) stale.entities.push_back(entity);
  }
  if (stale.entities.empty()) return Units{};
  log::info("{} companies have filed since; asking for them",
            text::grouped(static_cast<std::int64_t>(stale.entities.size())));
  IngestOptions again = options_;
  again.resume = false;
  std::int64_t none = 0;
  return plan_entities(pipeline_, *routes_.single, again, stale, standing_, std::nullopt, none);
}

Result<EntityRun::Units> EntityRun::read_archive(Engine& engine) {
  for (int version = 1;; ++version) {
    std::int64_t skipped = 0;
    std::size_t chosen = 0;
    const Engine::Choose choose = [&](const ArchiveReading& reading) {
      auto units = plan_entities(pipeline_, *routes_.archive, options_, entities_, standing_,
                                 ArchiveVersion{reading.etag, reading.last_modified}, skipped);
      log::info("{}: {} with {} members, of {}; {} companies to read", routes_.archive->archive->path,
                text::bytes(static_cast<double>(reading.bytes)), text::grouped(reading.members),
                reading.last_modified, text::grouped(static_cast<std::int64_t>(units.size())));
      for (PlannedUnit& planned : units) planned.fence = fence();
      chosen = units.size();
      report_.skipped += skipped;
      metrics_.units_skipped.set(report_.skipped);
      plan_more(chosen + static_cast<std::size_t>(skipped));
      return units;
    };
    Result<ArchiveReading> reading =
        engine.execute_archive(*routes_.archive, choose, pipeline_.entities->no_answer, everything_);
    const bool unusable = reading ? reading->absent : reading.error().action == Action::fail_unit;
    if (unusable) {
      const std::string why = reading ? reading->reason : reading.error().describe();
      if (options_.strategy == routes_.archive->name) {
        return later_error(fmt::format("{} cannot be had: {}", routes_.archive->archive->path, why),
                           "use --strategy auto, or run the same command again later");
      }
      log::warn("{} cannot be had ({}); asking for each company", routes_.archive->archive->path, why);
      report_.strategy = routes_.single->name;
      ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
      Units units = plan_entities(pipeline_, *routes_.single, options_, entities_, standing_, std::nullopt,
                                  report_.skipped);
      plan_more(units.size() + static_cast<std::size_t>(report_.skipped));
      return units;
    }
    if (!reading) return std::unexpected(std::move(reading).error());
    if (!reading->changed || is_over(engine, environment_)) return Units{};
    if (version == kMostVersions) {
      return later_error(
          fmt::format("{} is replaced again and again while it is read", routes_.archive->archive->path),
          "run the same command again later");
    }
    report_.planned -= reading->left + skipped;
    report_.skipped -= skipped;
    ICINGEST_TRY(refresh_standing(session_, pipeline_, standing_));
  }
}

// What is left to be asked for one by one when all that one process does best is done.
Result<EntityRun::Units> EntityRun::whats_left(Engine& engine) {
  record_symbols(engine, entities_.without, pipeline_.entities->no_entity);
  record_symbols(engine, entities_.unknown, "unknown_symbol");
  if (is_over(engine, environment_)) return Units{};
  if (routes_.archive != nullptr && plan_.strategy == routes_.archive->name) return read_archive(engine);
  report_.skipped += plan_.skipped;
  metrics_.units_skipped.set(report_.skipped);
  plan_more(plan_.main.size() + static_cast<std::size_t>(plan_.skipped));
  return std::move(plan_.main);
}

Result<void> EntityRun::work(Engine& engine) {
  // The rows of several companies go in at once; more streams than two only wait for each other's WAL.
  engine.use_streams(environment_.streams > 0 ? environment_.streams : 2);
  ICINGEST_TRY_LET(Units units, whats_left(engine));
  engine.execute(std::move(units), everything_);
  if (is_over(engine, environment_)) return {};
  ICINGEST_TRY_LET(Units changed, find_changes(engine));
  plan_more(changed.size());
  engine.execute(std::move(changed), everything_);
  return {};
}

Result<void> EntityRun::stage(Engine& engine, int step, const Crew::Plan& plan) {
  ICINGEST_TRY(crew_->lead(session_, step, plan));
  ICINGEST_TRY_LET(const CrewState state, crew_->state(session_));
  report_.strategy = state.strategy;
  report_.planned = state.planned;
  ClaimSource source(environment_, pipeline_, *crew_, step, metrics_,
                     [](PlannedUnit&, std::optional<Date>) { return Result<void>{}; });
  engine.execute(source, everything_);
  return {};
}

// The archive is read by whoever leads: one stream, and what others would do meanwhile is in it.
Result<StepPlan> EntityRun::plan_first(Engine& engine) {
  report_.planned = report_.skipped = 0;
  static_cast<void>(engine.take_loss());
  ICINGEST_TRY(read_ledger());
  ICINGEST_TRY_LET(Units units, whats_left(engine));
  if (auto failure = engine.failure()) return std::unexpected(std::move(*failure));
  if (environment_.stop->requested()) return later_error("stopped");
  if (engine.take_loss()) return pg::lost_error("others read the archive");
  return StepPlan{.units = std::move(units),
                  .strategy = report_.strategy,
                  .planned = report_.planned,
                  .skipped = report_.skipped};
}

Result<void> EntityRun::work_with_others(Engine& engine) {
  engine.use_streams(environment_.streams > 0 ? environment_.streams : 2);
  ICINGEST_TRY(stage(engine, 1, [&] { return plan_first(engine); }));
  if (is_over(engine, environment_)) return {};
  ICINGEST_TRY(stage(engine, 2, [&]() -> Result<StepPlan> {
    ICINGEST_TRY_LET(Units units, find_changes(engine));
    const auto planned = static_cast<std::int64_t>(units.size());
    return StepPlan{.units = std::move(units), .planned = planned};
  }));
  if (is_over(engine, environment_)) return {};
  return crew_->end(session_, 3);
}

}  // namespace

Result<Report> ingest_entities(Session& session, const Environment& environment, const Pipeline& pipeline,
                               const IngestOptions& options) {
  ICINGEST_TRY_LET(std::vector<fetch::SourceConfig> sources, find_sources(environment, pipeline, options));
  const std::string_view filled_by = pipeline.entities->filled_by;
  ICINGEST_TRY_LET(pg::Control * control, session.control());
  ICINGEST_TRY(prepare_schema(*control, environment));
  ICINGEST_TRY(check_tables(*control, pipeline));
  ICINGEST_TRY_LET(Entities entities, read_entities(*control, pipeline, options));
  if (entities.listed == 0) {
    ICINGEST_TRY(fill_table(session, environment, filled_by));
    ICINGEST_TRY_LET(control, session.control());
    ICINGEST_TRY_LET(entities, read_entities(*control, pipeline, options));
    if (entities.listed == 0) {
      return person_error(fmt::format("there is nothing to load: {} is empty", filled_by),
                          fmt::format("check `icingest {}` and its table", filled_by));
    }
  }
  for (IngestOptions again = options;; again.resume = true) {  // what others have done meanwhile is done
    EntityRun run(session, environment, pipeline, again, sources, entities);
    Result<Report> report = run.go();
    if (!run.is_left_behind() || environment.stop->requested()) return report;
    log::warn("others have begun this run anew or ended it; beginning anew");
  }
}

Result<Plan> plan_entities_only(Session& session, const Environment& environment, const Pipeline& pipeline,
                                const IngestOptions& options) {
  ICINGEST_TRY_LET(const std::vector<fetch::SourceConfig> sources,
                   find_sources(environment, pipeline, options));
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  ICINGEST_TRY_LET(const bool has_ledger, pg::has_ledger(*control));
  Standing standing;
  Entities entities;
  ICINGEST_TRY_LET(const bool has_list, control->transact("look for the list", [&](pqxx::work& tx) {
    return !tx.exec_params("SELECT to_regclass($1)", std::string(pipeline.entities->filled_by))
                .front()[0]
                .is_null();
  }));
  if (has_ledger) {
    ICINGEST_TRY_LET(standing, read_standing(*control, pipeline));
  }
  if (has_list) {
    ICINGEST_TRY_LET(entities, read_entities(*control, pipeline, options));
  }
  return make_entity_plan(pipeline, options, limits_of(sources), entities, standing,
                          environment.clock->now());
}

}  // namespace icingest::run
