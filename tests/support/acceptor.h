// acceptor.h: a listening socket of a test's server, with a thread for each connection.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace icingest::test {

class Acceptor {
 public:
  // Takes `listener` over, which is bound. `serve` has a connection to itself, which is closed after it; at the end
  // connections are shut down, so that whoever waits for one of them goes on.
  Acceptor(int listener, std::function<void(int fd)> serve);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  [[nodiscard]] bool ending() const { return ending_; }

 private:
  void accept_loop();

  const int listener_;
  const std::function<void(int fd)> serve_;
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

// A socket bound to a free port of an address of this machine; the port is given in `port`.
[[nodiscard]] int bind_to(int& port, const std::string& address = "127.0.0.1");

}  // namespace icingest::test
