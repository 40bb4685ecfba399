#include "cli/ingest_command.h"

#include <fmt/format.h>

#include <fstream>

#include "cli/as_of_command.h"
#include "core/json_writer.h"
#include "core/log.h"
#include "core/text.h"
#include "monitor/monitor.h"
#include "run/run_setup.h"

namespace icingest::cli {
namespace {

// Kubernetes grants thirty seconds, a person at a terminal fewer: after this long an ending run ends.
constexpr std::chrono::milliseconds kStopPatience{4'500};

bool has_window(const Pipeline& pipeline) { return run::find_route(pipeline, Grain::session) != nullptr; }

std::vector<std::string> strategies(const Pipeline& pipeline) {
  std::vector<std::string> names = {"auto"};
  for (const Route& route : pipeline.routes) {
    if (!route.only_with_option) names.emplace_back(route.name);
  }
  return names;
}

// Symbols as they are, one per comma or line; blanks and # comments are nobody's symbol.
Result<std::vector<std::string>> read_symbols(const std::string& inline_list, const std::string& file) {
  std::vector<std::string> symbols;
  const auto add = [&](std::string_view text) {
    text = text::trim(text.substr(0, text.find('#')));
    if (!text.empty()) symbols.emplace_back(text);
  };
  for (const std::string_view symbol : text::split(inline_list, ',')) add(symbol);
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in) return usage_error(fmt::format("--tickers-file: cannot read {}", file));
    for (std::string line; std::getline(in, line);) {
      for (const std::string_view symbol : text::split(line, ',')) add(symbol);
    }
  }
  for (const std::string& symbol : symbols) {
    if (symbol.size() > 32)
      return usage_error(
          fmt::format("--tickers: '{}' is longer than any symbol", text::printable(symbol, 40)));
  }
  return symbols;
}

Result<std::optional<Date>> read_date(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<Date>();
  const auto date = parse_date(text);
  if (!date)
    return usage_error(fmt::format("{}: '{}' is no date", option, text::printable(text, 40)),
                       "write YYYY-MM-DD");
  return std::optional(*date);
}

void append_unit_counts(JsonWriter& json, const run::Plan& plan) {
  json.begin_object("units").number("total", plan.units());
  json.number("to_do", static_cast<std::int64_t>(plan.main.size() + plan.gaps.size()))
      .number("skipped", plan.skipped)
      .end_object();
}

std::string plan_json(const Pipeline& pipeline, const run::Plan& plan) {
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", "plan")
      .text("pipeline", pipeline.name)
      .number("exit_code", 0);
  json.text("strategy", plan.strategy).text("loading", plan.loading);
  json.begin_object("window").text("from", to_string(plan.from)).text("to", to_string(plan.to)).end_object();
  json.number("sessions", static_cast<std::int64_t>(plan.sessions.size())).number("symbols", plan.symbols);
  append_unit_counts(json, plan);
  json.number("requests", plan.requests()).number("rows", plan.expected_rows);
  json.begin_object("floor_seconds")
      .real("quota", plan.quota_seconds)
      .real("copy", plan.copy_seconds)
      .end_object();
  json.begin_array("strategies");
  for (const run::RouteCost& cost : plan.costs) {
    json.begin_object()
        .text("name", cost.route)
        .number("requests", cost.requests)
        .number("bytes", static_cast<std::int64_t>(cost.bytes));
    json.real("quota_seconds", cost.quota_seconds)
        .real("transfer_seconds", cost.transfer_seconds)
        .end_object();
  }
  return json.end_array().end_object().str();
}

std::string plan_text(const Pipeline& pipeline, const run::Plan& plan) {
  std::string out = fmt::format("plan {}: {} … {}", pipeline.name, to_string(plan.from), to_string(plan.to));
  if (!plan.sessions.empty())
    out += fmt::format(", {} sessions", text::grouped(static_cast<std::int64_t>(plan.sessions.size())));
  if (plan.symbols > 0) out += fmt::format(", {} symbols", text::grouped(plan.symbols));
  out += fmt::format("\n\n  {:<20} {:>10} {:>12} {:>14} {:>16}\n", "strategy", "requests", "bytes",
                     "floor (quota)", "floor (100 Mb/s)");
  for (const run::RouteCost& cost : plan.costs) {
    out += fmt::format("{} {:<20} {:>10} {:>12} {:>14} {:>16}\n", cost.route == plan.strategy ? "*" : " ",
                       cost.route, text::grouped(cost.requests), text::bytes(cost.bytes),
                       text::duration(cost.quota_seconds), text::duration(cost.transfer_seconds));
  }
  out += fmt::format("\n  units       {}: {} to do, {} done before\n", text::grouped(plan.units()),
                     text::grouped(static_cast<std::int64_t>(plan.main.size() + plan.gaps.size())),
                     text::grouped(plan.skipped));
  if (!plan.loading.empty()) out += fmt::format("  loading     {}\n", plan.loading);
  out += fmt::format("  rows        at most {}, {} by COPY alone\n", text::grouped(plan.expected_rows),
                     text::duration(plan.copy_seconds));
  return out;
}

}  // namespace

