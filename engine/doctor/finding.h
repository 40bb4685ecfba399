// finding.h: what a check found: how bad it is, what was seen, and what to do about it.
//
// Threads   values
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "icingest/result.h"

namespace icingest::doctor {

enum class Grade : std::uint8_t {
  ok,
  unknown,  // cannot be known from here; `remedy` says who can
  warning,  // a run would go on
  failure,  // a run would fail, or what it loads would not last
};
[[nodiscard]] std::string_view to_string(Grade grade);

struct Finding {
  std::string check;  // a stable word: "database", "storage" …
  Grade grade = Grade::ok;
  std::string what;
  std::string remedy{};
  ExitCode exit = ExitCode::complete;  // of a failure
};

[[nodiscard]] Finding ok(std::string check, std::string what);
[[nodiscard]] Finding unknown(std::string check, std::string what, std::string remedy);
[[nodiscard]] Finding warning(std::string check, std::string what, std::string remedy);
[[nodiscard]] Finding failure(std::string check, std::string what, std::string remedy,
                              ExitCode exit = ExitCode::person);
// An error as a failure, with its own remedy and exit code.
[[nodiscard]] Finding failure(std::string check, const Error& error);

// What an init container is to do: 0 go on (warnings included), 2 and 5 wait for a person, 4 try again. Of several the
// one that takes longest to mend.
[[nodiscard]] ExitCode verdict(const std::vector<Finding>& findings);

}  // namespace icingest::doctor
