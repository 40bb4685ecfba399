#include "cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/log.h"
#include "core/secret.h"
#include "core/signals.h"
#include "core/text.h"
#include "icingest/calendar.h"
#include "pg/control.h"
#include "pg/schema.h"

namespace icingest::cli {
namespace {

std::string environment_value(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? value : "";
}

// The first of these variables that is set.
std::string first_set(const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (std::string value = environment_value(name); !value.empty()) return value;
  }
  return {};
}

constexpr std::pair<const char*, const char*> kDbVariables[] = {
    {"DB_HOST", "host"},         {"DB_PORT", "port"},   {"DB_USER", "user"},
    {"DB_PASSWORD", "password"}, {"DB_NAME", "dbname"}, {"DB_SSLMODE", "sslmode"}};

constexpr const char* kSimulatedMark = "data";

// Whether somebody means to use this source: one half of a pair of keys is meant, and then complained about.
bool is_configured(const Source& source) {
  return !first_set(source.credential_env).empty() || !first_set(source.contact_env).empty() ||
         (source.store && !first_set(source.store->secret_env).empty());
}

Failure missing_keys(const Source& source) {
  std::string what = fmt::format("{}", fmt::join(source.credential_env, " or "));
  if (source.store) what += fmt::format(", and {}", fmt::join(source.store->secret_env, " or "));
  return usage_error(fmt::format("no {} for {}", source.store ? "keys" : "key", source.name),
                     fmt::format("set {} in the environment", what));
}

// Who asks, for a source that wants to know: refused here rather than there, where the refusal may last.
Result<std::string> contact_of(const Source& source) {
  const std::string names = fmt::format("{}", fmt::join(source.contact_env, " or "));
  const std::string remedy =
      fmt::format("set {} to something like 'Example Company admin@example.com'", names);
  std::string contact = first_set(source.contact_env);
  if (contact.empty()) return usage_error(fmt::format("{} wants to know who asks", source.name), remedy);
  const std::size_t at = contact.find('@');
  const auto is_plain = [](unsigned char c) { return c >= ' ' && c < 127; };
  const bool has_address = at != std::string::npos && at > 0 && contact[at - 1] != ' ' &&
                           contact.find('.', at) != std::string::npos && contact.find(' ', at) != at + 1;
  if (!has_address || !std::all_of(contact.begin(), contact.end(), is_plain))
    return usage_error(fmt::format("{} holds no mail address that {} could write to", names, source.name),
                       remedy);
  return contact;
}

void cut_slashes(std::string& url) {
  while (url.ends_with('/')) url.pop_back();
}

Result<void> check_url(const Source& source, const std::string& url,
                       const std::vector<std::string_view>& variables) {
  if (url.starts_with("http://") || url.starts_with("https://")) return {};
  return usage_error(fmt::format("the base URL of {} is no http(s) URL: {}", source.name, url),
                     fmt::format("set {}", fmt::join(variables, " or ")));
}

// Every source of these pipelines, each once.
std::vector<Source> sources_of(const std::vector<Pipeline>& pipelines) {
  std::vector<Source> sources;
  const auto add = [&](const Source& source) {
    const auto same = [&](const Source& other) { return other.name == source.name; };
    if (std::none_of(sources.begin(), sources.end(), same)) sources.push_back(source);
  };
  for (const Pipeline& pipeline : pipelines) add(pipeline.source);
  for (const Pipeline& pipeline : pipelines) {
    for (const Route& route : pipeline.routes) {
      if (route.source) add(*route.source);
    }
  }
  return sources;
}

}  // namespace

struct Context::BuiltIn {
  std::unique_ptr<sim::Simulator> simulator;
  std::thread thread;
  ~BuiltIn() {
    simulator->stop();
    thread.join();
  }
};

Context::Context(const Settings& settings, std::string arguments)
    : settings_(settings), arguments_(std::move(arguments)) {}
Context::~Context() = default;

