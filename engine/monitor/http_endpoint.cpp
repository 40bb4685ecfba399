#include "monitor/http_endpoint.h"

#include <fmt/format.h>

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "core/signals.h"
#include "core/text.h"

namespace icingest::monitor {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::uint32_t kHeadLimit = 8 << 10;
constexpr int kMostConnections = 64;

Result<tcp::endpoint> parse_address(const std::string& address) {
  const auto bad = [&] {
    return usage_error(fmt::format("--metrics-listen: '{}' is no ADDRESS:PORT", text::printable(address, 80)),
                       "write for instance 127.0.0.1:9464, [::1]:9464, or :9464 for every address");
  };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad();
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos) return bad();
  if (host.empty()) host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  const auto port = text::parse_int(std::string_view(address).substr(colon + 1));
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(host, error);
  if (error || !port || *port < 0 || *port > 65'535) return bad();
  return tcp::endpoint(parsed, static_cast<std::uint16_t>(*port));
}

}  // namespace

struct HttpEndpoint::State {
  explicit State(Answer the_answer) : answer(std::move(the_answer)), acceptor(io) {}

  asio::awaitable<void> accept();
  asio::awaitable<void> converse(tcp::socket socket);
  http::response<http::string_body> respond(const http::request<http::empty_body>& request) const;

  Answer answer;
  asio::io_context io;
  tcp::acceptor acceptor;
  int connections = 0;
  std::thread thread;
};

http::response<http::string_body> HttpEndpoint::State::respond(
    const http::request<http::empty_body>& request) const {
  HttpAnswer said{.status = 405, .body = "only GET and HEAD\n"};
  if (request.method() == http::verb::get || request.method() == http::verb::head) {
    const std::string_view target(request.target().data(), request.target().size());
    said = answer(target.substr(0, target.find('?')));
  }
  http::response<http::string_body> response(static_cast<http::status>(said.status), request.version());
  response.set(http::field::content_type, said.content_type);
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(said.body);
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();  // its length stays
  return response;
}

asio::awaitable<void> HttpEndpoint::State::converse(tcp::socket socket) {
  ++connections;
  try {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    for (bool keep = true; keep;) {
      stream.expires_after(kPatience);
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeadLimit);
      co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
      const http::response<http::string_body> response = respond(parser.get());
      keep = response.keep_alive();
      http::response_serializer<http::string_body> serializer(response);
      co_await http::async_write(stream, serializer, asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    // The peer went away or said nothing we understand; nobody is left to tell.
  }
  --connections;
}

asio::awaitable<void> HttpEndpoint::State::accept() {
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // no file descriptor left, for instance: that passes
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    if (connections < kMostConnections) asio::co_spawn(io, converse(std::move(socket)), asio::detached);
  }
}

HttpEndpoint::HttpEndpoint(std::unique_ptr<State> state) : state_(std::move(state)) {
  asio::co_spawn(state_->io, state_->accept(), asio::detached);
  state_->thread = std::thread([state = state_.get()] {
    leave_signals_to_others();
    state->io.run();
  });
}

HttpEndpoint::~HttpEndpoint() {
  state_->io.stop();
  state_->thread.join();
}

Result<std::unique_ptr<HttpEndpoint>> HttpEndpoint::listen(const std::string& address, Answer answer) {
  ICINGEST_TRY_LET(const tcp::endpoint endpoint, parse_address(address));
  auto state = std::make_unique<State>(std::move(answer));
  boost::system::error_code error;
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(kMostConnections, error);
  if (error) {
    return usage_error(fmt::format("--metrics-listen: cannot listen on {}: {}", address, error.message()),
                       "choose another port, or 0 for any");
  }
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(state)));
}

std::string HttpEndpoint::address() const {
  const tcp::endpoint endpoint = state_->acceptor.local_endpoint();
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

}  // namespace icingest::monitor
