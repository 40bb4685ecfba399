// command.h: what a command gives back to main, the only place that prints and exits.
#pragma once

#include <string>

#include "icingest/result.h"

namespace icingest::cli {

struct Output {
  ExitCode exit = ExitCode::complete;
  std::string text;  // for stdout
};

}  // namespace icingest::cli
