// as_of_command.h: `icingest financials --as-of DATE`: rows on stdout, as CSV or in the one JSON object.
#pragma once

#include "cli/command.h"
#include "cli/context.h"
#include "run/options.h"

namespace icingest::cli {

[[nodiscard]] Result<Output> run_as_of(Context& context, const Pipeline& pipeline,
                                       const run::IngestOptions& options);

}  // namespace icingest::cli
