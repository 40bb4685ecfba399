// ready_made.cpp: the fastest way we know to fill stock_prices, fed with COPY bytes that are already there.
//
// Usage     ready_made CONNINFO DIRECTORY [STREAMS]; DIRECTORY holds YEAR.copy, binary COPY with header and
// trailer Recipe    per year, in one transaction: a bare table, COPY with FREEZE, its unique index, ATTACH.
// The table is made
//           beside the parent and attached last, because PARTITION OF would lock the parent for the whole
//           load
// Threads   one connection per stream; years are handed out one by one
// Errors    the first one ends the program with code 1
#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& what, PGconn* conn) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), conn != nullptr ? PQerrorMessage(conn) : "");
  std::_Exit(1);
}

class Connection {
 public:
  explicit Connection(const char* conninfo) : conn_(PQconnectdb(conninfo)) {
    if (PQstatus(conn_) != CONNECTION_OK) die("connect", conn_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { PQfinish(conn_); }

  void exec(const std::string& sql, ExecStatusType wanted = PGRES_COMMAND_OK) {
    PGresult* const result = PQexec(conn_, sql.c_str());
    if (PQresultStatus(result) != wanted) die(sql, conn_);
    PQclear(result);
  }

  void copy_file(const std::string& sql, const std::filesystem::path& file) {
    exec(sql, PGRES_COPY_IN);
    const int fd = ::open(file.c_str(), O_RDONLY);
    if (fd < 0) die("cannot open " + file.string(), nullptr);
    std::vector<char> buffer(std::size_t{256} << 10);
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
      if (PQputCopyData(conn_, buffer.data(), static_cast<int>(got)) != 1) die("COPY", conn_);
    }
    ::close(fd);
    if (PQputCopyEnd(conn_, nullptr) != 1) die("end of COPY", conn_);
    while (PGresult* const result = PQgetResult(conn_)) {
      if (PQresultStatus(result) != PGRES_COMMAND_OK) die("COPY", conn_);
      PQclear(result);
    }
  }

 private:
  PGconn* conn_;
};

void load_year(Connection& db, const std::filesystem::path& file) {
  const std::string year = file.stem().string();
  const std::string table = "stock_prices_" + year;
  const std::string next = std::to_string(std::atoi(year.c_str()) + 1);
  db.exec("BEGIN");
  db.exec("CREATE TABLE " + table + " (LIKE stock_prices INCLUDING DEFAULTS)");
  db.copy_file("COPY " + table + " FROM STDIN (FORMAT binary, FREEZE)", file);
  db.exec("CREATE UNIQUE INDEX ON " + table + " (ticker, \"time\", \"interval\")");
  db.exec("ALTER TABLE stock_prices ATTACH PARTITION " + table + " FOR VALUES FROM ('" + year +
          "-01-01 00:00 America/New_York') TO ('" + next + "-01-01 00:00 America/New_York')");
  db.exec("COMMIT");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: ready_made CONNINFO DIRECTORY [STREAMS]\n", stderr);
    return 2;
  }
  std::vector<std::filesystem::path> years;
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) years.push_back(entry.path());
  std::sort(years.begin(), years.end());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> streams;
  for (int i = argc > 3 ? std::atoi(argv[3]) : 2; i > 0; --i) {
    streams.emplace_back([&] {
      Connection db(argv[1]);
      for (std::size_t at = next++; at < years.size(); at = next++) load_year(db, years[at]);
    });
  }
  for (std::thread& stream : streams) stream.join();
  return 0;
}