void add_ingest_options(CLI::App& command, const Pipeline& pipeline, IngestArguments& arguments) {
  if (has_window(pipeline)) {
    command.add_option("--years", arguments.years, "window in calendar years (10)");
    command.add_option("--from", arguments.from, "first New York date, instead of --years");
    command.add_option("--to", arguments.to, "last New York date (the last closed session)");
    command
        .add_option("--refresh", arguments.refresh,
                    fmt::format("read the newest N sessions again in any case; "
                                "without it the newest {} once the market has closed since",
                                pipeline.refresh_sessions))
        ->check(CLI::Range(0, 10'000));
    command
        .add_option("--universe", arguments.universe,
                    "listed: symbols of the reference list; all: whatever the source has")
        ->check(CLI::IsMember({"listed", "all"}));
  }
  command.add_flag("--resume", arguments.resume, "go on: what is done stays done");
  command.add_flag("--rejects-ok", arguments.rejects_ok,
                   "end with 0 instead of 3 when rows were quarantined; report and ledger still say 3");
  if (pipeline.entities) command.add_flag("--all", arguments.all, "every company; the default");
  if (pipeline.as_of) {
    command.add_option("--as-of", arguments.as_of,
                       "fetch nothing: print what was known on that day, as CSV or with --json");
  }
  if (pipeline.universe || pipeline.entities) {
    command.add_option("--tickers", arguments.tickers, "only these symbols, A,B,C");
    command.add_option("--tickers-file", arguments.tickers_file, "only the symbols in this file");
    command.add_option("--limit", arguments.limit, "only the first N symbols")->check(CLI::PositiveNumber);
  }
  command.add_option("--strategy", arguments.strategy, "how to fetch; auto takes the cheapest")
      ->check(CLI::IsMember(strategies(pipeline)));
  for (const OptionSpec& option : pipeline.options) {
    const std::string name(option.name);
    if (option.choices.empty()) {
      command.add_flag("--" + name, arguments.own_flags[name], std::string(option.about));
    } else {
      command.add_option("--" + name, arguments.own[name], std::string(option.about))
          ->check(CLI::IsMember(std::vector<std::string>(option.choices.begin(), option.choices.end())));
    }
  }
}

Result<run::IngestOptions> to_options(const Pipeline& pipeline, const IngestArguments& arguments) {
  run::IngestOptions options{.years = arguments.years,
                             .resume = arguments.resume,
                             .shared = arguments.resume,
                             .strategy = arguments.strategy,
                             .everything = arguments.universe == "all"};
  ICINGEST_TRY_LET(options.from, read_date("--from", arguments.from));
  ICINGEST_TRY_LET(options.to, read_date("--to", arguments.to));
  if (!has_window(pipeline)) options.from = options.to = std::nullopt;
  ICINGEST_TRY_LET(options.tickers, read_symbols(arguments.tickers, arguments.tickers_file));
  const bool asked_for_symbols = !arguments.tickers.empty() || !arguments.tickers_file.empty();
  if (asked_for_symbols && options.tickers.empty()) return usage_error("--tickers names no symbol");
  if (options.everything && (asked_for_symbols || arguments.limit > 0)) {
    return usage_error("--universe all and a choice of symbols exclude each other");
  }
  if (arguments.all && (asked_for_symbols || arguments.limit > 0))
    return usage_error("--all and a choice of symbols exclude each other");
  ICINGEST_TRY_LET(options.as_of, read_date("--as-of", arguments.as_of));
  if (arguments.limit > 0) options.limit = arguments.limit;
  if (arguments.refresh >= 0) options.refresh = arguments.refresh;
  for (const auto& [name, given] : arguments.own_flags) {
    if (given) options.own[name] = "true";
  }
  for (const auto& [name, value] : arguments.own) {
    if (!value.empty()) options.own[name] = value;
  }
  return options;
}

Result<Output> run_ingest(Context& context, const Pipeline& pipeline, const IngestArguments& arguments) {
  ICINGEST_TRY_LET(const run::IngestOptions options, to_options(pipeline, arguments));
  if (options.as_of) return run_as_of(context, pipeline, options);
  ICINGEST_TRY(run::window_of(options, context.clock().now()));
  monitor::Monitor monitor(std::string(version()), context.clock(), context.stop());
  const bool watched = !context.settings().metrics_listen.empty();
  if (watched) {
    ICINGEST_TRY(monitor.listen(context.settings().metrics_listen));
    log::info("metrics at http://{}/metrics", monitor.address());
  }
  Progress progress(Progress::style_of(context.settings().progress), context.clock());
  ICINGEST_TRY_LET(run::Environment environment, context.environment(&progress, pipeline));
  if (watched) {
    monitor.observe(environment.db, environment.pipelines);
    environment.watch = [&, shown = environment.watch](const std::string& name, const Metrics* metrics,
                                                       run::Engine* engine) {
      shown(name, metrics, engine);
      monitor.watch(name, metrics, engine);
    };
  }
  // Others must be able to tell this process's connections.
  environment.db.parameters["application_name"] = "icingest/" + run::make_run_id();
  const SignalWatch signals(context.stop(), kStopPatience);
  run::Session session(environment);
  const auto run = [&]() -> Result<run::Report> {
    ICINGEST_TRY(session.open(options.shared));
    return run::ingest(session, environment, pipeline, options);
  };
  Result<run::Report> report = run();
  if (!report) {
    // A stop before the run had begun is still a stop.
    if (const int signal = context.stop().signal(); signal != 0)
      report.error().exit = static_cast<ExitCode>(128 + signal);
    return std::unexpected(std::move(report).error());
  }
  const bool tolerated = arguments.rejects_ok && report->exit == ExitCode::rejects;
  return Output{tolerated ? ExitCode::complete : report->exit,
                context.settings().json ? report->to_json() + "\n" : report->to_text()};
}

Result<Output> run_plan(Context& context, const Pipeline& pipeline, const IngestArguments& arguments) {
  ICINGEST_TRY_LET(const run::IngestOptions options, to_options(pipeline, arguments));
  ICINGEST_TRY(run::window_of(options, context.clock().now()));
  ICINGEST_TRY_LET(const run::Environment environment, context.offline_environment());
  run::Session session(environment);
  ICINGEST_TRY_LET(const run::Plan plan, run::plan_only(session, environment, pipeline, options));
  return Output{ExitCode::complete,
                context.settings().json ? plan_json(pipeline, plan) + "\n" : plan_text(pipeline, plan)};
}

}  // namespace icingest::cli
