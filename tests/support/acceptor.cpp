#include "support/acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace icingest::test {

Acceptor::Acceptor(int listener, std::function<void(int fd)> serve)
    : listener_(listener), serve_(std::move(serve)) {
  ::listen(listener_, 64);
  accepting_ = std::thread([this] { accept_loop(); });
}

Acceptor::~Acceptor() {
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

void Acceptor::accept_loop() {
  while (!ending_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::scoped_lock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve_(fd);
      const std::scoped_lock closing(mutex_);
      std::erase(open_, fd);
      ::close(fd);
    });
  }
}

int bind_to(int& port, const std::string& address_text) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, address_text.c_str(), &address.sin_addr);
  ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return listener;
}

}  // namespace icingest::test
