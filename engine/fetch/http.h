// http.h: a GET and its answer, as values.
//
// Units     bytes on the wire; durations from curl's own clock
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "icingest/buffer.h"
#include "icingest/result.h"

namespace icingest::fetch {

struct Deadlines {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds stall{20'000};  // below 512 bytes/s for that long
  std::chrono::milliseconds total{300'000};
};

// What AWS Signature Version 4 is made with; libcurl signs, the secret is in no header and no URL.
struct AwsSignature {
  std::string access_key;
  std::string secret;
  std::string region;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"; may hold the key, so never logged
  Deadlines deadlines;
  std::size_t max_body = std::size_t{64} << 20;
  bool http2 = false;
  bool identity = false;  // the bytes as they are stored, so that ranges of them mean something
  std::optional<AwsSignature> signature{};
  // Asked when the connection stands and the request is about to be written: until when that may happen; nothing keeps
  // it back.
  std::function<std::optional<Tick>()> may_send;
  // The first byte of the answer is here.
  std::function<void()> answered;
};

struct HttpResponse {
  long status = 0;
  Buffer body;  // as it came, still compressed when `gzip`
  bool gzip = false;
  std::string content_type;
  std::string location;
  std::string retry_after;
  std::string etag;
  std::string last_modified;
  std::string content_range;
  std::size_t wire_bytes = 0;
  std::chrono::microseconds first_byte{0};
  std::chrono::microseconds total{0};
};

// "120" or an HTTP date in any of the three forms of RFC 9110 5.6.7, as a pause from `now`; zero when it says
// neither or lies in the past; never more than an hour.
[[nodiscard]] std::chrono::milliseconds parse_retry_after(std::string_view value,
                                                          std::chrono::system_clock::time_point now);

// The instant that an HTTP date names.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view value);

}  // namespace icingest::fetch
