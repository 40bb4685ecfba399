// json_rows.h: an array of like objects → Row structs, by bytes alone where a row is as plain as the ones before it.
//
// A market's answers are thousands of objects with the same members in the same order, numbers and short texts with
// nothing between them. Such a row is read in one pass over its bytes, in a third of the time On-Demand takes; any other
// one (blanks, escapes, another order, a wrong type) goes to json::read, which has the last word on it. What a plain row
// may be is a part of JSON's grammar, so nothing passes here that would not pass there.
//
// Shape     in: a body with padding of zeros behind it (document.h)
// Lifetime  string_views point into the body
// Errors    a row or a body that is not plain is no error: read_plain() gives nullptr, find_rows() nothing
// Threads   pure functions
#pragma once

#include <cstring>
#include <optional>
#include <string_view>

#include "icingest/json.h"

namespace icingest::json {

// The body around its rows: `before` ends with the [, `rows` is what follows, up to the end of the body.
struct RowsAt {
  std::string_view before;
  std::string_view rows;
};

// The top-level array of that name, when every member before it is plain.
[[nodiscard]] std::optional<RowsAt> find_rows(std::string_view body, std::string_view name);

// The place behind the value that begins at `at`; nullptr when it does not end. What is inside of an array or an object
// is not looked at.
[[nodiscard]] const char* skip_value(const char* at, const char* end);

[[nodiscard]] inline const char* skip_blanks(const char* at) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') ++at;
  return at;
}

namespace plain {

// Each gives the place behind a value, nullptr when it is not plain. The zeros behind the body end every loop.

[[nodiscard]] inline const char* skip_number(const char* at) {
  while ((*at >= '0' && *at <= '9') || *at == '.' || *at == '-' || *at == '+' || *at == 'e' || *at == 'E')
    ++at;
  return at;
}

// Reads a run of digits into `value`, which is appended to; gives the place behind it. More than 18 digits wrap around:
// the caller counts. Digit by digit: eight at a time was slower, because each number's end then waits for the number
// before it, while the branches of this loop are foreseen.
[[nodiscard]] inline const char* take_digits(const char* at, std::uint64_t& value) {
  for (unsigned digit = 0; (digit = static_cast<unsigned char>(*at) - unsigned{'0'}) <= 9; ++at)
    value = value * 10 + digit;
  return at;
}

[[nodiscard]] inline const char* take(const char* at, Decimal& out) {
  const char* const begin = at;
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  const char* const first = at;
  std::uint64_t mantissa = 0;
  at = take_digits(at, mantissa);
  std::ptrdiff_t digits = at - first;
  if (digits == 0 || (*first == '0' && digits > 1)) return nullptr;
  int scale = 0;
  if (*at == '.') {
    const char* const point = at++;
    at = take_digits(at, mantissa);
    scale = static_cast<int>(at - point) - 1;
    if (scale == 0) return nullptr;
    digits += scale;
  }
  if (digits > 18 || *at == 'e' || *at == 'E') {
    at = skip_number(at);
    return Decimal::parse({begin, static_cast<std::size_t>(at - begin)}, out) == Fault::none ? at : nullptr;
  }
  const auto magnitude = static_cast<std::int64_t>(mantissa);
  out = Decimal(negative ? -magnitude : magnitude, scale);
  return at;
}

[[nodiscard]] inline const char* take(const char* at, std::int64_t& out) {
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  const char* const first = at;
  std::uint64_t value = 0;
  at = take_digits(at, value);
  if (at == first || at - first > 18 || (*first == '0' && at - first > 1)) return nullptr;
  const auto magnitude = static_cast<std::int64_t>(value);
  out = negative ? -magnitude : magnitude;
  return at;
}

[[nodiscard]] inline const char* take(const char* at, std::string_view& out) {
  if (*at++ != '"') return nullptr;
  const char* const first = at;
  for (; *at != '"'; ++at) {
    if (*at == '\\' || static_cast<unsigned char>(*at) < ' ') return nullptr;
  }
  out = {first, static_cast<std::size_t>(at - first)};
  return at + 1;
}

template <class T>
[[nodiscard]] const char* take(const char* at, std::optional<T>& out) {
  return take(at, out.emplace());
}

[[nodiscard]] inline const char* skip_word(const char* at) {
  for (const std::string_view word : {"true", "false", "null"}) {
    if (std::memcmp(at, word.data(), word.size()) == 0) return at + word.size();
  }
  return nullptr;
}

// Any value but arrays and objects.
[[nodiscard]] inline const char* skip_value(const char* at) {
  std::string_view text;
  if (*at == '"') return take(at, text);
  if (*at == 't' || *at == 'f' || *at == 'n') return skip_word(at);
  Decimal number;
  return take(at, number);
}

template <class Member>
inline constexpr bool kCanTake = requires(Member& member) {
  plain::take("", member);
};

template <const auto& kObject>
consteval bool can_read() {
  const auto can = [](const auto& field) {
    if constexpr (requires { field.member; }) {
      using Row = typename std::remove_cvref_t<decltype(kObject)>::Row;
      return kCanTake<std::remove_cvref_t<decltype(std::declval<Row&>().*field.member)>>;
    }
    return false;
  };
  return std::apply([&](const auto&... field) { return (can(field) && ...); }, kObject.fields);
}

}  // namespace plain