std::filesystem::path Context::data_dir() const {
  return settings_.data_dir.empty() ? privdb::default_data_dir() : std::filesystem::path(settings_.data_dir);
}

bool Context::has_configured_database() const {
  return !settings_.db.empty() || !environment_value("DB_HOST").empty() ||
         !environment_value("DB_NAME").empty();
}

Result<pg::DbConfig> Context::configured_database() const {
  if (!settings_.db.empty()) return pg::DbConfig::from_uri(settings_.db);
  pg::DbConfig config{{{"host", "localhost"}, {"user", "investorcenter"}, {"dbname", "investorcenter_db"}}};
  for (const auto& [variable, keyword] : kDbVariables) {
    if (std::string value = environment_value(variable); !value.empty())
      config.parameters[keyword] = std::move(value);
  }
  if (const auto password = config.parameters.find("password"); password != config.parameters.end()) {
    register_secret(password->second);
  }
  return config;
}

Result<pg::DbConfig> Context::database() {
  if (has_configured_database()) return configured_database();
  return privdb::PrivatePg(data_dir()).ensure_running();
}

Result<std::optional<pg::DbConfig>> Context::database_if_running() {
  if (has_configured_database()) {
    ICINGEST_TRY_LET(pg::DbConfig config, configured_database());
    return std::optional(std::move(config));
  }
  const privdb::PrivatePg server(data_dir());
  if (!server.is_running()) return std::optional<pg::DbConfig>();
  return std::optional(server.config());
}

Result<std::string> Context::built_in_simulator() {
  if (built_in_) return built_in_->simulator->base_url();
  const Date to = nyse::last_closed_session(clock_.now());
  ICINGEST_TRY_LET(
      auto simulator,
      sim::Simulator::listen(
          {.from = years_before(to, 11), .to = to, .massive = {.plan = *sim::massive_plan("advanced")}},
          clock_));
  log::warn(
      "no key is configured (POLYGON_API_KEY): the data comes from the built-in simulator and is made up");
  built_in_ = std::make_unique<BuiltIn>();
  built_in_->simulator = std::move(simulator);
  built_in_->thread = std::thread([server = built_in_->simulator.get()] {
    leave_signals_to_others();
    server->serve();
  });
  return built_in_->simulator->base_url();
}

// What an object store needs beside the access key; its bucket becomes part of the address.
Result<void> Context::find_store(const ObjectStore& store, fetch::SourceConfig& config) const {
  const std::string bucket = first_set(store.bucket_env);
  const std::string region = first_set(store.region_env);
  if (config.secret.empty()) config.secret = first_set(store.secret_env);
  config.base_url += fmt::format("/{}", bucket.empty() ? store.bucket : bucket);
  config.region = region.empty() ? store.region : region;
  if (config.secret.empty()) return missing_keys(config.source);
  register_secret(config.secret);
  return {};
}

