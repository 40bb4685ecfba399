#include "doctor/finding.h"

#include <algorithm>
#include <array>

namespace icingest::doctor {

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::ok: return "ok";
    case Grade::unknown: return "unknown";
    case Grade::warning: return "warning";
    case Grade::failure: return "failure";
  }
  return "?";
}

Finding ok(std::string check, std::string what) { return {std::move(check), Grade::ok, std::move(what)}; }

Finding unknown(std::string check, std::string what, std::string remedy) {
  return {std::move(check), Grade::unknown, std::move(what), std::move(remedy)};
}

Finding warning(std::string check, std::string what, std::string remedy) {
  return {std::move(check), Grade::warning, std::move(what), std::move(remedy)};
}

Finding failure(std::string check, std::string what, std::string remedy, ExitCode exit) {
  return {std::move(check), Grade::failure, std::move(what), std::move(remedy), exit};
}

Finding failure(std::string check, const Error& error) {
  return failure(std::move(check), error.message, error.remedy, error.exit);
}

ExitCode verdict(const std::vector<Finding>& findings) {
  constexpr std::array kWorstFirst = {ExitCode::internal, ExitCode::usage, ExitCode::person, ExitCode::later};
  for (const ExitCode exit : kWorstFirst) {
    if (std::any_of(findings.begin(), findings.end(), [&](const Finding& found) {
          return found.grade == Grade::failure && found.exit == exit;
        }))
      return exit;
  }
  return ExitCode::complete;
}

}  // namespace icingest::doctor
