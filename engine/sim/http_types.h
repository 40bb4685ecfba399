// http_types.h: a request and an answer of the simulator, without the HTTP library.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"

namespace icingest::sim {

struct SimRequest {
  std::string method = "GET";
  std::string target;  // as it came, for the log and the key check
  std::string path;    // decoded
  std::map<std::string, std::string> query;
  std::string authorization;
  std::string host;
  bool accepts_gzip = false;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case; not of every source's
  std::string client;                                        // address
  std::optional<Tick> arrived;                               // unset: now
};

class ByteSource;

struct SimAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<const std::string> body;  // shared with the cache
  std::vector<std::pair<std::string, std::string>> headers;
  bool gzipped = false;
  // A body too large to hold: a range of these bytes.
  std::shared_ptr<const ByteSource> stream{};
  std::uint64_t stream_from = 0;
  std::uint64_t stream_size = 0;
  bool chunked = false;    // sent without a length
  bool head_only = false;  // the answer to a HEAD: the length, and no body
};

// A header by its name in lower case; empty when the request does not have it.
[[nodiscard]] std::string_view header_of(const SimRequest& request, std::string_view name);

// Splits a request target into decoded path and query.
[[nodiscard]] SimRequest parse_target(std::string_view target);

[[nodiscard]] inline SimAnswer text_answer(std::string content_type, std::string body, int status = 200) {
  return {.status = status,
          .content_type = std::move(content_type),
          .body = std::make_shared<const std::string>(std::move(body))};
}
[[nodiscard]] inline SimAnswer json_answer(std::string body, int status = 200) {
  return text_answer("application/json", std::move(body), status);
}

}  // namespace icingest::sim
