// http_endpoint.h: a small HTTP server for those who watch: GET and HEAD, one answer per path, nothing else.
//
// Threads   its own; `answer` is called on it
// Limits    8 KiB of request head, 10 s per request, 64 connections; more are closed at once
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest::monitor {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpEndpoint {
 public:
  using Answer = std::function<HttpAnswer(std::string_view path)>;

  // "127.0.0.1:9464", "[::1]:9464", ":9464" for every address; port 0 takes any free one.
  [[nodiscard]] static Result<std::unique_ptr<HttpEndpoint>> listen(const std::string& address,
                                                                    Answer answer);
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  // "127.0.0.1:9464", the port as it was given.
  [[nodiscard]] std::string address() const;

 private:
  struct State;
  explicit HttpEndpoint(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace icingest::monitor
