#include "cli/doctor_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json_writer.h"
#include "core/secret.h"
#include "doctor/database_checks.h"
#include "doctor/source_checks.h"

namespace icingest::cli {
namespace {

using doctor::Finding;
using doctor::Grade;

constexpr std::chrono::seconds kSourcePatience{10};
constexpr std::chrono::milliseconds kStopPatience{4'500};

const std::vector<std::string> kChecks = {"database", "storage", "version", "rights", "disk",
                                          "clock",    "schema",  "quota",   "keys",   "plan"};

std::vector<Finding> examine(Context& context, const DoctorArguments& arguments, std::string& subject) {
  std::vector<Finding> findings;
  const auto db = context.database_if_running();
  if (!db) return {doctor::failure("database", db.error())};
  if (!*db) {
    return {doctor::failure("database", "no database is configured, and the private PostgreSQL does not run",
                            "set DB_HOST, DB_NAME and the rest, or run `icingest db start`",
                            ExitCode::usage)};
  }
  subject = (*db)->display();
  Result<run::Environment> environment = context.looking_environment(**db);
  if (!environment) return {doctor::failure("keys", environment.error())};
  environment->outage_patience = kSourcePatience;
  doctor::DatabaseExamination database =
      doctor::examine_database(**db, environment->pipelines, doctor::find_cluster(), context.clock());
  // Without a database nobody knows what others use of the quota, so nothing is asked.
  std::vector<Finding> sources =
      doctor::examine_sources(*environment, {.years = arguments.years,
                                             .offline = arguments.offline || !database.control,
                                             .has_ledger = database.has_ledger});
  findings = std::move(database.findings);
  findings.insert(findings.end(), sources.begin(), sources.end());
  return findings;
}

std::string to_json(const std::string& subject, const std::vector<Finding>& findings, ExitCode exit) {
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", "doctor")
      .number("exit_code", static_cast<int>(exit))
      .text("database", subject)
      .begin_array("findings");
  for (const Finding& found : findings) {
    json.begin_object()
        .text("check", found.check)
        .text("grade", to_string(found.grade))
        .text("what", redact(found.what))
        .text("remedy", redact(found.remedy))
        .number("exit_code", static_cast<int>(found.exit))
        .end_object();
  }
  return json.end_array().end_object().str() + "\n";
}

std::string to_text(const std::string& subject, const std::vector<Finding>& findings, ExitCode exit) {
  std::string out = subject.empty() ? "" : subject + "\n";
  for (const Finding& found : findings) {
    out += fmt::format("  {:<8} {:<9} {}\n", to_string(found.grade), found.check, redact(found.what));
    if (found.grade != Grade::ok && !found.remedy.empty())
      out += fmt::format("{:>20} {}\n", "→", redact(found.remedy));
  }
  const auto count = [&](Grade grade) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& found) { return found.grade == grade; });
  };
  return out + fmt::format("{}: {} failures, {} warnings, {} unknown\n",
                           exit == ExitCode::complete ? "a run would get through" : "not ready",
                           count(Grade::failure), count(Grade::warning), count(Grade::unknown));
}

}  // namespace

void add_doctor_options(CLI::App& command, DoctorArguments& arguments) {
  command.add_option("--years", arguments.years, "how far back the plan behind the key should reach (10)")
      ->check(CLI::Range(1, 100));
  command.add_flag("--offline", arguments.offline, "ask no source; otherwise two requests to each");
  command.add_flag("--strict", arguments.strict, "warnings count as failures");
  command.add_option("--skip", arguments.skip, "leave these findings out, for instance --skip storage,clock")
      ->delimiter(',')
      ->check(CLI::IsMember(kChecks));
}

Result<Output> run_doctor(Context& context, const DoctorArguments& arguments) {
  const SignalWatch signals(context.stop(), kStopPatience);
  std::string subject;
  std::vector<Finding> findings = examine(context, arguments, subject);
  std::erase_if(findings, [&](const Finding& found) {
    return std::find(arguments.skip.begin(), arguments.skip.end(), found.check) != arguments.skip.end();
  });
  if (arguments.strict) {
    for (Finding& found : findings) {
      if (found.grade != Grade::warning) continue;
      found.grade = Grade::failure;
      found.exit = ExitCode::person;
    }
  }
  ExitCode exit = doctor::verdict(findings);
  if (const int signal = context.stop().signal(); signal != 0) exit = static_cast<ExitCode>(128 + signal);
  return Output{
      exit, context.settings().json ? to_json(subject, findings, exit) : to_text(subject, findings, exit)};
}

}  // namespace icingest::cli
