#include "support/http_imposter.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace icingest::test {

HttpImposter::HttpImposter(Script script)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::listen(listener_, 64);
  socklen_t length = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_loop(); });
}

HttpImposter::~HttpImposter() {
  ending_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  ::close(listener_);
  {
    const std::scoped_lock lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

std::string HttpImposter::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<std::string> HttpImposter::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void HttpImposter::accept_loop() {
  while (!ending_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::scoped_lock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { converse(fd); });
  }
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
  const std::scoped_lock lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

std::string http_answer(int status, const std::string& body, const std::string& headers) {
  return fmt::format("HTTP/1.1 {} Reason\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(),
                     body);
}

}  // namespace icingest::test
