#include "cli/local_commands.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/json_writer.h"
#include "core/log.h"
#include "core/text.h"
#include "icingest/calendar.h"

namespace icingest::cli {
namespace {

Result<sim::SecOptions> sec_options(const SimArguments& arguments, const RateLimit& limit) {
  sim::SecOptions options{.limit = limit,
                          .companies = arguments.sec_companies,
                          .zip_age = arguments.sec_zip_age,
                          .late_percent = arguments.sec_late,
                          .zip64 = arguments.sec_zip64,
                          .descriptors = arguments.sec_descriptors};
  if (!arguments.sec_recorded.empty()) options.recorded = arguments.sec_recorded;
  const auto penalty = text::parse_duration_ms(arguments.sec_penalty);
  if (!penalty || *penalty < 0)
    return usage_error(fmt::format("--sec-penalty: '{}' is no duration", arguments.sec_penalty),
                       "write for instance 2s or 10m");
  options.penalty = std::chrono::milliseconds(*penalty);
  for (const std::string& given : arguments.sec_bad) {
    const std::size_t equals = given.find('=');
    const auto kind =
        std::find(sim::kBadMemberNames.begin(), sim::kBadMemberNames.end(), given.substr(0, equals));
    const auto count = equals == std::string::npos
                           ? std::optional<std::int64_t>(1)
                           : text::parse_int(std::string_view(given).substr(equals + 1));
    if (kind == sim::kBadMemberNames.end() || !count || *count < 0 || *count > 1'000'000)
      return usage_error(fmt::format("--sec-bad: cannot read '{}'", given),
                         fmt::format("write KIND=N with kinds {}", fmt::join(sim::kBadMemberNames, " ")));
    options.bad[static_cast<sim::BadMember>(kind - sim::kBadMemberNames.begin())] = static_cast<int>(*count);
  }
  return options;
}

Result<sim::SimOptions> sim_options(Context& context, const SimArguments& arguments) {
  const std::size_t colon = arguments.listen.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : text::parse_int(std::string_view(arguments.listen).substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) {
    return usage_error(fmt::format("--listen: '{}' is no ADDRESS:PORT", arguments.listen),
                       "write for instance 127.0.0.1:8090");
  }
  const auto from = arguments.from.empty()
                        ? std::optional(years_before(new_york::date_of(context.clock().now()), 10))
                        : parse_date(arguments.from);
  const auto to = arguments.to.empty() ? std::optional(nyse::last_closed_session(context.clock().now()))
                                       : parse_date(arguments.to);
  if (!from || !to || *from > *to)
    return usage_error("--from and --to want dates YYYY-MM-DD, the earlier one first");
  sim::SimOptions options{.address = arguments.listen.substr(0, colon),
                          .port = static_cast<std::uint16_t>(*port),
                          .seed = arguments.seed,
                          .tickers = arguments.tickers,
                          .from = *from,
                          .to = *to,
                          .faults = arguments.faults,
                          .prerender = arguments.prerender};
  if (!arguments.recorded.empty()) options.recorded = arguments.recorded;
  for (const std::string& given : arguments.rates) {
    ICINGEST_TRY_LET(const auto rate, parse_rate(given));
    if (rate.first == "massive") options.massive_limit = rate.second;
    else if (rate.first == "sec") options.sec.limit = rate.second;
    else return usage_error(fmt::format("--rate: the simulator has no source {}", rate.first));
  }
  const auto cache = text::parse_size(arguments.cache);
  if (!cache) return usage_error(fmt::format("--cache: '{}' is no size", arguments.cache));
  options.cache_bytes = *cache;
  options.massive.plan = *sim::massive_plan(arguments.plan);
  options.massive.floor = arguments.floor == "clip" ? sim::FloorMode::clip : sim::FloorMode::reject;
  for (const std::string& given : arguments.keys) {
    const std::size_t equals = given.find('=');
    const auto plan =
        sim::massive_plan(equals == std::string::npos ? arguments.plan : given.substr(equals + 1));
    if (!plan)
      return usage_error(fmt::format("--key: '{}' names no plan", given),
                         "plans are basic, starter, developer, advanced");
    options.massive.keys[given.substr(0, equals)] = *plan;
  }
  for (const std::string& given : arguments.corrected) {
    const auto session = parse_date(given);
    if (!session) return usage_error(fmt::format("--correct: '{}' is no date", given), "write YYYY-MM-DD");
    options.corrected.push_back(*session);
  }
  ICINGEST_TRY_LET(options.sec, sec_options(arguments, options.sec.limit));
  return options;
}

// The URL that anybody on this machine can use.
std::string url_of(const pg::DbConfig& config) {
  const auto get = [&](const char* name) {
    const auto found = config.parameters.find(name);
    return found == config.parameters.end() ? std::string() : found->second;
  };
  return fmt::format("postgresql:///{}?host={}&port={}&user={}", get("dbname"),
                     text::percent_encode(get("host")), get("port"), get("user"));
}

// Becomes psql. The password, if there is one, goes by environment, not by argument.
Result<Output> become_psql(Context& context, const std::vector<std::string>& arguments) {
  ICINGEST_TRY_LET(const pg::DbConfig db, context.database());
  for (const auto& [keyword, variable] : {std::pair{"host", "PGHOST"},
                                          {"port", "PGPORT"},
                                          {"user", "PGUSER"},
                                          {"password", "PGPASSWORD"},
                                          {"dbname", "PGDATABASE"},
                                          {"sslmode", "PGSSLMODE"}}) {
    if (const auto found = db.parameters.find(keyword); found != db.parameters.end())
      ::setenv(variable, found->second.c_str(), 1);
  }
  std::vector<std::string> storage = {"psql"};
  storage.insert(storage.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : storage) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return person_error(fmt::format("cannot start psql: {}", std::strerror(errno)),
                      "install the package postgresql-client");
}

// What a `db` command found: a line for a person, or the same as one JSON object.
Output db_output(const Context& context, ExitCode exit, std::string_view state, std::string_view where,
                 std::string_view url, std::string text) {
  if (!context.settings().json) return {exit, std::move(text)};
  JsonWriter json;
  json.begin_object().number("schema", 1).text("command", "db").number("exit_code", static_cast<int>(exit));
  return {exit, json.text("state", state).text("where", where).text("url", url).end_object().str() + "\n"};
}

Result<Output> db_status(Context& context) {
  if (context.has_configured_database()) {
    ICINGEST_TRY_LET(const pg::DbConfig db, context.database());
    ICINGEST_TRY_LET(pg::Control control, pg::Control::connect(db));
    ICINGEST_TRY_LET(const std::string version, control.transact("ask for the version", [](pqxx::work& tx) {
      return tx.exec("SHOW server_version").front()[0].as<std::string>();
    }));
    return db_output(context, ExitCode::complete, "running", db.display(), "",
                     fmt::format("{}: running, PostgreSQL {}\n", db.display(), version));
  }
  const privdb::PrivatePg server(context.data_dir());
  const std::string where = server.directory().string();
  if (server.is_running()) {
    const std::string url = url_of(server.config());
    return db_output(context, ExitCode::complete, "running", where, url,
                     fmt::format("{}: running\n{}\n", where, url));
  }
  const std::string_view state = server.exists() ? "stopped" : "not created yet";
  return db_output(context, ExitCode::later, state, where, "", fmt::format("{}: {}\n", where, state));
}

constexpr std::string_view kBash = R"(_icingest() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} command=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {0}) command=$word; break;; esac
  done
  case $command in
{1}    *) COMPREPLY=($(compgen -W "{2}" -- "$cur"));;
  esac
}}
complete -o default -F _icingest icingest
)";

