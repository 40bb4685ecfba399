// monitor_command.h: `icingest monitor`: the ledger as metrics, for the time between runs.
#pragma once

#include "cli/command.h"
#include "cli/context.h"

namespace icingest::cli {

// Until SIGINT or SIGTERM, which are how it is meant to end. A database that is away is reported, not an error.
// With `list` it only says which metrics there are.
[[nodiscard]] Result<Output> run_monitor(Context& context, bool list);

}  // namespace icingest::cli
