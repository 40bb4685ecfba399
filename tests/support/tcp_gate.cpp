#include "support/tcp_gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace icingest::test {
namespace {

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int to, const char* bytes, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= sent;
  }
  return true;
}

}  // namespace

TcpGate::TcpGate(const std::string& url)
    : port_(std::stoi(url.substr(url.rfind(':') + 1))),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = local(0);
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::listen(listener_, 64);
  socklen_t size = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  own_port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_loop(); });
}

TcpGate::~TcpGate() {
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

std::string TcpGate::url() const { return "http://127.0.0.1:" + std::to_string(own_port_); }

void TcpGate::accept_loop() {
  while (!ending_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::scoped_lock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { relay(fd); });
  }
}

void TcpGate::relay(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = local(port_);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    pollfd entries[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open = true;
    for (char piece[65536]; open && !ending_;) {
      if (silent_) {
        ::usleep(20'000);
        continue;
      }
      if (::poll(entries, 2, 50) < 0) break;
      for (int from = 0; from < 2 && !silent_; ++from) {
        if (entries[from].revents == 0) continue;
        const ssize_t got = ::recv(entries[from].fd, piece, sizeof piece, 0);
        open = open && got > 0 && send_all(entries[1 - from].fd, piece, got);
      }
    }
  }
  ::close(server);
  const std::scoped_lock lock(mutex_);
  std::erase(open_, client);
  ::close(client);
}

}  // namespace icingest::test
