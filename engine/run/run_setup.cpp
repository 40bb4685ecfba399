#include "run/run_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

#include "checkpoint/pg_quota.h"
#include "core/log.h"
#include "core/text.h"
#include "load/prove.h"
#include "pg/identifier.h"
#include "pg/schema.h"

namespace icingest::run {

std::string make_run_id() {
  std::random_device device;
  std::array<std::uint32_t, 4> word{device(), device(), device(), device()};
  word[1] = (word[1] & 0xFFFF0FFFu) | 0x00004000u;  // RFC 4122, version 4
  word[2] = (word[2] & 0x3FFFFFFFu) | 0x80000000u;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", word[0], word[1] >> 16, word[1] & 0xFFFF,
                     word[2] >> 16, word[2] & 0xFFFF, word[3]);
}

std::vector<pg::WantedSchema> wanted_schemas(const std::vector<Pipeline>& pipelines) {
  std::vector<pg::WantedSchema> wanted;
  for (const Pipeline& pipeline : pipelines) {
    wanted.push_back({.create = pipeline.schema, .adopt = pipeline.adopt});
    for (const SchemaPart& more : pipeline.more_tables)
      wanted.push_back({.create = more.create, .adopt = more.adopt});
    wanted.back().views = pipeline.views;
  }
  return wanted;
}

std::vector<const TableInfo*> tables_of(const Pipeline& pipeline) {
  std::vector<const TableInfo*> tables;
  const auto add = [&](const TableInfo& table) {
    const auto same = [&](const TableInfo* other) { return other->name == table.name; };
    // Datasets of one table that differ in columns are checked each.
    if (table.updates_only || std::none_of(tables.begin(), tables.end(), same)) tables.push_back(&table);
  };
  for (const Route& route : pipeline.routes) {
    add(route.load.table);
    for (const TableInfo& side : route.load.side_tables) add(side);
  }
  return tables;
}

Result<void> prepare_schema(pg::Control& control, const Environment& environment) {
  ICINGEST_TRY(pg::create_missing(control, checkpoint::ledger_ddl(), wanted_schemas(environment.pipelines)));
  return {};
}

Result<void> check_tables(pg::Control& control, const Pipeline& pipeline) {
  for (const TableInfo* const table : tables_of(pipeline)) {
    ICINGEST_TRY_LET(const auto differences, pg::check_table(control, *table));
    if (!differences.empty()) {
      std::string what;
      std::string sql;
      for (const pg::Difference& difference : differences) {
        what += (what.empty() ? "" : "; ") + difference.what;
        sql += (sql.empty() ? "" : " ") + difference.sql;
      }
      return person_error(fmt::format("the schema does not fit: {}", what),
                          fmt::format("run `icingest migrate`, or by hand: {}", sql));
    }
  }
  return pipeline.views.empty() ? Result<void>{} : pg::create_views(control, pipeline.name, pipeline.views);
}

namespace {

Result<bool> adopt_table(pg::Control& control, const Environment& environment, const TableInfo& table) {
  checkpoint::Ledger ledger(control);
  const std::string key = fmt::format("adopted:{}", table.name);
  ICINGEST_TRY_LET(const auto adopted, ledger.meta(key));
  if (adopted) return *adopted == "true";
  ICINGEST_TRY_LET(const bool has_rows, control.transact("look for existing rows", [&](pqxx::work& tx) {
    return !tx.exec(fmt::format("SELECT 1 FROM {} LIMIT 1", pg::quote_table(table.name))).empty();
  }));
  if (has_rows) {
    log::info("{} holds rows that icingest did not load; counting them, so that verify can tell what changes",
              table.name);
    ICINGEST_TRY_LET(pg::PgConn conn, pg::PgConn::connect(environment.db, std::chrono::seconds(10)));
    ICINGEST_TRY_LET(const checkpoint::Proofs proofs, load::prove(conn, table));
    ICINGEST_TRY(ledger.adopt_proofs(table.name, proofs));
  }
  ICINGEST_TRY(ledger.set_meta(key, has_rows ? "true" : "false"));
  return has_rows;
}

std::string describe_failure(const Engine& engine, const Metrics& metrics) {
  if (metrics.units_failed.get() == 0) return {};
  return fmt::format("{} units failed; the first: {}. The same command later will go on",
                     metrics.units_failed.get(), engine.first_unit_failure());
}

}  // namespace

