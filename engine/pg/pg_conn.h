// pg_conn.h: one libpq connection: statements, and COPY in both directions, never blocking beyond poll().
//
// Threads   one owner
// Errors    Error with the SQLSTATE's action; after a reconnect or in_doubt the connection is unusable
// Lifetime  a COPY must be ended or aborted before the next statement; the destructor closes whatever is open
// Source    postgresql.org/docs/15/libpq-copy.html. After PQputCopyEnd results are drained to NULL: one
//           PQgetResult leaves the connection active, and a read left undrained made ROLLBACK do nothing
//           (arrow-adbc #4695)
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/result.h"
#include "pg/db_config.h"

namespace icingest::pg {

class PgResult {
 public:
  explicit PgResult(PGresult* result) : result_(result, &PQclear) {}

  [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
  [[nodiscard]] bool is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) != 0;
  }
  [[nodiscard]] std::string_view text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  [[nodiscard]] std::int64_t number(int row, int column) const;
  // Rows a statement inserted, updated or deleted.
  [[nodiscard]] std::int64_t affected() const;

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

// A text parameter; null when unset.
using PgParameter = std::optional<std::string>;

class PgConn {
 public:
  // Sets time zone UTC and the application's name. Errors tell a server that is away (later) from a refusal
  // that needs a person (password, pg_hba, no such database).
  [[nodiscard]] static Result<PgConn> connect(const DbConfig& config, std::chrono::milliseconds patience);

  // One statement, or several without parameters.
  Result<PgResult> exec(const std::string& sql, const std::vector<PgParameter>& parameters = {});

  // COMMIT; a connection lost on the way is in_doubt.
  Result<void> commit();
  // Best effort; an unusable connection is no error, its transaction is gone anyway.
  void rollback();

  // Asks the server to give up the statement that runs (SQLSTATE 57014). From any thread, while the owner waits in it.
  void cancel() const;

  // COPY … FROM STDIN; bytes; end. `copy_end` gives the rows the server took.
  Result<void> copy_begin(const std::string& sql);
  Result<void> copy_send(std::string_view bytes);
  Result<std::int64_t> copy_end();

  // COPY … TO STDOUT; `each` gets the stream in pieces of the server's choosing.
  Result<void> copy_out(const std::string& sql, const std::function<Result<void>(std::string_view)>& each);

  [[nodiscard]] bool usable() const { return PQstatus(conn_.get()) == CONNECTION_OK; }
  [[nodiscard]] int server_version() const { return PQserverVersion(conn_.get()); }
  [[nodiscard]] PGconn* native() { return conn_.get(); }

 private:
  explicit PgConn(PGconn* conn) : conn_(conn, &PQfinish) {}

  // Waits until the socket is readable, or writable when `for_write`.
  Result<void> wait(bool for_write);
  Result<void> flush();
  Result<PgResult> drain(const char* doing);
  [[nodiscard]] Failure connection_error(const char* doing) const;

  std::unique_ptr<PGconn, decltype(&PQfinish)> conn_;
};

}  // namespace icingest::pg
