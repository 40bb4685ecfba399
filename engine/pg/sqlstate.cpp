#include "pg/sqlstate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.h"

namespace icingest::pg {
namespace {

struct Row {
  std::string_view code;
  SqlVerdict verdict;
};

constexpr SqlVerdict kReconnect{Action::reconnect, ExitCode::later, {}};
constexpr SqlVerdict kAgain{Action::retry, ExitCode::later, {}};
constexpr SqlVerdict kUnit{Action::fail_unit, ExitCode::later, {}};
constexpr SqlVerdict kBug{Action::fail_run, ExitCode::internal, {}};
constexpr SqlVerdict person(std::string_view remedy) { return {Action::fail_run, ExitCode::person, remedy}; }

constexpr std::array kCodes = {
    Row{"", kReconnect},
    Row{"08P01", kBug},  // protocol violation: our COPY bytes
    Row{"23505", {Action::restage, ExitCode::later, {}}},
    Row{"25006", person("connect to the primary, or end default_transaction_read_only")},
    Row{"25P03", kReconnect},  // idle_in_transaction_session_timeout ended the session
    Row{"40003", {Action::in_doubt, ExitCode::later, {}}},
    Row{"53100", person("free or add disk space on the database server, then run the same command again")},
    Row{"53300", kReconnect},  // too_many_connections
    Row{"53400", person("raise the server setting named in the message")},
    Row{"55P03", kAgain},  // lock_not_available
    Row{"57014", kAgain},  // query_canceled: statement_timeout, or an operator
    Row{"57P04", person("the database was dropped")},
    Row{"58P01", person("the server misses files: check its storage and its log")},
    Row{"XX000", kBug},
    Row{"XX001", person("the server found corrupt data: restore it before loading")},
    Row{"XX002", person("the server found a corrupt index: REINDEX it before loading")},
};

constexpr std::array kClasses = {
    Row{"08", kReconnect},
    Row{"0A", person("this server cannot do it: check its version and extensions")},
    Row{"22", kUnit},
    Row{"23", kUnit},
    Row{"25", kAgain},  // transaction state: roll back and begin anew
    Row{"28", person("check user, password and pg_hba.conf")},
    Row{"3D", person("create the database, or name an existing one")},
    Row{"3F", person("run `icingest migrate`")},
    Row{"40", kAgain},
    Row{"42",
        person("run `icingest migrate`, which reports every difference of the schema, and check privileges")},
    Row{"53", kAgain},
    Row{"54", person("the statement exceeds a limit of the server")},
    Row{"55", kAgain},
    Row{"57", kReconnect},
    Row{"58", person("the server's system failed: check its storage and its log")},
    Row{"P0", kUnit},  // raised by a trigger
};

}  // namespace

SqlVerdict judge_sqlstate(std::string_view sqlstate) {
  const auto exact =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const Row& row) { return row.code == sqlstate; });
  if (exact != kCodes.end()) return exact->verdict;
  const auto by_class = std::find_if(kClasses.begin(), kClasses.end(),
                                     [&](const Row& row) { return row.code == sqlstate.substr(0, 2); });
  return by_class != kClasses.end() ? by_class->verdict : kBug;
}

Failure sql_error(std::string_view sqlstate, std::string_view doing, std::string_view message) {
  const SqlVerdict verdict = judge_sqlstate(sqlstate);
  return Failure(
      Error{.action = verdict.action,
            .exit = verdict.exit,
            .message = fmt::format("{}: {}{}", doing, text::trim(message),
                                   sqlstate.empty() ? "" : fmt::format(" (SQLSTATE {})", sqlstate)),
            .remedy = std::string(verdict.remedy),
            .cause = {.sqlstate = std::string(sqlstate)}});
}

}  // namespace icingest::pg
