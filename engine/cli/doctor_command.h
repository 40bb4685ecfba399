// doctor_command.h: `icingest doctor`: whether a run would get through, and what to do where it would not.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/context.h"

namespace icingest::cli {

struct DoctorArguments {
  int years = 10;
  bool offline = false;
  bool strict = false;
  std::vector<std::string> skip;
};
void add_doctor_options(CLI::App& command, DoctorArguments& arguments);

// Exit codes as of a run: 0 go on, 2 configuration, 4 try again later, 5 a person is needed.
[[nodiscard]] Result<Output> run_doctor(Context& context, const DoctorArguments& arguments);

}  // namespace icingest::cli
