#include "support/tcp_gate.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "support/pg_gate.h"

namespace icingest::test {
namespace {

bool send_all(int to, const char* bytes, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= sent;
  }
  return true;
}

int connect_to_port(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

TcpGate::TcpGate(Connect connect, const std::string& address)
    : connect_(std::move(connect)),
      address_(address),
      acceptor_(bind_to(port_, address), [this](int client) { relay(client); }) {}

TcpGate::TcpGate(const std::string& url, const std::string& address)
    : TcpGate([port = std::stoi(url.substr(url.rfind(':') + 1))] { return connect_to_port(port); }, address) {
}

TcpGate::TcpGate(const pg::DbConfig& server, const std::string& address)
    : TcpGate([server] { return connect_to(server); }, address) {}

std::string TcpGate::url() const { return "http://" + address_ + ":" + std::to_string(port_); }

pg::DbConfig TcpGate::config(pg::DbConfig server) const {
  server.parameters["host"] = address_;
  server.parameters["port"] = std::to_string(port_);
  return server;
}

void TcpGate::relay(int client) {
  const int server = connect_();
  if (server >= 0) {
    pollfd entries[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open = true;
    for (char piece[65536]; open && !acceptor_.ending();) {
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
    ::close(server);
  }
}

}  // namespace icingest::test
