#include "support/pg_gate.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace icingest::test {
namespace {

sockaddr_un address_of(const std::string& directory, const std::string& port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory + "/.s.PGSQL." + port;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int bind_in(const std::string& directory) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(directory, "5432");
  ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return listener;
}

}  // namespace

int connect_to(const pg::DbConfig& server) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(server.parameters.at("host"), server.parameters.at("port"));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

PgGate::PgGate(const pg::DbConfig& server)
    : server_(server), acceptor_(bind_in(dir_.path().string()), [this](int client) { relay(client); }) {}

pg::DbConfig PgGate::config() const {
  pg::DbConfig config = server_;
  config.parameters["host"] = dir_.path().string();
  config.parameters["port"] = "5432";
  return config;
}

// False: cut now, after the bytes went on.
bool PgGate::forward(const char* bytes, std::size_t size, int server) {
  const std::string_view view(bytes, size);
  const bool is_commit = view.find("COMMIT") != std::string_view::npos;
  const bool is_copy = size > 1000;  // statements are small, COPY pieces are not
  bool cut = false;
  if (is_commit && commits_left_ > 0 && --commits_left_ == 0) cut = true;
  if (is_copy && copy_bytes_left_ > 0 && (copy_bytes_left_ -= static_cast<std::int64_t>(size)) <= 0) {
    copy_bytes_left_ = 0;
    cut = true;
  }
  ::send(server, bytes, size, MSG_NOSIGNAL);
  if (cut) {
    ++cuts_;
    if (is_commit) ::usleep(50'000);  // the server commits, and its answer reaches nobody
  }
  return !cut;
}

// Answers the startup packet as a server does that is still recovering.
void PgGate::refuse(int client) {
  char startup[4096];
  if (::recv(client, startup, sizeof startup, 0) <= 0) return;
  constexpr std::string_view kFields("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0", 58);
  std::string answer = "E";
  const auto length = static_cast<std::uint32_t>(kFields.size() + 4);
  for (const int shift : {24, 16, 8, 0}) answer += static_cast<char>(length >> shift & 0xFF);
  answer += kFields;
  ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
}

void PgGate::relay(int client) {
  const bool refused = refuse_next_.exchange(false);
  if (refused) return refuse(client);
  const int server = connect_to(server_);
  if (server >= 0) {
    pollfd entries[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    for (char piece[65536];;) {
      if (::poll(entries, 2, -1) < 0) break;
      while (silent_ && !acceptor_.ending()) ::usleep(20'000);
      if (entries[0].revents != 0) {
        const ssize_t got = ::recv(client, piece, sizeof piece, 0);
        if (got <= 0 || !forward(piece, static_cast<std::size_t>(got), server)) break;
      }
      if (entries[1].revents != 0) {
        const ssize_t got = ::recv(server, piece, sizeof piece, 0);
        if (got <= 0 || ::send(client, piece, static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) break;
      }
    }
    ::close(server);
  }
}

}  // namespace icingest::test
