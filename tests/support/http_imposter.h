// http_imposter.h: a scripted HTTP server: what it says is up to the test, byte by byte.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "support/acceptor.h"

namespace icingest::test {

class HttpImposter {
 public:
  // Given the request's head, the raw bytes to answer with. Empty: the connection is cut.
  using Script = std::function<std::string(const std::string& head)>;

  explicit HttpImposter(Script script);

  [[nodiscard]] std::string url() const;
  [[nodiscard]] int port() const { return port_; }
  // Heads of the requests so far.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void converse(int fd);

  Script script_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  Acceptor acceptor_;
};

// A complete answer.
[[nodiscard]] std::string http_answer(int status, const std::string& body,
                                      const std::string& headers = "Content-Type: application/json\r\n");

}  // namespace icingest::test
