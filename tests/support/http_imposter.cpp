#include "support/http_imposter.h"

#include <fmt/format.h>
#include <sys/socket.h>

namespace icingest::test {

HttpImposter::HttpImposter(Script script)
    : script_(std::move(script)), acceptor_(bind_to(port_), [this](int fd) { converse(fd); }) {}

std::string HttpImposter::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<std::string> HttpImposter::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void HttpImposter::converse(int fd) {
  std::string pending;
  for (char piece[4096];;) {
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) break;
    pending.append(piece, static_cast<std::size_t>(got));
    const std::size_t end = pending.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::string head = pending.substr(0, end);
    pending.erase(0, end + 4);
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(head);
    }
    const std::string answer = script_(head);
    if (answer.empty()) break;
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    if (answer.find("Connection: close") != std::string::npos) break;
  }
}

std::string http_answer(int status, const std::string& body, const std::string& headers) {
  return fmt::format("HTTP/1.1 {} Reason\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(),
                     body);
}

}  // namespace icingest::test