// Whether every member of the object is of a type that plain rows have.
template <const auto& kObject>
inline constexpr bool kIsPlain = plain::can_read<kObject>();

// Fills `row` from the object that begins at `at`, and gives the place behind it; nullptr when the row is not plain:
// then it is half filled.
template <const auto& kObject>
[[nodiscard]] const char* read_plain(const char* at,
                                     typename std::remove_cvref_t<decltype(kObject)>::Row& row) {
  static_assert(kIsPlain<kObject>);
  constexpr std::size_t kCount = std::tuple_size_v<decltype(kObject.fields)>;
  if (*at != '{' || at[1] != '"') return nullptr;
  ++at;
  bool open = true;  // at the name of a member
  const auto is_at = [&at]<std::size_t kIndex>() {
    constexpr std::string_view kName = std::get<kIndex>(kObject.fields).name;
    return std::memcmp(at + 1, kName.data(), kName.size()) == 0 && at[1 + kName.size()] == '"' &&
           at[2 + kName.size()] == ':';
  };
  const auto is_known = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (is_at.template operator()<kIndex>() || ...);
  };
  // Behind a value: a comma and another name, or the end.
  const auto go_on = [&at, &open] {
    if (at == nullptr) return false;
    if (*at == '}') open = false;
    else if (*at != ',' || *++at != '"') return false;
    return true;
  };
  const auto skip_unknown = [&] {
    std::string_view name;
    at = plain::take(at, name);
    if (at == nullptr || *at++ != ':') return false;
    at = plain::skip_value(at);
    return go_on();
  };
  const auto take_field = [&]<std::size_t kIndex>() {
    constexpr auto& kField = std::get<kIndex>(kObject.fields);
    while (open && !is_at.template operator()<kIndex>()) {
      if (is_known(std::make_index_sequence<kCount>{})) break;
      if (!skip_unknown()) return false;
    }
    auto& member = row.*kField.member;
    if (open && is_at.template operator()<kIndex>()) {
      at = plain::take(at + kField.name.size() + 3, member);
      return go_on();
    }
    if constexpr (kIsOptional<std::remove_cvref_t<decltype(member)>>) member.reset();
    return !kField.is_required;
  };
  const bool filled = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (take_field.template operator()<kIndex>() && ...);
  }
  (std::make_index_sequence<kCount>{});
  if (!filled) return nullptr;
  while (open) {
    if (is_known(std::make_index_sequence<kCount>{}) || !skip_unknown()) return nullptr;
  }
  return at + 1;
}

}  // namespace icingest::json