std::string long_options(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names += (names.empty() ? "--" : " --") + name;
  }
  return names;
}

std::string bash_completion(const CLI::App& app) {
  std::string commands;
  std::string cases;
  const std::string global = long_options(app);
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += (commands.empty() ? "" : "|") + command->get_name();
    std::string words = long_options(*command) + " " + global;
    for (const CLI::App* inner : command->get_subcommands({})) words += " " + inner->get_name();
    cases +=
        fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"));;\n", command->get_name(), words);
  }
  std::string all = commands;
  for (char& c : all) c = c == '|' ? ' ' : c;
  return fmt::format(fmt::runtime(kBash), commands, cases, all + " " + global);
}

std::string fish_completion(const CLI::App& app) {
  std::string out = "complete -c icingest -f\n";
  for (const CLI::App* command : app.get_subcommands({})) {
    out += fmt::format("complete -c icingest -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                       text::json_quote(command->get_description()));
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        out += fmt::format("complete -c icingest -n '__fish_seen_subcommand_from {}' -l {} -d {}\n",
                           command->get_name(), name, text::json_quote(option->get_description()));
      }
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      out += fmt::format("complete -c icingest -l {} -d {}\n", name,
                         text::json_quote(option->get_description()));
    }
  }
  return out;
}

}  // namespace

