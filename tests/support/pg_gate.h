// pg_gate.h: a socket in front of PostgreSQL that can break the connection at a chosen moment: while rows are
// on their way, or between a COMMIT and its answer.
#pragma once

#include <atomic>
#include <string>

#include "pg/db_config.h"
#include "support/acceptor.h"
#include "support/temp_dir.h"

namespace icingest::test {

// A new connection to the server's socket.
[[nodiscard]] int connect_to(const pg::DbConfig& server);

class PgGate {
 public:
  explicit PgGate(const pg::DbConfig& server);

  // The database behind the gate.
  [[nodiscard]] pg::DbConfig config() const;

  // Cuts after `nth` of these went from client to server (1: the next); the server still gets it.
  void cut_after_commit(int nth) { commits_left_ = nth; }
  // Cuts when this many bytes of COPY data have passed from now on.
  void cut_after_copy_bytes(std::int64_t bytes) { copy_bytes_left_ = bytes; }
  [[nodiscard]] int cuts() const { return cuts_; }
  // The next connection is told that the server is starting up; the one after it finds the server up.
  void refuse_next() { refuse_next_ = true; }
  // Nothing passes and nothing breaks, as when a network is cut.
  void silence(bool silent) { silent_ = silent; }

 private:
  void relay(int client);
  static void refuse(int client);
  bool forward(const char* bytes, std::size_t size, int server);

  pg::DbConfig server_;
  TempDir dir_;
  std::atomic<int> commits_left_{0};
  std::atomic<std::int64_t> copy_bytes_left_{0};
  std::atomic<int> cuts_{0};
  std::atomic<bool> refuse_next_{false};
  std::atomic<bool> silent_{false};
  Acceptor acceptor_;
};

}  // namespace icingest::test
