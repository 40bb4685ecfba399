// tcp_gate.h: a port in front of another one on this machine that can go silent: nothing passes, nothing breaks, as when a
// network is cut.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace icingest::test {

class TcpGate {
 public:
  // `url`: http://127.0.0.1:PORT
  explicit TcpGate(const std::string& url);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  // The same through the gate.
  [[nodiscard]] std::string url() const;
  void silence(bool silent) { silent_ = silent; }

 private:
  void accept_loop();
  void relay(int client);

  int port_ = 0;
  int own_port_ = 0;
  int listener_ = -1;
  std::atomic<bool> ending_{false};
  std::atomic<bool> silent_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace icingest::test