void add_sim_options(CLI::App& command, SimArguments& arguments) {
  command.add_option("--listen", arguments.listen, "ADDRESS:PORT; port 0 takes any free one");
  command.add_option("--seed", arguments.seed, "same seed, same bytes");
  command.add_option("--tickers", arguments.tickers, "how many symbols the market has")
      ->check(CLI::Range(1, 1'000'000));
  command.add_option("--from", arguments.from, "first date with bars (ten years ago)");
  command.add_option("--to", arguments.to, "last date with bars (the last closed session)");
  command.add_option("--faults", arguments.faults, "what goes wrong how often: KIND=CHANCE,…;seed=N");
  command.add_option("--rate", arguments.rates,
                     "limit it enforces, massive=N/UNIT (100/s) or sec=N/UNIT (10/s)");
  command.add_option("--recorded", arguments.recorded,
                     "directory of recorded answers that come before made-up ones");
  command.add_option("--key", arguments.keys, "accept only these keys, KEY=PLAN");
  command.add_option("--plan", arguments.plan, "plan of every key")
      ->check(CLI::IsMember({"basic", "starter", "developer", "advanced"}));
  command.add_option("--floor", arguments.floor, "history older than the plan: refused, or cut off silently")
      ->check(CLI::IsMember({"reject", "clip"}));
  command.add_option("--correct", arguments.corrected,
                     "sessions whose data the provider has corrected since");
  command.add_flag("--prerender", arguments.prerender,
                   "render every answer by session and the zips of the SEC before the first request");
  command.add_option("--cache", arguments.cache, "bytes of rendered answers to keep");
  command.add_option(
      "--sec-recorded", arguments.sec_recorded,
      "directory of recorded answers whose companies the SEC has, under their own CIKs and others");
  command
      .add_option("--sec-companies", arguments.sec_companies,
                  "companies with XBRL, at least; those beyond the market's have no ticker")
      ->check(CLI::Range(0, 1'000'000));
  command.add_option("--sec-penalty", arguments.sec_penalty,
                     "how long who overran the SEC's limit must be quiet (10m)");
  command
      .add_option("--sec-zip-age", arguments.sec_zip_age,
                  "nights in which the SEC's zips have not been rebuilt")
      ->check(CLI::Range(0, 100'000));
  command
      .add_option("--sec-late", arguments.sec_late,
                  "per cent of the companies that amend a report on a day (2)")
      ->check(CLI::Range(0, 100));
  command.add_flag("--sec-zip64", arguments.sec_zip64, "zip64 records even where nothing needs them");
  command.add_flag("--sec-descriptors", arguments.sec_descriptors,
                   "sizes behind each member of the zips instead of before it");
  command.add_option("--sec-bad", arguments.sec_bad,
                     "members of companyfacts.zip that are not as they should be, KIND=N");
}

Result<Output> run_sim(Context& context, const SimArguments& arguments) {
  ICINGEST_TRY_LET(const sim::SimOptions options, sim_options(context, arguments));
  ICINGEST_TRY_LET(const auto simulator, sim::Simulator::listen(options, context.clock()));
  const SignalWatch signals(context.stop(), std::chrono::seconds(2));
  const Stop::Registration at_stop(context.stop(), [&] { simulator->stop(); });
  log::info("simulator on {}: {} tickers, {} … {}, seed {}; statistics on {}/__sim/stats",
            simulator->base_url(), options.tickers, to_string(options.from), to_string(options.to),
            options.seed, simulator->base_url());
  log::info("use it with POLYGON_BASE_URL={} POLYGON_API_KEY=any", simulator->base_url());
  log::info(
      "and its flat files with POLYGON_S3_ENDPOINT={} POLYGON_S3_ACCESS_KEY_ID={} "
      "POLYGON_S3_SECRET_ACCESS_KEY={}",
      simulator->base_url(), options.files.access_key, options.files.secret);
  log::info(
      "and its SEC with SEC_DATA_URL={0} SEC_WWW_URL={0} SEC_USER_AGENT='Example Company admin@example.com'",
      simulator->base_url());
  simulator->serve();
  return Output{ExitCode::complete, context.settings().json ? simulator->stats() + "\n" : ""};
}

Result<Output> run_db(Context& context, const std::string& action,
                      const std::vector<std::string>& psql_arguments) {
  if (action == "psql") return become_psql(context, psql_arguments);
  if (action == "status") return db_status(context);
  if (action == "url" && context.has_configured_database()) {
    return usage_error("a database is configured already; `db url` gives the private one's address",
                       "unset DB_HOST, DB_NAME and --db");
  }
  privdb::PrivatePg server(context.data_dir());
  if (action == "stop") {
    const bool was_running = server.is_running();
    ICINGEST_TRY(server.stop());
    const std::string_view state = was_running ? "stopped" : "was not running";
    return db_output(context, ExitCode::complete, state, server.directory().string(), "",
                     fmt::format("{}\n", state));
  }
  ICINGEST_TRY_LET(const pg::DbConfig config, server.ensure_running());
  return db_output(context, ExitCode::complete, "running", server.directory().string(), url_of(config),
                   url_of(config) + "\n");
}

Result<Output> run_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return Output{ExitCode::complete, fish_completion(app)};
  const std::string prefix =
      shell == "zsh" ? "#compdef icingest\nautoload -U +X bashcompinit && bashcompinit\n" : "";
  return Output{ExitCode::complete, prefix + bash_completion(app)};
}

Result<Output> run_version(bool json) {
  if (!json)
    return Output{ExitCode::complete,
                  fmt::format("icingest {}\n{}\nlibpq {}\n", version(), curl_version(), PQlibVersion())};
  JsonWriter out;
  out.begin_object()
      .number("schema", 1)
      .text("command", "version")
      .number("exit_code", 0)
      .text("version", version())
      .text("curl", curl_version());
  return Output{ExitCode::complete, out.number("libpq", PQlibVersion()).end_object().str() + "\n"};
}

}  // namespace icingest::cli