Result<bool> adopt_existing_rows(pg::Control& control, const Environment& environment,
                                 const Pipeline& pipeline) {
  bool any = false;
  for (const TableInfo* const table : tables_of(pipeline)) {
    if (table->updates_only) continue;
    ICINGEST_TRY_LET(const bool had_rows, adopt_table(control, environment, *table));
    any = any || had_rows;
  }
  return any;
}

Result<Standing> read_standing(pg::Control& control, const Pipeline& pipeline) {
  checkpoint::Ledger ledger(control);
  Standing standing;
  ICINGEST_TRY_LET(auto units, ledger.units(pipeline.name));
  for (checkpoint::UnitRecord& unit : units) {
    std::string key = unit.unit;
    standing.units.emplace(std::move(key), std::move(unit));
  }
  ICINGEST_TRY_LET(standing.members, ledger.members(pipeline.name));
  return standing;
}

Result<void> refresh_standing(Session& session, const Pipeline& pipeline, Standing& standing) {
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  const bool adopted = standing.adopted;
  ICINGEST_TRY_LET(standing, read_standing(*control, pipeline));
  standing.adopted = adopted;
  return {};
}

Result<std::vector<fetch::SourceConfig>> find_sources(const Environment& environment,
                                                      const Pipeline& pipeline,
                                                      const IngestOptions& options) {
  std::vector<fetch::SourceConfig> sources;
  ICINGEST_TRY_LET(fetch::SourceConfig main, environment.source_config(pipeline.source));
  sources.push_back(std::move(main));
  for (const Route& route : pipeline.routes) {
    const bool wanted =
        route.source && (options.strategy == route.name || environment.is_configured(*route.source));
    if (!wanted) continue;
    ICINGEST_TRY_LET(fetch::SourceConfig own, environment.source_config(*route.source));
    sources.push_back(std::move(own));
  }
  return sources;
}

SourceLimits limits_of(const std::vector<fetch::SourceConfig>& sources) {
  SourceLimits limits;
  for (const fetch::SourceConfig& source : sources) limits.emplace(source.source.name, source.limit);
  return limits;
}

namespace {

// Not std::filesystem::temp_directory_path(), which throws where the directory is missing: most runs need none.
std::string temporary_directory() {
  const char* const named = std::getenv("TMPDIR");
  return named != nullptr && *named != '\0' ? named : "/tmp";
}

}  // namespace

EngineSettings engine_settings(const Environment& environment, const Pipeline& pipeline,
                               const IngestOptions& options, const std::vector<fetch::SourceConfig>& configs,
                               const std::string& run_id) {
  std::vector<EngineSource> sources;
  for (const fetch::SourceConfig& config : configs) sources.push_back(engine_source(environment, config));
  return {.db = environment.db,
          .sources = std::move(sources),
          .user_agent = fmt::format("icingest/{}", environment.version),
          .pipeline = std::string(pipeline.name),
          .run_id = run_id,
          .max_reject_share = pipeline.max_reject_share,
          .own_options = options.own,
          .memory_budget = environment.memory_budget,
          .temporary_directory = temporary_directory(),
          .decode_threads = environment.decode_threads,
          .outage_patience = environment.outage_patience};
}

Result<void> with_engine(EngineSettings settings, const Environment& environment, const Pipeline& pipeline,
                         Metrics& metrics, std::string& failure_text,
                         const std::function<Result<void>(Engine&)>& work) {
  Engine engine(std::move(settings), *environment.clock, metrics, *environment.stop);
  if (environment.watch) environment.watch(std::string(pipeline.name), &metrics, &engine);
  Result<void> done = work(engine);
  failure_text = describe_failure(engine, metrics);
  if (environment.watch) environment.watch(std::string(pipeline.name), nullptr, nullptr);
  if (auto failure = engine.failure()) return std::unexpected(std::move(*failure));
  return done;
}

bool is_over(const Engine& engine, const Environment& environment) {
  return engine.failure() || environment.stop->requested();
}

Result<void> record_start(pg::Control& control, const Environment& environment, const Report& report,
                          const Crew* crew) {
  return checkpoint::Ledger(control).start_run({.run_id = report.run_id,
                                                .pipeline = report.command,
                                                .strategy = report.strategy,
                                                .from = report.from,
                                                .to = report.to,
                                                .arguments = environment.arguments,
                                                .version = environment.version,
                                                .crew = crew != nullptr ? crew->id() : std::string()});
}

