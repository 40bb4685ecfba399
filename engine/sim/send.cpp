#include "sim/send.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>

#include "sim/zip_layout.h"

namespace icingest::sim {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint64_t kPiece = std::uint64_t{256} << 10;

std::string head_of(const SimAnswer& answer, std::uint64_t length) {
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nServer: icingest-sim\r\nContent-Type: {}\r\nVary: Accept-Encoding\r\n",
      answer.status,
      std::string_view(
          boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status))),
      answer.content_type);
  if (answer.chunked) head += "Transfer-Encoding: chunked\r\n";
  else head += fmt::format("Content-Length: {}\r\n", length);
  if (answer.gzipped) head += "Content-Encoding: gzip\r\n";
  for (const auto& [name, value] : answer.headers) head += fmt::format("{}: {}\r\n", name, value);
  return head += "\r\n";
}

// The first `size` bytes of the body, in chunks of the transfer coding where the answer has no length.
asio::awaitable<void> send_body(tcp::socket& socket, const SimAnswer& answer, std::uint64_t size, bool drip,
                                std::int64_t& sent) {
  const std::uint64_t piece = drip ? std::max<std::uint64_t>(1, size / 10) : kPiece;
  std::string storage;
  for (std::uint64_t at = 0; at < size;) {
    const std::uint64_t count = std::min({piece, kPiece, size - at});
    std::string_view bytes;
    if (answer.stream) {
      storage.resize(count);
      answer.stream->read(answer.stream_from + at, storage);
      bytes = storage;
    } else {
      bytes = std::string_view(*answer.body).substr(at, count);
    }
    const std::string length = answer.chunked ? fmt::format("{:x}\r\n", count) : std::string();
    const std::array<asio::const_buffer, 3> buffers = {asio::buffer(length), asio::buffer(bytes),
                                                       asio::buffer("\r\n", answer.chunked ? 2 : 0)};
    co_await asio::async_write(socket, buffers, asio::use_awaitable);
    sent += static_cast<std::int64_t>(count);
    at += count;
    if (drip) co_await pause(std::chrono::milliseconds(20));
  }
}

}  // namespace

asio::awaitable<void> pause(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<bool> send(tcp::socket& socket, const SimAnswer& answer, std::optional<FaultKind> fault,
                           std::int64_t& sent) {
  const std::uint64_t size = answer.stream ? answer.stream_size : answer.body->size();
  const bool cut = fault == FaultKind::reset_body;
  const bool short_body = fault == FaultKind::short_body;
  const bool drip = fault == FaultKind::drip;
  const std::uint64_t given = cut ? size / 2 : size;
  const std::string head = head_of(answer, size + (short_body ? 100 : 0));
  if (answer.head_only) {
    co_await asio::async_write(socket, asio::buffer(head), asio::use_awaitable);
    co_return true;
  }
  if (!answer.stream && !answer.chunked && !drip) {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(*answer.body, given)};
    co_await asio::async_write(socket, buffers, asio::use_awaitable);
    sent += static_cast<std::int64_t>(given);
  } else {
    co_await asio::async_write(socket, asio::buffer(head), asio::use_awaitable);
    co_await send_body(socket, answer, given, drip, sent);
    // Without its last chunk such a body is short.
    if (answer.chunked && !cut && !short_body)
      co_await asio::async_write(socket, asio::buffer("0\r\n\r\n", 5), asio::use_awaitable);
  }
  co_return !cut && !short_body;
}

}  // namespace icingest::sim
