#include "pg/pg_conn.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/log.h"
#include "core/text.h"
#include "pg/sqlstate.h"

namespace icingest::pg {
namespace {

// libpq copies what it is given and its buffer grows without bound while the socket is full, so it gets
// little at a time. Larger pieces were not faster in bench/load.
constexpr std::size_t kCopyPiece = std::size_t{64} << 10;

constexpr int kRefusals = 3;  // of a server that is up, before its refusal is taken for its answer
constexpr std::chrono::milliseconds kAfterRefusal{200};

const char* field_of(const PGresult* result, int code) {
  const char* value = PQresultErrorField(result, code);
  return value != nullptr ? value : "";
}

Failure statement_error(const PGresult* result, const char* doing) {
  std::string message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  if (const std::string_view detail = field_of(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    message += fmt::format(" [{}]", detail);
  }
  if (message.empty()) message = PQresultErrorMessage(result);
  return sql_error(field_of(result, PG_DIAG_SQLSTATE), doing, message);
}

bool is_failure(ExecStatusType status) {
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

}  // namespace

std::int64_t PgResult::number(int row, int column) const {
  return text::parse_int(text(row, column)).value_or(0);
}

std::int64_t PgResult::affected() const { return text::parse_int(PQcmdTuples(result_.get())).value_or(0); }

Result<PgConn> PgConn::connect(const DbConfig& config, std::chrono::milliseconds patience) {
  DbConfig patient = config;
  patient.parameters.try_emplace("connect_timeout",
                                 std::to_string(std::max<std::int64_t>(2, (patience.count() + 999) / 1000)));
  std::map<std::string, std::string> parameters = patient.with_session_settings().parameters;
  parameters["options"] += " -c lock_timeout=60s";
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : parameters) names.push_back(name.c_str()), values.push_back(value.c_str());
  names.push_back(nullptr), values.push_back(nullptr);

  std::string what;
  for (int refusals = 0;;) {
    PgConn conn(PQconnectdbParams(names.data(), values.data(), 0));
    if (conn.usable()) {
      PQsetNoticeProcessor(
          conn.native(), [](void*, const char* message) { log::debug("database: {}", text::trim(message)); },
          nullptr);
      PQsetnonblocking(conn.native(), 1);
      return conn;
    }
    what =
        fmt::format("cannot connect to {}: {}", config.display(), text::trim(PQerrorMessage(conn.native())));
    // A connection that fails has no SQLSTATE. What can be known without reading its message: whether a
    // password was asked for, and whether the server takes connections at all.
    if (PQconnectionNeedsPassword(conn.native()) != 0 || PQconnectionUsedPassword(conn.native()) != 0) {
      return person_error(what, "check user and password (DB_USER, DB_PASSWORD or --db)");
    }
    if (PQpingParams(names.data(), values.data(), 0) != PQPING_OK) break;
    // A server that was still starting a moment ago refused, and is up by the time of the ping: asked again,
    // it says what it means.
    if (++refusals == kRefusals) {
      return person_error(what, "the server is up: check database name, user and pg_hba.conf");
    }
    ::poll(nullptr, 0, static_cast<int>(kAfterRefusal.count()));
  }
  return Failure(
      Error{.action = Action::reconnect,
            .exit = ExitCode::later,
            .message = what,
            .remedy = "check that the server runs and is reachable, then run the same command again"});
}

Failure PgConn::connection_error(const char* doing) const {
  return sql_error("", doing, PQerrorMessage(conn_.get()));
}

Result<void> PgConn::wait(bool for_write) {
  pollfd entry{.fd = PQsocket(conn_.get()), .events = POLLIN, .revents = 0};
  if (for_write) entry.events = POLLIN | POLLOUT;
  if (entry.fd < 0) return connection_error("connection");
  while (::poll(&entry, 1, -1) < 0) {
    if (errno != EINTR) return connection_error("poll");
  }
  return {};
}

Result<void> PgConn::flush() {
  for (;;) {
    const int left = PQflush(conn_.get());
    if (left == 0) return {};
    if (left < 0) return connection_error("send");
    ICINGEST_TRY(wait(true));
    // Reading as well, or both sides may wait for the other with full buffers.
    if (PQconsumeInput(conn_.get()) == 0) return connection_error("receive");
  }
}

// The last result of what runs, or its first error. Reads to the end in any case.
Result<PgResult> PgConn::drain(const char* doing) {
  Result<PgResult> last = PgResult(nullptr);
  for (;;) {
    while (PQisBusy(conn_.get()) != 0) {
      ICINGEST_TRY(wait(false));
      if (PQconsumeInput(conn_.get()) == 0) return connection_error(doing);
    }
    PGresult* const raw = PQgetResult(conn_.get());
    if (raw == nullptr) break;
    const ExecStatusType status = PQresultStatus(raw);
    PgResult result(raw);
    if (is_failure(status)) {
      if (last) last = statement_error(raw, doing);
      if (PQstatus(conn_.get()) != CONNECTION_OK) break;
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
      return result;  // the COPY's own calls go on from here
    } else if (last) {
      last = std::move(result);
    }
  }
  return last;
}

Result<PgResult> PgConn::exec(const std::string& sql, const std::vector<PgParameter>& parameters) {
  int sent = 0;
  if (parameters.empty()) {
    sent = PQsendQuery(conn_.get(), sql.c_str());
  } else {
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const PgParameter& parameter : parameters)
      values.push_back(parameter ? parameter->c_str() : nullptr);
    sent = PQsendQueryParams(conn_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                             values.data(), nullptr, nullptr, 0);
  }
  if (sent == 0) return connection_error("send statement");
  ICINGEST_TRY(flush());
  return drain("statement");
}

Result<void> PgConn::commit() {
  Result<PgResult> result = exec("COMMIT");
  if (result) return {};
  if (result.error().action == Action::reconnect) result.error().action = Action::in_doubt;
  return std::unexpected(std::move(result).error());
}

void PgConn::rollback() {
  if (!usable()) return;
  // An unfinished COPY has to be ended first, with a message, or the connection stays in it.
  if (PQtransactionStatus(conn_.get()) == PQTRANS_ACTIVE) {
    if (PQputCopyEnd(conn_.get(), "given up by icingest") < 0 || !flush() || !drain("end of COPY")) {
      // The error is the server's echo of our own message.
    }
  }
  static_cast<void>(exec("ROLLBACK"));
}

void PgConn::cancel() const {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> request(PQgetCancel(conn_.get()), &PQfreeCancel);
  std::array<char, 256> why{};
  // A refusal means that nothing runs any more, or that the connection is gone: the owner sees either.
  if (request) static_cast<void>(PQcancel(request.get(), why.data(), static_cast<int>(why.size())));
}

Result<void> PgConn::copy_begin(const std::string& sql) {
  ICINGEST_TRY(exec(sql));
  return {};
}

Result<void> PgConn::copy_send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kCopyPiece);
    if (PQputCopyData(conn_.get(), piece.data(), static_cast<int>(piece.size())) <= 0) {
      return connection_error("COPY");
    }
    ICINGEST_TRY(flush());
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Result<std::int64_t> PgConn::copy_end() {
  if (PQputCopyEnd(conn_.get(), nullptr) < 0) return connection_error("COPY");
  ICINGEST_TRY(flush());
  ICINGEST_TRY_LET(const PgResult result, drain("COPY"));
  return result.affected();
}

Result<void> PgConn::copy_out(const std::string& sql,
                              const std::function<Result<void>(std::string_view)>& each) {
  ICINGEST_TRY(exec(sql));
  for (;;) {
    char* bytes = nullptr;
    const int length = PQgetCopyData(conn_.get(), &bytes, 1);
    if (length == 0) {
      ICINGEST_TRY(wait(false));
      if (PQconsumeInput(conn_.get()) == 0) return connection_error("COPY TO");
      continue;
    }
    if (length < 0) break;
    const std::unique_ptr<char, decltype(&PQfreemem)> owned(bytes, &PQfreemem);
    ICINGEST_TRY(each({bytes, static_cast<std::size_t>(length)}));
  }
  ICINGEST_TRY(drain("COPY TO"));
  return {};
}

}  // namespace icingest::pg
