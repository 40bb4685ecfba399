// fault.h: named points where a test makes the process die or an operation fail.
//
// ICINGEST_FAULT="kill:load.before_commit:3" kills the process (as kill -9 does) the third time it passes
// that point; "stop:…" stops it (as SIGSTOP does); "fail:…" makes point() true once; "*" matches every point, so a
// sweep can fail point 1, 2, 3 …
// until a run survives them all. Compiled in by ICINGEST_FAULT_POINTS only: a release binary has no such
// points.
//
// Threads   any
#pragma once

#include <string_view>

namespace icingest::fault {

#ifdef ICINGEST_FAULT_POINTS
// Counts a pass. True when the operation behind the point is to fail.
[[nodiscard]] bool point(std::string_view name);
#else
[[nodiscard]] constexpr bool point(std::string_view /*name*/) { return false; }
#endif

}  // namespace icingest::fault
