// The endpoint as its clients see it, over real sockets.
#include "monitor/monitor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/manual_clock.h"

namespace icingest::monitor {
namespace {

int connect_to(const std::string& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return fd;
}

// What the server says to these bytes until it closes.
std::string say(const std::string& address, const std::string& bytes) {
  const int fd = connect_to(address);
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  std::string said;
  char piece[4096];
  for (ssize_t got = 0; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;)
    said.append(piece, static_cast<std::size_t>(got));
  ::close(fd);
  return said;
}

std::string get(const std::string& address, const std::string& path, const std::string& method = "GET") {
  return say(address, method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

TEST(HttpEndpoint, RefusesAddressesItCannotListenOn) {
  const auto answer = [](std::string_view) { return HttpAnswer{}; };
  for (const char* bad : {"", "9464", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:9464",
                          "example.com:80", "127.0.0.1:-1", "300.0.0.1:80"}) {
    const auto endpoint = HttpEndpoint::listen(bad, answer);
    ASSERT_FALSE(endpoint.has_value()) << bad;
    EXPECT_EQ(endpoint.error().exit, ExitCode::usage) << bad;
    EXPECT_NE(endpoint.error().describe().find("--metrics-listen"), std::string::npos) << bad;
  }
  const auto taken = HttpEndpoint::listen("127.0.0.1:0", answer);
  ASSERT_TRUE(taken.has_value());
  const auto second = HttpEndpoint::listen((*taken)->address(), answer);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().exit, ExitCode::usage);
}

TEST(HttpEndpoint, AnswersGetAndHeadAndNothingElse) {
  std::string asked;
  const auto endpoint = HttpEndpoint::listen("localhost:0", [&](std::string_view path) {
    asked = path;
    return HttpAnswer{.body = "twelve bytes"};
  });
  ASSERT_TRUE(endpoint.has_value());
  const std::string address = (*endpoint)->address();
  EXPECT_NE(get(address, "/a?b=c").find("\r\n\r\ntwelve bytes"), std::string::npos);
  EXPECT_EQ(asked, "/a") << "a query is not part of the path";
  const std::string head = get(address, "/a", "HEAD");
  EXPECT_NE(head.find("Content-Length: 12"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_NE(get(address, "/a", "DELETE").find(" 405 "), std::string::npos);
}

TEST(HttpEndpoint, OutlivesClientsThatSpeakNoHttp) {
  const auto endpoint =
      HttpEndpoint::listen("127.0.0.1:0", [](std::string_view) { return HttpAnswer{.body = "ok"}; });
  ASSERT_TRUE(endpoint.has_value());
  const std::string address = (*endpoint)->address();
  EXPECT_EQ(say(address, "hello\r\n\r\n"), "");
  EXPECT_EQ(say(address, "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").find("200 OK"),
            std::string::npos)
      << "a head of 20 KB";
  ::close(connect_to(address));
  // Those who connect and stay silent do not keep others out, nor the endpoint from ending.
  std::vector<int> silent;
  for (int i = 0; i < 30; ++i) silent.push_back(connect_to(address));
  EXPECT_NE(get(address, "/").find("200 OK"), std::string::npos);
  for (const int fd : silent) ::close(fd);
}

TEST(Monitor, IsReadyOnlyOnceTheDatabaseAnswersAndUntilAStop) {
  test::ManualClock clock;
  Stop stop;
  Monitor monitor("1.0", clock, stop);
  ASSERT_TRUE(monitor.listen("127.0.0.1:0"));
  EXPECT_NE(get(monitor.address(), "/healthz").find(" 200 "), std::string::npos);
  EXPECT_NE(get(monitor.address(), "/readyz").find(" 503 "), std::string::npos);
  EXPECT_NE(get(monitor.address(), "/nothing").find(" 404 "), std::string::npos);
  // A port where nobody listens.
  monitor.observe(
      {{{"host", "127.0.0.1"}, {"port", "1"}, {"dbname", "x"}, {"user", "x"}, {"password", "secret-pass"}}},
      {});
  std::string said;
  while (said.find("127.0.0.1") == std::string::npos) said = monitor.answer("/readyz").body;
  EXPECT_EQ(monitor.answer("/readyz").status, 503);
  EXPECT_EQ(said.find("secret-pass"), std::string::npos);
  EXPECT_NE(get(monitor.address(), "/metrics").find("\nicingest_database_up 0\n"), std::string::npos);
  stop.request();
  EXPECT_EQ(monitor.answer("/readyz").body, "stopping\n");
  EXPECT_EQ(monitor.answer("/healthz").status, 200) << "a process that ends in good order is healthy";
}

}  // namespace
}  // namespace icingest::monitor
