// control.h: SQL that is not the hot path, over libpqxx, with its exceptions turned into Results at this
// edge.
//
// Threads   one owner
// Errors    Error with the SQLSTATE's action (sqlstate.h)
#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <type_traits>

#include "icingest/result.h"
#include "pg/db_config.h"
#include "pg/sqlstate.h"

namespace icingest::pg {

class Control {
 public:
  // Tried once over libpq first: that tells a refusal from an absence (pg_conn.h).
  [[nodiscard]] static Result<Control> connect(const DbConfig& config,
                                               std::chrono::milliseconds patience = std::chrono::seconds(10));

  // Runs `body(pqxx::work&)` in a transaction and commits. `doing` names it in errors.
  template <class Body>
  auto transact(const char* doing, Body&& body) -> Result<std::invoke_result_t<Body, pqxx::work&>> {
    using Value = std::invoke_result_t<Body, pqxx::work&>;
    try {
      pqxx::work transaction(*connection_);
      if constexpr (std::is_void_v<Value>) {
        body(transaction);
        transaction.commit();
        return {};
      } else {
        Value value = body(transaction);
        transaction.commit();
        return value;
      }
    } catch (const pqxx::in_doubt_error& error) {
      return Failure(Error{.action = Action::in_doubt, .exit = ExitCode::later, .message = error.what()});
    } catch (const pqxx::sql_error& error) {
      return sql_error(error.sqlstate(), doing, error.what());
    } catch (const pqxx::broken_connection& error) {
      return sql_error("", doing, error.what());
    } catch (const std::exception& error) {
      return Failure(Error{.message = std::string(doing) + ": " + error.what()});
    }
  }

  [[nodiscard]] pqxx::connection& native() { return *connection_; }

 private:
  explicit Control(std::unique_ptr<pqxx::connection> connection) : connection_(std::move(connection)) {}

  std::unique_ptr<pqxx::connection> connection_;
};

}  // namespace icingest::pg