Result<fetch::SourceConfig> Context::source_config(const Source& source) {
  fetch::SourceConfig config{.source = source,
                             .base_url = first_set(source.base_url_env),
                             .key = first_set(source.credential_env),
                             .limit = source.limit};
  bool simulated = false;
  // A store comes beside another source of its provider, and is made up only where that one is.
  const bool may_simulate = source.store ? built_in_ != nullptr : !has_configured_database();
  if (config.base_url.empty() && !is_configured(source) && may_simulate) {
    ICINGEST_TRY_LET(config.base_url, built_in_simulator());
    config.key = sim::kBuiltInKey;
    config.secret = sim::kBuiltInSecret;
    simulated = true;
  }
  if (config.base_url.empty()) config.base_url = source.base_url;
  cut_slashes(config.base_url);
  ICINGEST_TRY(check_url(source, config.base_url, source.base_url_env));
  for (const SourceHost& host : source.hosts) {
    std::string base = simulated ? config.base_url : first_set(host.base_url_env);
    if (base.empty()) base = host.base_url;
    cut_slashes(base);
    ICINGEST_TRY(check_url(source, base, host.base_url_env));
    config.hosts.emplace_back(host.path_prefix, std::move(base));
  }
  if (simulated && source.credential_env.empty()) config.key.clear();
  if (!source.contact_env.empty() && simulated) config.user_agent = "icingest built-in@simulator.invalid";
  else if (!source.contact_env.empty()) {
    ICINGEST_TRY_LET(config.user_agent, contact_of(source));
  }
  if (config.key.empty() && !source.credential_env.empty()) return missing_keys(source);
  if (std::any_of(config.key.begin(), config.key.end(),
                  [](unsigned char c) { return c <= ' ' || c == 127; })) {
    return usage_error(fmt::format("the key for {} holds blanks or control characters", source.name),
                       fmt::format("check {}", fmt::join(source.credential_env, " or ")));
  }
  register_secret(config.key);
  if (source.store) ICINGEST_TRY(find_store(*source.store, config));
  ICINGEST_TRY_LET(const fetch::SourceConfig limits, source_limits(source));
  config.limit = limits.limit;
  config.limit_given = limits.limit_given;
  config.outage_patience = limits.outage_patience;
  config.penalty = limits.penalty;
  return config;
}

// Whether nothing is configured, so that the data is made up.
bool Context::would_simulate() const {
  if (has_configured_database()) return false;
  const std::vector<Source> sources = sources_of(all_pipelines());
  return std::none_of(sources.begin(), sources.end(), [](const Source& source) {
    return is_configured(source) || !first_set(source.base_url_env).empty();
  });
}

// What can be said of a source without asking it.
Result<fetch::SourceConfig> Context::source_limits(const Source& source) {
  fetch::SourceConfig config{.source = source, .penalty = source.penalty, .limit = source.limit};
  if (const auto penalty = penalties_.find(std::string(source.name)); penalty != penalties_.end())
    config.penalty = penalty->second;
  if (const auto rate = rates_.find(std::string(source.name)); rate != rates_.end()) {
    config.limit = rate->second;
    config.limit.paced = source.limit.paced;
    config.limit_given = true;
  }
  const auto outage = text::parse_duration_ms(settings_.outage_limit);
  if (!outage) {
    return usage_error(fmt::format("--outage-limit: '{}' is no duration", settings_.outage_limit),
                       "write for instance 10m");
  }
  config.outage_patience = std::chrono::milliseconds(*outage);
  return config;
}

// Simulated and real rows look alike. Whichever came first owns the database.
Result<void> Context::check_mark(const pg::DbConfig& db, bool simulated) {
  ICINGEST_TRY_LET(pg::Control control, pg::Control::connect(db));
  ICINGEST_TRY_LET(const bool has_ledger, pg::has_ledger(control));
  checkpoint::Ledger ledger(control);
  std::optional<std::string> mark;
  if (has_ledger) {
    ICINGEST_TRY_LET(mark, ledger.meta(kSimulatedMark));
  }
  const std::string_view word = simulated ? "simulated" : "real";
  if (mark && *mark != word) {
    return person_error(
        fmt::format("the database {} holds {} data, and this run would add {} data", db.display(), *mark,
                    word),
        simulated ? "configure the source (its key or contact), or choose another --data-dir to play"
                  : "choose another database or another --data-dir");
  }
  if (!has_ledger) ICINGEST_TRY(pg::create_missing(control, checkpoint::ledger_ddl(), {}));
  if (!mark) ICINGEST_TRY(ledger.set_meta(kSimulatedMark, word));
  return {};
}

