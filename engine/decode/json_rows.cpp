#include "icingest/json_rows.h"

namespace icingest::json {

std::optional<RowsAt> find_rows(std::string_view body, std::string_view name) {
  const char* at = skip_blanks(body.data());
  if (*at++ != '{') return std::nullopt;
  for (;;) {
    std::string_view member;
    at = plain::take(skip_blanks(at), member);
    if (at == nullptr) return std::nullopt;
    at = skip_blanks(at);
    if (*at++ != ':') return std::nullopt;
    at = skip_blanks(at);
    if (member == name) {
      if (*at != '[') return std::nullopt;
      const auto before = static_cast<std::size_t>(at + 1 - body.data());
      return RowsAt{.before = body.substr(0, before), .rows = body.substr(before)};
    }
    at = plain::skip_value(at);
    if (at == nullptr) return std::nullopt;
    at = skip_blanks(at);
    if (*at++ != ',') return std::nullopt;
  }
}

const char* skip_value(const char* at, const char* end) {
  if (*at != '{' && *at != '[') return plain::skip_value(at);
  int depth = 0;
  bool in_text = false;
  for (; at != end; ++at) {
    if (in_text) {
      if (*at == '\\' && at + 1 != end) ++at;
      else if (*at == '"') in_text = false;
      continue;
    }
    if (*at == '"') in_text = true;
    else if (*at == '{' || *at == '[') ++depth;
    else if ((*at == '}' || *at == ']') && --depth == 0) return at + 1;
  }
  return nullptr;
}

}  // namespace icingest::json
