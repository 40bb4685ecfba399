// json_tokens.h: where the tokens of a JSON text begin, for documents of which most is skipped.
//
// simdjson's first stage finds every bracket, colon, comma and beginning of a text or number, and checks that the body is
// UTF-8 and that its texts end. On-Demand then goes from token to token; rows of like objects can be passed four tokens at
// a time, which is what this adds.
//
// Shape     in: a body with padding behind it (document.h); out: tokens by number, as bytes of the body
// Lifetime  borrows the body; the memory is used again from body to body
// Errors    simdjson's, of the first stage. What brackets hold is looked at by who reads them, as with On-Demand
// Threads   one owner
// Source    simdjson 3.0 doc/implementation-selection.md; dom_parser_implementation, which On-Demand itself builds on
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "icingest/json_rows.h"

namespace icingest::json {

class Tokens {
 public:
  // Replaces what was found before.
  [[nodiscard]] simdjson::error_code find(std::string_view body);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  // The first byte of a token; zero behind the last one.
  [[nodiscard]] char at(std::uint32_t token) const { return token < size_ ? body_[starts_[token]] : '\0'; }
  [[nodiscard]] std::uint32_t start(std::uint32_t token) const { return starts_[token]; }
  // A token without the blanks behind it: a text with its quotes, a number, a word.
  [[nodiscard]] std::string_view text(std::uint32_t token) const;

  // Fills `row` from the object that begins at `token`, and goes behind it: an object of values alone, its members in the
  // order of the list, without escapes. False for any other: `token` stays and the row is half filled; json::read has the
  // last word on it. What is read here is a part of what json::read would take, in a third of the time.
  template <const auto& kObject>
  [[nodiscard]] bool read_row(std::uint32_t& token,
                              typename std::remove_cvref_t<decltype(kObject)>::Row& row) const;

  // The token behind the value that begins at `token`; size() + 1 when it does not end.
  [[nodiscard]] std::uint32_t skip(std::uint32_t token) const;

 private:
  [[nodiscard]] std::uint32_t skip_rows(std::uint32_t token) const;
  template <class T>
  [[nodiscard]] bool take(std::uint32_t token, T& out) const;

  const char* body_ = nullptr;
  const std::uint32_t* starts_ = nullptr;
  std::uint32_t length_ = 0;
  std::uint32_t size_ = 0;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
};

// The value at `token`, which the next token ends.
template <class T>
bool Tokens::take(std::uint32_t token, T& out) const {
  const char* const begin = body_ + starts_[token];
  const char* const behind = body_ + starts_[token + 1];
  if constexpr (kIsOptional<T>) {
    if (*begin != 'n') return take(token, out.emplace());
    out.reset();
    return std::memcmp(begin, "null", 4) == 0 && skip_blanks(begin + 4) == behind;
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    // The first stage has seen to it that a text ends before the next token; escapes are looked for in whole rows.
    if (*begin != '"') return false;
    const char* last = behind - 1;
    while (*last != '"') --last;
    out = std::string_view(begin + 1, static_cast<std::size_t>(last - begin - 1));
    return true;
  } else if constexpr (std::is_same_v<T, Date>) {
    constexpr std::size_t kLength = 10;  // 2024-09-28
    if (*begin != '"' || begin[1 + kLength] != '"') return false;
    const auto date = parse_date({begin + 1, kLength});
    if (date) out = *date;
    return date.has_value();
  } else {
    const char* const end = plain::take(begin, out);
    return end != nullptr && skip_blanks(end) == behind;
  }
}

template <const auto& kObject>
bool Tokens::read_row(std::uint32_t& token, typename std::remove_cvref_t<decltype(kObject)>::Row& row) const {
  constexpr std::size_t kCount = std::tuple_size_v<decltype(kObject.fields)>;
  constexpr std::uint32_t kEach = 4;  // a member's tokens: name, colon, value, and the comma or } behind it
  if (token + kEach * kCount >= size_ || body_[starts_[token]] != '{') return false;
  std::uint32_t at = token + 1;
  bool open = true;
  const auto take_field = [&]<std::size_t kIndex>() {
    constexpr auto& kField = std::get<kIndex>(kObject.fields);
    auto& member = row.*kField.member;
    const char* const name = body_ + starts_[at];
    const bool is_next = open && *name == '"' && name[kField.name.size() + 1] == '"' &&
                         std::memcmp(name + 1, kField.name.data(), kField.name.size()) == 0;
    if (!is_next) {
      if constexpr (kIsOptional<std::remove_cvref_t<decltype(member)>>) member.reset();
      return !kField.is_required;
    }
    if (body_[starts_[at + 1]] != ':' || !take(at + 2, member)) return false;
    const char behind = body_[starts_[at + 3]];
    open = behind == ',';
    at += kEach;
    return open || behind == '}';
  };
  const bool filled = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (take_field.template operator()<kIndex>() && ...);
  }
  (std::make_index_sequence<kCount>{});
  if (!filled || open) return false;
  const char* const begin = body_ + starts_[token];
  const char* const end = body_ + starts_[at - 1];
  if (std::memchr(begin, '\\', static_cast<std::size_t>(end - begin)) != nullptr) return false;
  token = at;
  return true;
}

}  // namespace icingest::json
