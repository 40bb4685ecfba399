// http_stream.h: the body of one GET, taken in pieces while it comes.
//
// Nothing is asked of the network while the reader is behind: with a window full of bytes the transfer is paused,
// and TCP holds the sender back. A server that does not like to wait breaks off; the reader goes on by a range.
//
// Threads   the io_context's thread only; one reader
// Lifetime  the client outlives it; destruction ends the transfer
// Errors    as HttpClient
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "fetch/http_client.h"

namespace icingest::fetch {

class HttpStream {
 public:
  HttpStream(HttpClient& client, HttpRequest request, std::size_t window);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  // Status and headers; the body is not in it.
  [[nodiscard]] const HttpResponse& response() const;

  // Appends the next `bytes` bytes to `out`. Fewer when the body ends before; an error when it was cut.
  [[nodiscard]] boost::asio::awaitable<Result<std::size_t>> read(std::size_t bytes, Buffer& out);

 private:
  friend class HttpClient;
  struct State;

  // Until the head is there.
  [[nodiscard]] boost::asio::awaitable<Result<void>> begin();
  void resume();

  HttpClient& client_;
  std::shared_ptr<State> state_;
};

}  // namespace icingest::fetch
