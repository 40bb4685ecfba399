// tcp_gate.h: a port in front of a server on this machine that can go silent: nothing passes, nothing breaks, as when a
// network is cut.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "pg/db_config.h"
#include "support/acceptor.h"

namespace icingest::test {

class TcpGate {
 public:
  // In front of http://127.0.0.1:PORT. `address` is where it listens.
  explicit TcpGate(const std::string& url, const std::string& address = "127.0.0.1");
  // In front of PostgreSQL.
  explicit TcpGate(const pg::DbConfig& server, const std::string& address = "127.0.0.1");

  // The same through the gate.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] pg::DbConfig config(pg::DbConfig server) const;
  void silence(bool silent) { silent_ = silent; }

 private:
  using Connect = std::function<int()>;
  TcpGate(Connect connect, const std::string& address);
  void relay(int client);

  const Connect connect_;
  const std::string address_;
  int port_ = 0;
  std::atomic<bool> silent_{false};
  Acceptor acceptor_;
};

}  // namespace icingest::test
