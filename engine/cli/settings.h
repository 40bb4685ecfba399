// settings.h: the global options, wherever they came from: flag > environment > file > default.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "icingest/result.h"
#include "icingest/source.h"

namespace icingest::cli {

struct Settings {
  std::string db;
  std::string config;
  std::string data_dir;
  bool json = false;
  std::string progress = "auto";
  std::string log_level = "info";
  std::string log_format = "text";
  std::string memory_budget = "64M";
  std::string outage_limit = "10m";
  std::string metrics_listen;  // empty: nobody may watch
  std::vector<std::string> rates;
  std::vector<std::string> penalties;
  int loaders = 0;   // 0: as the load plan sees fit
  int decoders = 0;  // 0: as many as useful here
};

void add_settings(CLI::App& app, Settings& settings);

// Fills options that were given neither as a flag nor in the environment from the TOML file of --config. Keys
// are the long option names, those of a command under its table: memory-budget = "64M", [prices] years = 10.
Result<void> apply_config_file(CLI::App& app, const std::string& file);

// "massive=5/min" → {"massive", 5 per minute}; "polygon" is another name of massive.
[[nodiscard]] Result<std::pair<std::string, RateLimit>> parse_rate(const std::string& text);

}  // namespace icingest::cli
