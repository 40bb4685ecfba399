#include "pg/control.h"

#include "pg/pg_conn.h"

namespace icingest::pg {

Result<Control> Control::connect(const DbConfig& config, std::chrono::milliseconds patience) {
  ICINGEST_TRY(PgConn::connect(config, patience));
  try {
    auto connection = std::make_unique<pqxx::connection>(config.with_session_settings().conninfo());
    pqxx::nontransaction setup(*connection);
    setup.exec("SET client_min_messages = warning");
    setup.commit();
    return Control(std::move(connection));
  } catch (const std::exception& error) {
    return sql_error("", "connect", error.what());
  }
}

}  // namespace icingest::pg
