// test_server.h: a real PostgreSQL for a test program: one private cluster, a fresh database for each test.
#pragma once

#include <memory>
#include <string>

#include "pg/control.h"
#include "pg/db_config.h"
#include "pg/pg_conn.h"
#include "support/temp_dir.h"

namespace icingest::test {

class TestServer {
 public:
  // Started on first use, stopped at the end of the program.
  static TestServer& instance();

  // A new empty database; its name differs from every earlier one.
  [[nodiscard]] pg::DbConfig create_database();
  // pg_ctl stop -m MODE, then start again.
  void stop(const std::string& mode);
  void start();
  [[nodiscard]] const std::filesystem::path& data_dir() const { return dir_.path(); }

  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

 private:
  TestServer();
  [[nodiscard]] pg::DbConfig maintenance() const;
  void pg_ctl(const std::string& arguments);

  TempDir dir_;
  pg::DbConfig config_;
  int databases_ = 0;
};

// postgresql:// form, for --db.
[[nodiscard]] std::string to_uri(const pg::DbConfig& config);

// First column of the first row, as text; "(null)" for null, "(none)" without rows.
std::string query(const pg::DbConfig& db, const std::string& sql);

// Every row of the application's tables, ordered, as one text: what "the same table" means.
[[nodiscard]] std::string dump(const pg::DbConfig& db, const std::string& table = "stock_prices");

}  // namespace icingest::test
