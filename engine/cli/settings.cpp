#include "cli/settings.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include "core/text.h"

namespace icingest::cli {
namespace {

std::string to_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* date = node.as_date())
    return fmt::format("{:04}-{:02}-{:02}", date->get().year, date->get().month, date->get().day);
  return {};
}

Result<void> apply_table(CLI::App& app, const toml::table& table, const std::string& where) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (const toml::table* inner = node.as_table()) {
      const auto commands =
          app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
      if (commands.empty()) return usage_error(fmt::format("{}: there is no command {}", where, name));
      CLI::App* const command = commands.front();
      // A table for another command than the one that runs is fine, and none of this run's business.
      if (command->parsed()) ICINGEST_TRY(apply_table(*command, *inner, where));
      continue;
    }
    CLI::Option* const option = app.get_option_no_throw("--" + name);
    if (option == nullptr) return usage_error(fmt::format("{}: unknown key {}", where, name));
    if (option->count() > 0) continue;
    if (const toml::array* list = node.as_array()) {
      for (const toml::node& item : *list) option->add_result(to_text(item));
    } else {
      option->add_result(to_text(node));
    }
    try {
      option->run_callback();
    } catch (const CLI::Error& error) {
      return usage_error(fmt::format("{}: {}: {}", where, name, error.what()));
    }
  }
  return {};
}

}  // namespace

void add_settings(CLI::App& app, Settings& settings) {
  const auto* const group = "Global options";
  app.add_option(
         "--db", settings.db,
         "PostgreSQL URI; else DB_HOST DB_PORT DB_USER DB_PASSWORD DB_NAME DB_SSLMODE; else a private server")
      ->group(group);
  app.add_option("--config", settings.config, "TOML file with defaults for every option")
      ->envname("ICINGEST_CONFIG")
      ->group(group);
  app.add_option("--data-dir", settings.data_dir, "where the private PostgreSQL lives")
      ->envname("ICINGEST_DATA_DIR")
      ->group(group);
  app.add_flag("--json", settings.json, "one JSON object on stdout at the end, nothing else there")
      ->group(group);
  app.add_option("--progress", settings.progress, "bar on a terminal, lines elsewhere")
      ->check(CLI::IsMember({"auto", "bar", "plain", "none"}))
      ->group(group);
  app.add_option("--log-level", settings.log_level, "least important messages to show")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->group(group);
  app.add_option("--log-format", settings.log_format)->check(CLI::IsMember({"text", "json"}))->group(group);
  app.add_option("--metrics-listen", settings.metrics_listen,
                 "ADDRESS:PORT that serves /metrics, /healthz and /readyz while a run or `monitor` works")
      ->envname("ICINGEST_METRICS_LISTEN")
      ->group(group);
  app.add_option("--memory-budget", settings.memory_budget,
                 "bytes a run may hold between request and commit (64M)")
      ->group(group);
  app.add_option("--rate", settings.rates, "limit of a source, SOURCE=N/UNIT, for instance massive=5/min")
      ->group(group);
  app.add_option("--penalty", settings.penalties,
                 "how long a source that blocks is left alone, SOURCE=DURATION (sec=10m, as the SEC says)")
      ->group(group);
  app.add_option("--outage-limit", settings.outage_limit,
                 "how long a source or the database may be away before a run ends with code 4 (10m)")
      ->group(group);
  app.add_option("--loaders", settings.loaders, "connections that load (0: as the table allows)")
      ->check(CLI::Range(0, 16))
      ->group(group);
  app.add_option("--decoders", settings.decoders, "threads that decode (0: as this machine has room)")
      ->check(CLI::Range(0, 64))
      ->group(group);
}

Result<void> apply_config_file(CLI::App& app, const std::string& file) {
  if (file.empty()) return {};
  try {
    return apply_table(app, toml::parse_file(file), file);
  } catch (const toml::parse_error& error) {
    return usage_error(fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
  }
}

Result<std::pair<std::string, RateLimit>> parse_rate(const std::string& given) {
  const auto bad = [&] {
    return usage_error(fmt::format("--rate: cannot read '{}'", given),
                       "write SOURCE=N/UNIT with a unit of s, min or hour");
  };
  const std::size_t equals = given.find('=');
  const std::size_t slash = given.find('/', equals == std::string::npos ? 0 : equals);
  if (equals == std::string::npos || slash == std::string::npos) return bad();
  std::string source = given.substr(0, equals);
  if (source == "polygon") source = "massive";
  const auto permits = text::parse_int(std::string_view(given).substr(equals + 1, slash - equals - 1));
  const std::string unit = given.substr(slash + 1);
  RateLimit limit;
  if (unit == "s" || unit == "sec" || unit == "second") limit.window = std::chrono::seconds(1);
  else if (unit == "min" || unit == "minute") limit.window = std::chrono::minutes(1);
  else if (unit == "h" || unit == "hour") limit.window = std::chrono::hours(1);
  else return bad();
  if (!permits || *permits < 1 || *permits > 10'000) return bad();
  limit.permits = static_cast<int>(*permits);
  return std::pair{source, limit};
}

}  // namespace icingest::cli
