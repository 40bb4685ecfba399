// http_client.h: GET over a pool of kept-alive connections, as a coroutine.
//
// A body is accepted only when the transfer says it is whole (length, chunks, HTTP/2 stream end); what is
// inside is the decoder's to judge. TLS peers are always verified. Redirects are not followed here: whoever
// asked decides, because a redirect is another request and must not carry the key to another host.
//
// Threads   the io_context's thread only
// Errors    Error with the curl code and the action of http_table.h
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "fetch/curl_multi.h"
#include "fetch/http.h"

namespace icingest::fetch {

class HttpStream;

class HttpClient {
 public:
  HttpClient(boost::asio::io_context& io, BufferPool& buffers, int max_connections_per_host,
             std::string user_agent);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `request` lives in the coroutine's frame until the answer is there.
  [[nodiscard]] boost::asio::awaitable<Result<HttpResponse>> get(HttpRequest request);

  // Asks for a body that is taken in pieces while it comes; at most `window` bytes of it wait in memory.
  [[nodiscard]] boost::asio::awaitable<Result<std::unique_ptr<HttpStream>>> open(HttpRequest request,
                                                                                 std::size_t window);

  // Ends all transfers; each get() gives an error.
  void abort_all() { multi_.abort_all(); }
  // Whether everything that was written has reached the other ends.
  [[nodiscard]] bool delivered() { return multi_.guard().delivered(); }

 private:
  friend class HttpStream;
  struct Transfer;

  [[nodiscard]] CURL* take_handle();
  void prepare(CURL* easy, Transfer& transfer);

  boost::asio::io_context& io_;
  BufferPool& buffers_;
  std::string user_agent_;
  std::vector<CURL*> idle_;
  CurlMulti multi_;
};

}  // namespace icingest::fetch
