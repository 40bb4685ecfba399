#include "support/test_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/log.h"
#include "core/text.h"
#include "privdb/private_pg.h"

namespace icingest::test {

TestServer& TestServer::instance() {
  static TestServer server;
  return server;
}

namespace {

namespace fs = std::filesystem;

// Making a cluster takes a second and each test program wants one of its own, so the first one leaves a copy for the
// others, named for this build of PostgreSQL, this user and this boot.
fs::path template_directory() {
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(boot, id);
  return fs::temp_directory_path() / fmt::format("icingest-test-cluster-{}-{}", ::geteuid(), id);
}

void replace_in_file(const fs::path& file, const std::string& from, const std::string& to) {
  std::stringstream content;
  content << std::ifstream(file).rdbuf();
  std::string text = content.str();
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  std::ofstream(file) << text;
}

// `cp -a`: owners and modes are PostgreSQL's concern.
bool copy_all(const fs::path& from, const fs::path& to) {
  return std::system(fmt::format("cp -a '{}' '{}'", from.string(), to.string()).c_str()) == 0;
}

// Puts a copy of the template under `root`, making the template first where there is none.
void copy_cluster(const fs::path& root) {
  const fs::path kept = template_directory();
  const int lock = ::open((kept.string() + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  ::flock(lock, LOCK_EX);
  if (!fs::exists(kept / "postgres")) {
    const TempDir fresh;
    privdb::PrivatePg server(fresh.path());
    if (server.ensure_running() && server.stop()) {
      replace_in_file(fresh.path() / "postgres" / "data" / "postgresql.conf", fresh.path().string(),
                      "@ROOT@");
      fs::create_directories(kept);
      if (copy_all(fresh.path() / "postgres", kept / "postgres.new"))
        fs::rename(kept / "postgres.new", kept / "postgres");
    }
  }
  if (fs::exists(kept / "postgres") && copy_all(kept / "postgres", root / "postgres")) {
    replace_in_file(root / "postgres" / "data" / "postgresql.conf", "@ROOT@", root.string());
  }
  ::close(lock);
}

}  // namespace

TestServer::TestServer() {
  log::configure(log::Level::warn, log::Format::text);
  copy_cluster(dir_.path());
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
