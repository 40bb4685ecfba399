// ingest_command.h: `icingest prices`, `icingest tickers`, … and `icingest plan …`: one command per pipeline.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/command.h"
#include "cli/context.h"
#include "run/options.h"

namespace icingest::cli {

// Options as they are typed; turned into run::IngestOptions after parsing.
struct IngestArguments {
  int years = 10;
  std::string from;
  std::string to;
  bool resume = false;
  bool rejects_ok = false;
  std::string tickers;
  std::string tickers_file;
  std::int64_t limit = 0;
  std::string strategy = "auto";
  int refresh = -1;
  std::string universe = "listed";
  std::string as_of;
  bool all = false;
  std::map<std::string, std::string> own;
  std::map<std::string, bool> own_flags;
};

// Adds the options that `pipeline` understands.
void add_ingest_options(CLI::App& command, const Pipeline& pipeline, IngestArguments& arguments);
[[nodiscard]] Result<run::IngestOptions> to_options(const Pipeline& pipeline,
                                                    const IngestArguments& arguments);

[[nodiscard]] Result<Output> run_ingest(Context& context, const Pipeline& pipeline,
                                        const IngestArguments& arguments);
[[nodiscard]] Result<Output> run_plan(Context& context, const Pipeline& pipeline,
                                      const IngestArguments& arguments);

}  // namespace icingest::cli
