// command.h: what a command gives back to main, the only place that prints and exits.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest::cli {

struct Output {
  using Print = std::function<void(std::string_view)>;

  ExitCode exit = ExitCode::complete;
  std::string text{};  // for stdout
  // What is too long to be gathered first, behind the text.
  std::function<Result<void>(const Print&)> stream{};
};

}  // namespace icingest::cli