Result<std::unique_ptr<Crew>> join_crew(const Environment& environment, const Pipeline& pipeline,
                                        const IngestOptions& options, std::string_view symbols) {
  if (!options.shared) return std::unique_ptr<Crew>();
  const auto date = [](const std::optional<Date>& given) {
    return given ? to_string(*given) : std::string();
  };
  std::string command = fmt::format("years={} from={} to={} resume={} strategy={} refresh={} symbols={}",
                                    options.years, date(options.from), date(options.to), options.resume,
                                    options.strategy, options.refresh.value_or(-1), symbols);
  for (const auto& [name, value] : options.own) command += fmt::format(" {}={}", name, value);
  return Crew::join(environment, pipeline.name, std::move(command));
}

void work_in_name_of(const Crew& crew, const Environment& environment, EngineSettings& settings) {
  settings.is_mine = [&crew](const std::string& fence) { return crew.is_mine(fence); };
  settings.lease = environment.lease;
}

Result<void> take_verdict(Session& session, const Crew& crew, Report& report) {
  ICINGEST_TRY_LET(const CrewState state, crew.state(session));
  ICINGEST_TRY_LET(const CrewVerdict verdict, crew.verdict(session));
  report.strategy = state.strategy;
  report.planned = state.planned;
  report.crew_failed = verdict.failed;
  report.crew_unavailable = verdict.unavailable + state.unavailable;
  report.crew_rejected = verdict.rejected;
  return {};
}

void conclude(Report& report, const Environment& environment, const Metrics& metrics, Tick started,
              const Error* error, const std::string& failure_text) {
  report.take(metrics);
  report.seconds = std::chrono::duration<double>(environment.clock->tick() - started).count();
  const ProcessUsage usage = process_usage();
  report.cpu_seconds = usage.cpu_seconds;
  report.peak_rss_bytes = usage.peak_rss_bytes;
  if (const int signal = environment.stop->signal(); signal != 0) {
    report.exit = static_cast<ExitCode>(128 + signal);
    report.message = "stopped; what was whole is committed. Go on with the same command and --resume";
  } else if (error != nullptr) {
    report.exit = error->exit;
    report.message = error->describe();
  } else if (report.failed > 0) {
    report.exit = ExitCode::later;
    report.message = failure_text;
  } else if (report.crew_failed > 0) {
    report.exit = ExitCode::later;
    report.message = fmt::format(
        "{} units failed with other processes of this run, which say why. The same command later will go on",
        report.crew_failed);
  } else if (std::max(report.unavailable, report.crew_unavailable) > 0) {
    report.exit = ExitCode::person;
    report.message = fmt::format(
        "{} units are not covered by the plan behind this key; upgrade it, or ask for fewer --years",
        std::max(report.unavailable, report.crew_unavailable));
  } else if (std::max(report.rows_rejected, report.crew_rejected) > 0) {
    report.exit = ExitCode::rejects;
    report.message = fmt::format("{} rows were quarantined; see `icingest rejects {}`",
                                 std::max(report.rows_rejected, report.crew_rejected), report.command);
  }
}

void record_end(Session& session, const Report& report) {
  const auto recorded = [&]() -> Result<void> {
    ICINGEST_TRY_LET(pg::Control* const control, session.control());
    return checkpoint::Ledger(*control).finish_run(report.run_id, static_cast<int>(report.exit),
                                                   report.strategy, report.to_json());
  }();
  if (!recorded) log::debug("the end of the run is not in the ledger: {}", recorded.error().describe());
}

Result<void> fill_table(Session& session, const Environment& environment, std::string_view filled_by) {
  const Pipeline* const filler = find_pipeline(environment.pipelines, filled_by);
  ICINGEST_CHECK(filler != nullptr);
  log::info("{} is empty; running `icingest {}` first", filled_by, filled_by);
  ICINGEST_TRY_LET(const Report report, ingest(session, environment, *filler, {.shared = true}));
  if (report.exit != ExitCode::complete && report.exit != ExitCode::rejects) {
    return Failure(Error{.action = Action::fail_run,
                         .exit = report.exit,
                         .message = fmt::format("{} could not be filled: {}", filled_by, report.message)});
  }
  log::info("{}: {} rows", filled_by, text::grouped(report.rows_written));
  return {};
}

}  // namespace icingest::run