Result<void> Context::read_rates() {
  const auto sources = sources_of(all_pipelines());
  for (const std::string& given : settings_.rates) {
    ICINGEST_TRY_LET(const auto rate, parse_rate(given));
    if (std::none_of(sources.begin(), sources.end(),
                     [&](const Source& source) { return source.name == rate.first; })) {
      return usage_error(fmt::format("--rate: there is no source {}", rate.first));
    }
    rates_[rate.first] = rate.second;
  }
  for (const std::string& given : settings_.penalties) {
    const std::size_t equals = given.find('=');
    const std::string name = given.substr(0, equals);
    const auto length =
        equals == std::string::npos ? std::nullopt : text::parse_duration_ms(given.substr(equals + 1));
    const bool known = std::any_of(sources.begin(), sources.end(), [&](const Source& source) {
      return source.name == name && source.penalty.count() > 0;
    });
    if (!length || !known)
      return usage_error(
          fmt::format("--penalty: '{}' is no source that has penalties, and a duration", given),
          "write for instance sec=10m");
    penalties_[name] = std::chrono::milliseconds(*length);
  }
  return {};
}

Result<run::Environment> Context::offline_environment() {
  ICINGEST_TRY(read_rates());
  ICINGEST_TRY_LET(const pg::DbConfig db, database());
  return run::Environment{.db = db,
                          .pipelines = all_pipelines(),
                          .source_config = [this](const Source& source) -> Result<fetch::SourceConfig> {
                            if (source.store && !is_configured(source) && !would_simulate())
                              return missing_keys(source);
                            return source_limits(source);
                          },
                          .is_configured = is_configured,
                          .clock = &clock_,
                          .stop = &stop_,
                          .version = std::string(version())};
}

Result<run::Environment> Context::looking_environment(const pg::DbConfig& db) {
  ICINGEST_TRY(read_rates());
  return run::Environment{.db = db,
                          .pipelines = all_pipelines(),
                          .source_config = [this](const Source& source) -> Result<fetch::SourceConfig> {
                            if (would_simulate()) return missing_keys(source);
                            return source_config(source);
                          },
                          .is_configured = is_configured,
                          .clock = &clock_,
                          .stop = &stop_,
                          .version = std::string(version())};
}

Result<run::Environment> Context::environment(Progress* progress, const Pipeline& pipeline) {
  ICINGEST_TRY(read_rates());
  const auto budget = text::parse_size(settings_.memory_budget);
  if (!budget || *budget < std::size_t{1} << 20) {
    return usage_error(
        fmt::format("--memory-budget: '{}' is no size of at least 1M", settings_.memory_budget),
        "write for instance 64M");
  }
  // What can be known to be wrong is said before anything is started.
  for (const Source& source : sources_of({pipeline})) {
    if (source.store && !is_configured(source)) continue;  // one of several ways
    ICINGEST_TRY_LET(const fetch::SourceConfig config, source_config(source));
    if (config.base_url.empty()) return usage_error(fmt::format("no address for {}", source.name));
  }
  ICINGEST_TRY_LET(const pg::DbConfig db, database());
  ICINGEST_TRY(check_mark(db, built_in_ != nullptr));
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  run::Environment environment{
      .db = db,
      .pipelines = all_pipelines(),
      .source_config = [this](const Source& source) { return source_config(source); },
      .is_configured = is_configured,
      .clock = &clock_,
      .stop = &stop_,
      .version = std::string(version()),
      .arguments = redact(arguments_),
      .memory_budget = *budget,
      .outage_patience = std::chrono::milliseconds(*text::parse_duration_ms(settings_.outage_limit)),
      .decode_threads = settings_.decoders > 0 ? settings_.decoders : std::clamp(cores / 2, 1, 4),
      .streams = settings_.loaders};
  if (const std::string lease = environment_value("ICINGEST_LEASE"); !lease.empty()) {
    const auto duration = text::parse_duration_ms(lease);
    if (!duration || *duration < 1000)
      return usage_error(fmt::format("ICINGEST_LEASE: '{}' is no duration of at least 1s", lease),
                         "write for instance 30s");
    environment.lease = std::chrono::milliseconds(*duration);
  }
  if (progress != nullptr) {
    environment.watch = [progress](const std::string& name, const Metrics* metrics, run::Engine* engine) {
      progress->watch(name, metrics, engine);
    };
  }
  return environment;
}

}  // namespace icingest::cli
