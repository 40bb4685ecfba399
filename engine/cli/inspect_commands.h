// inspect_commands.h: commands that look and do not load: migrate, status, verify, rejects.
#pragma once

#include "cli/command.h"
#include "cli/context.h"

namespace icingest::cli {

[[nodiscard]] Result<Output> run_migrate(Context& context);
[[nodiscard]] Result<Output> run_status(Context& context);
// `pipeline` empty: every one.
[[nodiscard]] Result<Output> run_verify(Context& context, const std::string& pipeline);
[[nodiscard]] Result<Output> run_rejects(Context& context, const std::string& pipeline, std::int64_t limit);

}  // namespace icingest::cli
