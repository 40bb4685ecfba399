#include "icingest/result.h"

#include <cstdio>
#include <cstdlib>

#include "core/secret.h"

namespace icingest {
namespace {

Failure run_error(ExitCode exit, std::string message, std::string remedy) {
  return Failure(Error{Action::fail_run, exit, std::move(message), std::move(remedy)});
}

}  // namespace

std::string Error::describe() const { return redact(remedy.empty() ? message : message + "; " + remedy); }

Failure usage_error(std::string message, std::string remedy) {
  return run_error(ExitCode::usage, std::move(message), std::move(remedy));
}
Failure person_error(std::string message, std::string remedy) {
  return run_error(ExitCode::person, std::move(message), std::move(remedy));
}
Failure later_error(std::string message, std::string remedy) {
  return run_error(ExitCode::later, std::move(message), std::move(remedy));
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::none: return "none";
    case Fault::missing: return "missing";
    case Fault::null_value: return "null_value";
    case Fault::wrong_type: return "wrong_type";
    case Fault::malformed: return "malformed";
    case Fault::out_of_range: return "out_of_range";
    case Fault::nul_in_text: return "nul_in_text";
    case Fault::too_long: return "too_long";
    case Fault::empty_text: return "empty_text";
    case Fault::duplicate_key: return "duplicate_key";
    case Fault::wrong_session: return "wrong_session";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "icingest: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace icingest
