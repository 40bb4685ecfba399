// result.h: what a call that can fail gives back, and what its failure asks the caller to do.
//
// Errors    bugs abort through ICINGEST_CHECK; expected failures travel as Result<T>; nothing here throws
// Threads   values only; safe to move between threads
// Seam      std::expected is named in this file alone, so a compiler without it needs one edit
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace icingest {

// What an error asks of whoever holds the work. The three tables (HTTP, curl, SQLSTATE) map to these.
enum class Action : std::uint8_t {
  retry,        // the same request again, after a pause
  reconnect,    // the connection is gone or unusable; what it carried is still in memory
  restage,      // rows met rows that exist; load the same rows through staging
  fail_unit,    // this unit is over for this run, the others go on
  stop_source,  // nothing more can be had from this source now
  fail_run,     // nothing sensible can follow
  in_doubt,     // the connection died inside COMMIT; only the ledger knows
};

// Process exit codes; an interface that Kubernetes acts on (docs/operations.md).
enum class ExitCode : std::uint8_t {
  complete = 0,
  internal = 1,
  usage = 2,
  rejects = 3,
  later = 4,
  person = 5,
  interrupted = 130,
  terminated = 143,
};

// The foreign code behind an error, if there was one.
struct Cause {
  long http_status = 0;
  int curl_code = 0;
  std::string sqlstate;
};

// An expected failure. `message` says what failed and where, `remedy` what to do next; neither ever holds a
// secret once it went through describe().
struct Error {
  Action action = Action::fail_run;
  ExitCode exit = ExitCode::internal;
  std::string message;
  std::string remedy{};
  Cause cause{};
  std::chrono::milliseconds retry_after{0};

  // "message; remedy", registered secrets replaced by ***.
  [[nodiscard]] std::string describe() const;
};

template <class T>
using Result = std::expected<T, Error>;

using Failure = std::unexpected<Error>;

// Wrong usage or configuration: exit code 2.
[[nodiscard]] Failure usage_error(std::string message, std::string remedy = {});
// A state only a person can change: exit code 5.
[[nodiscard]] Failure person_error(std::string message, std::string remedy = {});
// The same command later will go on: exit code 4.
[[nodiscard]] Failure later_error(std::string message, std::string remedy = {});

// A column or field that could not be taken; cheap enough for the row loop, where Error is not.
enum class Fault : std::uint8_t {
  none,
  missing,
  null_value,
  wrong_type,
  malformed,
  out_of_range,
  nul_in_text,
  too_long,
  empty_text,
  duplicate_key,
  wrong_session,
};

// The word for a fault as it stands in the ledger's rejects ("out_of_range").
[[nodiscard]] std::string_view to_string(Fault fault);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace icingest

// A broken invariant is a bug: say where and abort, in every build.
#define ICINGEST_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::icingest::check_failed(#condition, __FILE__, __LINE__))

#define ICINGEST_CONCAT_INNER(a, b) a##b
#define ICINGEST_CONCAT(a, b) ICINGEST_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and its name cannot stand in parentheses
// Return the error of `expression`, or go on.
#define ICINGEST_TRY(expression)                                \
  do {                                                          \
    if (auto icingest_try_ = (expression); !icingest_try_) {    \
      return std::unexpected(std::move(icingest_try_).error()); \
    }                                                           \
  } while (false)

// Declare `declaration` with the value of `expression`, or return its error.
#define ICINGEST_TRY_LET_IMPL(result, declaration, expression)      \
  auto result = (expression);                                       \
  if (!(result)) return std::unexpected(std::move(result).error()); \
  declaration = std::move(*(result)) /* the caller writes the semicolon */
#define ICINGEST_TRY_LET(declaration, ...) \
  ICINGEST_TRY_LET_IMPL(ICINGEST_CONCAT(icingest_let_, __LINE__), declaration, (__VA_ARGS__))
// NOLINTEND(bugprone-macro-parentheses)
