// tcp_gate.h: a port in front of another one on this machine that can go silent: nothing passes, nothing breaks, as when a
// network is cut.
#pragma once

#include <atomic>
#include <string>

#include "support/acceptor.h"

namespace icingest::test {

class TcpGate {
 public:
  // `url`: http://127.0.0.1:PORT
  explicit TcpGate(const std::string& url);

  // The same through the gate.
  [[nodiscard]] std::string url() const;
  void silence(bool silent) { silent_ = silent; }

 private:
  void relay(int client);

  int port_ = 0;
  int own_port_ = 0;
  std::atomic<bool> silent_{false};
  Acceptor acceptor_;
};

}  // namespace icingest::test
