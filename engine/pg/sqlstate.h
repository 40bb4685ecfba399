// sqlstate.h: what a PostgreSQL error asks us to do. Exact codes come before classes; never the message's
// text.
//
// Two codes mislead: 08P01, in the connection class, is what a wrong field width in a COPY row gives, and is
// a bug of ours; 57014, "query canceled", is also what ending COPY with our own message gives.
//
// Source    postgresql.org/docs/15/errcodes-appendix.html (read 2026-11)
#pragma once

#include <string_view>

#include "icingest/result.h"

namespace icingest::pg {

struct SqlVerdict {
  Action action = Action::fail_run;
  ExitCode exit = ExitCode::internal;
  std::string_view remedy;
};

// An empty sqlstate is an error of the connection itself.
[[nodiscard]] SqlVerdict judge_sqlstate(std::string_view sqlstate);

// An Error with the verdict's action, from what the server said.
[[nodiscard]] Failure sql_error(std::string_view sqlstate, std::string_view doing, std::string_view message);

}  // namespace icingest::pg
