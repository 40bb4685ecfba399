#include "icingest/json_tokens.h"

#include <algorithm>

namespace icingest::json {
namespace {

constexpr std::size_t kLeastCapacity = std::size_t{1} << 20;
constexpr std::size_t kMostDepth = 64;  // of the second stage, which is not used

}  // namespace

simdjson::error_code Tokens::find(std::string_view body) {
  size_ = 0;
  if (stage_ == nullptr || stage_->capacity() < body.size()) {
    const std::size_t capacity = std::max(body.size() + body.size() / 4, kLeastCapacity);
    stage_.reset();
    const auto error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, kMostDepth, stage_);
    if (error != simdjson::SUCCESS) return error;
  }
  const auto error = stage_->stage1(reinterpret_cast<const std::uint8_t*>(body.data()), body.size(),
                                    simdjson::stage1_mode::regular);
  if (error != simdjson::SUCCESS) return error;
  body_ = body.data();
  length_ = static_cast<std::uint32_t>(body.size());
  starts_ = stage_->structural_indexes.get();
  size_ = stage_->n_structural_indexes;
  return simdjson::SUCCESS;
}

std::string_view Tokens::text(std::uint32_t token) const {
  const std::uint32_t begin = starts_[token];
  std::uint32_t end = token + 1 < size_ ? starts_[token + 1] : length_;
  while (end > begin && static_cast<unsigned char>(body_[end - 1]) <= ' ') --end;
  return {body_ + begin, end - begin};
}

std::uint32_t Tokens::skip(std::uint32_t token) const {
  std::uint32_t depth = 0;
  while (token < size_) {
    switch (body_[starts_[token++]]) {
      case '{': ++depth; break;
      case '[':
        ++depth;
        token = skip_rows(token);
        break;
      case '}':
      case ']':
        if (depth == 0) return size_ + 1;
        --depth;
        break;
      default: break;
    }
    if (depth == 0) return token;
  }
  return size_ + 1;
}

// Behind a [: passes objects without brackets inside. Each fourth token behind the { of such an object is a comma or its },
// and no other object has that and is followed by a comma and a { or by a ]. Gives the token where that ends to be so.
std::uint32_t Tokens::skip_rows(std::uint32_t token) const {
  while (at(token) == '{') {
    std::uint32_t end = token + 4;
    while (at(end) == ',') end += 4;
    if (at(end) != '}') return token;
    const char next = at(end + 1);
    if (next == ']') return end + 1;
    if (next != ',' || at(end + 2) != '{') return token;
    token = end + 2;
  }
  return token;
}

}  // namespace icingest::json
