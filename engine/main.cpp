// main.cpp: arguments → command → exit code; the only file that prints results or exits.
#include <curl/curl.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <memory>

#include "cli/doctor_command.h"
#include "cli/ingest_command.h"
#include "cli/inspect_commands.h"
#include "cli/local_commands.h"
#include "cli/monitor_command.h"
#include "core/json_writer.h"
#include "core/log.h"
#include "core/secret.h"

namespace {

using namespace icingest;       // NOLINT
using namespace icingest::cli;  // NOLINT

using Action = std::function<Result<Output>(Context&)>;

// Everything the command line can say. Options write here while they are parsed.
struct CommandLine {
  CLI::App app{"Refills and keeps a PostgreSQL database of market and fundamentals data", "icingest"};
  Settings settings;
  std::vector<Pipeline> pipelines = all_pipelines();
  std::map<std::string, IngestArguments> ingest;
  std::map<std::string, IngestArguments> plans;
  SimArguments sim;
  std::string pipeline;
  std::int64_t reject_limit = 50;
  bool list_metrics = false;
  DoctorArguments doctor;
  std::string shell;
  std::vector<std::string> psql;
  Action action;
  std::string command;

  CommandLine() {
    app.require_subcommand(1);
    app.fallthrough();
    app.set_version_flag("--version", std::string("icingest ") + std::string(version()));
    add_settings(app, settings);
    add_pipelines();
    add_inspection();
    add_local();
  }

  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about, Action what) {
    CLI::App* const added = parent.add_subcommand(name, about);
    added->fallthrough();
    added->callback([this, name, what = std::move(what)] {
      if (!action) action = what, command = name;
    });
    return added;
  }

  void add_pipelines() {
    CLI::App* const plan = app.add_subcommand("plan", "what a run would do, without asking any source");
    plan->require_subcommand(1);
    plan->fallthrough();
    for (const Pipeline& one : pipelines) {
      const std::string name(one.name);
      IngestArguments& arguments = ingest[name];
      add_ingest_options(*add(app, name, std::string(one.about),
                              [&](Context& context) { return run_ingest(context, one, arguments); }),
                         one, arguments);
      IngestArguments& plan_arguments = plans[name];
      add_ingest_options(*add(*plan, name, std::string(one.about),
                              [&](Context& context) { return run_plan(context, one, plan_arguments); }),
                         one, plan_arguments);
    }
  }

  void add_inspection() {
    std::vector<std::string> names;
    for (const Pipeline& one : pipelines) names.emplace_back(one.name);
    add(app, "migrate", "create or upgrade the schema; says every difference it finds", run_migrate);
    add(app, "status", "per pipeline: units by state, rows, newest data, last run", run_status);
    add(app, "verify", "read the tables back and compare rows and digests with the ledger",
        [this](Context& context) { return run_verify(context, pipeline); })
        ->add_option("pipeline", pipeline, "only this one")
        ->check(CLI::IsMember(names));
    add_doctor_options(
        *add(app, "doctor", "is everything as a run needs it: database, storage, schema, keys, plan, clock",
             [this](Context& context) { return run_doctor(context, doctor); }),
        doctor);
    add(app, "monitor", "serve the state of database and ledger to Prometheus until it is stopped",
        [this](Context& context) { return run_monitor(context, list_metrics); })
        ->add_flag("--list", list_metrics, "only say which metrics there are");
    CLI::App* const rejects =
        add(app, "rejects", "quarantined rows with reason, raw text and source",
            [this](Context& context) { return run_rejects(context, pipeline, reject_limit); });
    rejects->add_option("pipeline", pipeline, "only this one")->check(CLI::IsMember(names));
    rejects->add_option("--limit", reject_limit, "how many, newest first (50)")->check(CLI::PositiveNumber);
  }

  void add_local() {
    CLI::App* const db = app.add_subcommand("db", "the private PostgreSQL");
    db->require_subcommand(1);
    db->fallthrough();
    for (const auto& [name, about] : {std::pair{"start", "start it, creating it if need be"},
                                      {"stop", "stop it"},
                                      {"status", "does it run, and where"},
                                      {"url", "its address, starting it if need be"},
                                      {"psql", "a shell on the database in use"}}) {
      CLI::App* const one = add(*db, name, about, [this, action_name = std::string(name)](Context& context) {
        return run_db(context, action_name, psql);
      });
      if (std::string_view(name) == "psql") one->add_option("arguments", psql, "for psql, after --");
    }
    add_sim_options(*add(app, "sim", "a local simulator of the sources",
                         [this](Context& context) { return run_sim(context, sim); }),
                    sim);
    add(app, "completion", "a completion script for your shell",
        [this](Context&) { return run_completion(app, shell); })
        ->add_option("shell", shell)
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    add(app, "version", "this binary's version and its libraries'",
        [this](Context&) { return run_version(settings.json); });
  }
};

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warn") return log::Level::warn;
  if (name == "error") return log::Level::error;
  return name == "off" ? log::Level::off : log::Level::info;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_error_json(const CommandLine& line, const Error& error) {
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", line.command)
      .number("exit_code", static_cast<int>(error.exit));
  print(json.text("message", error.describe()).end_object().str() + "\n");
}

// An error in the place and form that was asked for.
int fail(const CommandLine& line, const Error& error) {
  std::fprintf(stderr, "icingest: %s\n", error.describe().c_str());
  if (line.settings.json) print_error_json(line, error);
  return static_cast<int>(error.exit);
}

int run_command_line(int argc, char** argv) {
  CommandLine line;
  std::string arguments;
  for (int i = 1; i < argc; ++i) arguments += (i > 1 ? " " : "") + std::string(argv[i]);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app.exit(error);  // somebody asked for help or the version
    line.app.exit(error);
    // What was not parsed to its end may hide the option, but not from whoever wrote it.
    line.settings.json =
        line.settings.json || std::find(argv + 1, argv + argc, std::string_view("--json")) != argv + argc;
    if (line.settings.json) print_error_json(line, {.exit = ExitCode::usage, .message = error.what()});
    return static_cast<int>(ExitCode::usage);
  }
  hide_passwords(argc, argv);
  if (Result<void> configured = apply_config_file(line.app, line.settings.config); !configured)
    return fail(line, configured.error());
  log::configure(level_of(line.settings.log_level),
                 line.settings.log_format == "json" ? log::Format::json : log::Format::text);
  Context context(line.settings, arguments);
  const Result<Output> output = line.action(context);
  if (!output) return fail(line, output.error());
  print(output->text);
  if (output->stream) {
    if (const Result<void> streamed = output->stream(print); !streamed) {
      // Half of an object is on stdout already, so the error is for stderr alone.
      std::fprintf(stderr, "icingest: %s\n", streamed.error().describe().c_str());
      return static_cast<int>(streamed.error().exit);
    }
  }
  return static_cast<int>(output->exit);
}

// Batches are large, live for a second and are freed on another thread than the one that made them. With an arena per
// thread and a threshold that grows with what is freed, glibc keeps them all; so two arenas, and large blocks straight
// from and to the system.
void keep_memory_flat() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_flat();
  std::signal(SIGPIPE, SIG_IGN);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  int code = static_cast<int>(ExitCode::internal);
  try {
    code = run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "icingest: %s\n", redact(error.what()).c_str());
  }
  curl_global_cleanup();
  return code;
}
