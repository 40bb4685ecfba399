// curl_multi.h: libcurl's multi-socket interface driven by an io_context: one thread, all transfers.
//
// Threads   one; every call and callback belongs to the io_context's thread
// Lifetime  the io_context outlives it; a handle belongs to it from start() to its callback
// Source    curl.se/libcurl/c/libcurl-multi.html, "multi_socket". Sockets may appear that no open callback
//           saw (curl #2734), POLL_REMOVE does not mean closed (curl #9799), events must be re-armed each
//           time (#1192)
#pragma once

#include <curl/curl.h>

#include <utility>  // Boost.Asio 1.74 uses std::exchange without it

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <unordered_map>

#include "fetch/send_guard.h"

namespace icingest::fetch {

class CurlMulti {
 public:
  using Done = std::move_only_function<void(CURLcode)>;

  CurlMulti(boost::asio::io_context& io, int max_connections_per_host);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // Runs the transfer; `done` comes later, never from inside start().
  void start(CURL* easy, Done done);
  // Ends that transfer; its callback is not called any more.
  void cancel(CURL* easy);
  // Ends every transfer with CURLE_ABORTED_BY_CALLBACK.
  void abort_all();
  [[nodiscard]] SendGuard& guard() { return guard_; }

 private:
  struct Watch {
    explicit Watch(boost::asio::io_context& io) : descriptor(io) {}
    boost::asio::posix::stream_descriptor descriptor;
    int wanted = 0;  // CURL_POLL_IN and CURL_POLL_OUT bits
    bool reading = false;
    bool writing = false;
  };

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* unused);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  void time_out();
  void watch(curl_socket_t socket, int what);
  void forget(curl_socket_t socket);
  void arm(const std::shared_ptr<Watch>& watch);
  void on_ready(const std::shared_ptr<Watch>& watch, int event);
  void act(curl_socket_t socket, int event);
  void finish_done();

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  const std::shared_ptr<bool> timing_out_ = std::make_shared<bool>(false);  // time_out() is posted
  SendGuard guard_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  std::unordered_map<CURL*, Done> running_;
};

}  // namespace icingest::fetch
