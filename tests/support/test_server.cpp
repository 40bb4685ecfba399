#include "support/test_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/log.h"
#include "core/text.h"
#include "privdb/private_pg.h"

namespace icingest::test {

TestServer& TestServer::instance() {
  static TestServer server;
  return server;
}

TestServer::TestServer() {
  log::configure(log::Level::warn, log::Format::text);
  auto config = privdb::PrivatePg(dir_.path()).ensure_running();
  if (!config) {
    fmt::print(stderr, "cannot start PostgreSQL: {}\n", config.error().describe());
    std::abort();
  }
  config_ = *config;
}

TestServer::~TestServer() { static_cast<void>(privdb::PrivatePg(dir_.path()).stop()); }

pg::DbConfig TestServer::maintenance() const {
  pg::DbConfig config = config_;
  config.parameters["dbname"] = "postgres";
  return config;
}

pg::DbConfig TestServer::create_database() {
  pg::DbConfig config = config_;
  config.parameters["dbname"] = fmt::format("test_{}", ++databases_);
  auto conn = pg::PgConn::connect(maintenance(), std::chrono::seconds(10));
  EXPECT_TRUE(conn.has_value()) << conn.error().describe();
  const auto created = conn->exec(fmt::format("CREATE DATABASE {}", config.parameters["dbname"]));
  EXPECT_TRUE(created.has_value()) << created.error().describe();
  return config;
}

void TestServer::pg_ctl(const std::string& arguments) {
  const std::string bin = "/usr/lib/postgresql/15/bin/pg_ctl";
  const auto data = dir_.path() / "postgres" / "data";
  std::string command = fmt::format("{} -s -w -D '{}' {} >/dev/null 2>&1", bin, data.string(), arguments);
  if (::geteuid() == 0)
    command = fmt::format("setpriv --reuid=postgres --regid=postgres --clear-groups sh -c \"{}\"", command);
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

void TestServer::stop(const std::string& mode) { pg_ctl("-m " + mode + " stop"); }

void TestServer::start() {
  const auto started = privdb::PrivatePg(dir_.path()).ensure_running();
  EXPECT_TRUE(started.has_value()) << started.error().describe();
}

std::string to_uri(const pg::DbConfig& config) {
  const auto& p = config.parameters;
  return fmt::format("postgresql:///{}?host={}&port={}&user={}", p.at("dbname"),
                     text::percent_encode(p.at("host")), p.at("port"), p.at("user"));
}

std::string query(const pg::DbConfig& db, const std::string& sql) {
  auto conn = pg::PgConn::connect(db, std::chrono::seconds(10));
  EXPECT_TRUE(conn.has_value()) << conn.error().describe();
  const auto result = conn->exec(sql);
  EXPECT_TRUE(result.has_value()) << sql << ": " << result.error().describe();
  if (!result || result->rows() == 0) return "(none)";
  return result->is_null(0, 0) ? "(null)" : std::string(result->text(0, 0));
}

std::string dump(const pg::DbConfig& db, const std::string& table) {
  auto conn = pg::PgConn::connect(db, std::chrono::seconds(10));
  EXPECT_TRUE(conn.has_value()) << conn.error().describe();
  std::string all;
  const std::string order = table == "stock_prices" ? "ticker, \"time\", \"interval\"" : "1, 2";
  const auto copied =
      conn->copy_out(fmt::format("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT", table, order),
                     [&](std::string_view bytes) -> Result<void> {
                       all += bytes;
                       return {};
                     });
  EXPECT_TRUE(copied.has_value()) << copied.error().describe();
  return all;
}

}  // namespace icingest::test
