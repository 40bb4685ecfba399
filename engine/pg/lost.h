// lost.h: the error of work that another process has by now: whoever held it lets go of it, neither failed nor done.
//
// Errors    one of its own, told by a SQLSTATE that no server has
#pragma once

#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest::pg {

inline constexpr std::string_view kLost = "IC001";

// A row while worker $1 lives; whoever declares it dead has to wait for this transaction's end.
inline constexpr const char* kHoldFence =
    "SELECT 1 FROM icingest.workers WHERE worker = $1::uuid AND NOT dead FOR KEY SHARE";

[[nodiscard]] inline Failure lost_error(std::string message) {
  return Failure(Error{.action = Action::stop_source,
                       .exit = ExitCode::later,
                       .message = std::move(message),
                       .remedy = "run the same command again",
                       .cause = {.sqlstate = std::string(kLost)}});
}

[[nodiscard]] inline bool is_lost(const Error& error) { return error.cause.sqlstate == kLost; }

}  // namespace icingest::pg
