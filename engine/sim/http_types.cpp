#include "sim/http_types.h"

#include "core/text.h"

namespace icingest::sim {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

SimRequest parse_target(std::string_view target) {
  SimRequest request;
  request.target = target;
  const std::size_t question = target.find('?');
  request.path = decode(target.substr(0, question));
  if (question == std::string_view::npos) return request;
  for (const std::string_view pair : text::split(target.substr(question + 1), '&')) {
    const std::size_t equals = pair.find('=');
    if (pair.empty()) continue;
    request.query[decode(pair.substr(0, equals))] =
        equals == std::string_view::npos ? "" : decode(pair.substr(equals + 1));
  }
  return request;
}

std::string_view header_of(const SimRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace icingest::sim
