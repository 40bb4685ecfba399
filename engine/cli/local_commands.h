// local_commands.h: commands about this machine: db, sim, completion, version.
#pragma once

#include "cli/command.h"
#include "cli/context.h"

namespace icingest::cli {

struct SimArguments {
  std::string listen = "127.0.0.1:8090";
  std::uint64_t seed = 1;
  int tickers = 500;
  std::string from;
  std::string to;
  std::string faults;
  std::vector<std::string> rates;
  std::string recorded;
  std::vector<std::string> keys;  // KEY=PLAN
  std::vector<std::string> corrected;
  std::string plan = "advanced";
  std::string floor = "reject";
  bool prerender = false;
  std::string cache = "256M";
  std::string sec_recorded;
  int sec_companies = 0;
  std::string sec_penalty = "10m";
  int sec_zip_age = 0;
  int sec_late = 2;
  bool sec_zip64 = false;
  bool sec_descriptors = false;
  std::vector<std::string> sec_bad;  // KIND=N
};
void add_sim_options(CLI::App& command, SimArguments& arguments);

[[nodiscard]] Result<Output> run_sim(Context& context, const SimArguments& arguments);
[[nodiscard]] Result<Output> run_db(Context& context, const std::string& action,
                                    const std::vector<std::string>& psql_arguments);
[[nodiscard]] Result<Output> run_completion(const CLI::App& app, const std::string& shell);
[[nodiscard]] Result<Output> run_version(bool json);

}  // namespace icingest::cli
