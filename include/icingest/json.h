// json.h: JSON objects → Row structs, by a list of named members, in one pass and without copying numbers.
//
// Shape     json::object<Row>(required("o", &Row::open), optional("vw", &Row::vwap)); read() fills a Row from
//           one simdjson On-Demand object in whatever order its fields come; unknown fields are skipped
// Lifetime  string_views point into the parser's buffer and die with its next document
// Errors    a member that is missing, null, of another type or out of range is a Fault with the field's name:
//           the row is at fault, the document goes on. A broken document is a simdjson error and ends the
//           document
// Threads   one parser per thread
// Source    simdjson 3.0 doc/ondemand_design.md: value iteration is forward only, raw tokens stay readable
#pragma once

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <string_view>
#include <tuple>

#include "icingest/decimal.h"
#include "icingest/field.h"
#include "icingest/table.h"
#include "icingest/time.h"

namespace icingest::json {

namespace ondemand = simdjson::ondemand;

using fields::optional;
using fields::required;

// Members of an object inside the object: nested<kAddress>("address"). Absent, null or no object: left as
// they are.
template <class RowT, class ObjectT>
struct Nested {
  using Row = RowT;
  std::string_view name;
  const ObjectT* object;
  static constexpr bool is_required = false;
};
template <const auto& kObject>
constexpr auto nested(std::string_view name) {
  using ObjectT = std::remove_cvref_t<decltype(kObject)>;
  return Nested<typename ObjectT::Row, ObjectT>{name, &kObject};
}

template <class RowT, class... Fields>
struct Object {
  using Row = RowT;
  std::tuple<Fields...> fields;
};

template <class Row, class... Fields>
constexpr auto object(Fields... fields) {
  return Object<Row, Fields...>{{fields...}};
}

// How reading one object ended: `error` means the document is broken, `fault` that this row is.
struct Outcome {
  simdjson::error_code error = simdjson::SUCCESS;
  Fault fault = Fault::none;
  std::string_view field{};
};

namespace detail {

[[nodiscard]] inline std::string_view token_of(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}
[[nodiscard]] inline bool is_null(std::string_view token) { return token == "null"; }

[[nodiscard]] inline Fault number_fault(std::string_view token) {
  if (is_null(token)) return Fault::null_value;
  const bool starts_number = !token.empty() && (token[0] == '-' || (token[0] >= '0' && token[0] <= '9'));
  return starts_number ? Fault::none : Fault::wrong_type;
}

inline simdjson::error_code take(ondemand::value& value, Decimal& out, Fault& fault) {
  const std::string_view token = token_of(value);
  fault = number_fault(token);
  if (fault == Fault::none) fault = Decimal::parse(token, out);
  return simdjson::SUCCESS;
}

inline simdjson::error_code take(ondemand::value& value, std::int64_t& out, Fault& fault) {
  const std::string_view token = token_of(value);
  fault = number_fault(token);
  if (fault != Fault::none) return simdjson::SUCCESS;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error == std::errc::result_out_of_range) fault = Fault::out_of_range;
  else if (error != std::errc{} || end != token.data() + token.size()) fault = Fault::wrong_type;
  return simdjson::SUCCESS;
}

inline simdjson::error_code take(ondemand::value& value, bool& out, Fault& fault) {
  const std::string_view token = token_of(value);
  if (token == "true" || token == "false") out = token == "true";
  else fault = is_null(token) ? Fault::null_value : Fault::wrong_type;
  return simdjson::SUCCESS;
}

// Text without escapes is used where it stands: the parser has found it to be valid UTF-8 without control characters.
// Other text comes from get_string(), which unescapes into the parser's buffer.
inline simdjson::error_code take(ondemand::value& value, std::string_view& out, Fault& fault) {
  const std::string_view token = token_of(value);
  if (token.empty() || token[0] != '"') {
    fault = is_null(token) ? Fault::null_value : Fault::wrong_type;
    return simdjson::SUCCESS;
  }
  if (token.size() >= 2 && token.back() == '"' && std::memchr(token.data(), '\\', token.size()) == nullptr) {
    out = token.substr(1, token.size() - 2);
    return simdjson::SUCCESS;
  }
  const auto error = value.get_string().get(out);
  if (error == simdjson::STRING_ERROR) {
    fault = Fault::malformed;
    return simdjson::SUCCESS;
  }
  return error;
}

template <class Parsed, std::optional<Parsed> (*parse)(std::string_view)>
inline simdjson::error_code take_text(ondemand::value& value, Parsed& out, Fault& fault) {
  std::string_view text;
  const auto error = take(value, text, fault);
  if (error != simdjson::SUCCESS || fault != Fault::none) return error;
  if (const auto parsed = parse(text)) out = *parsed;
  else fault = Fault::malformed;
  return simdjson::SUCCESS;
}
inline simdjson::error_code take(ondemand::value& value, Date& out, Fault& fault) {
  return take_text<Date, parse_date>(value, out, fault);
}
inline simdjson::error_code take(ondemand::value& value, Instant& out, Fault& fault) {
  return take_text<Instant, parse_instant>(value, out, fault);
}

template <class T>
inline simdjson::error_code take(ondemand::value& value, std::optional<T>& out, Fault& fault) {
  return take(value, out.emplace(), fault);
}

}  // namespace detail

// Fills `row` from `object`. Optional members keep their value when absent or null. A member given twice: the
// last one counts, as in every JSON reader.
template <const auto& kObject>
Outcome read(ondemand::object& object, typename std::remove_cvref_t<decltype(kObject)>::Row& row);

namespace detail {

template <const auto& kNested, class Row>
void take_nested(ondemand::value& value, Row& row, Outcome& outcome) {
  ondemand::object inner;
  if (value.get_object().get(inner) != simdjson::SUCCESS) return;
  const Outcome read_inner = read<kNested>(inner, row);
  outcome.error = read_inner.error;
  if (outcome.fault == Fault::none) outcome.fault = read_inner.fault, outcome.field = read_inner.field;
}

}  // namespace detail

template <const auto& kObject>
Outcome read(ondemand::object& object, typename std::remove_cvref_t<decltype(kObject)>::Row& row) {
  constexpr std::size_t kCount = std::tuple_size_v<decltype(kObject.fields)>;
  static_assert(kCount <= 64);
  Outcome outcome;
  std::uint64_t seen = 0;
  std::size_t expected = 0;  // sources repeat one field order, so the next name is tried first

  const auto take_at = [&]<std::size_t kIndex>(ondemand::value& value) {
    constexpr auto& field = std::get<kIndex>(kObject.fields);
    if constexpr (requires { field.object; }) {
      detail::take_nested<*field.object>(value, row, outcome);
    } else {
      auto& member = row.*field.member;
      Fault fault = Fault::none;
      outcome.error = detail::take(value, member, fault);
      if (fault == Fault::null_value && !field.is_required) {
        if constexpr (kIsOptional<std::remove_cvref_t<decltype(member)>>) member.reset();
        fault = Fault::none;
      }
      if (fault != Fault::none && outcome.fault == Fault::none)
        outcome.fault = fault, outcome.field = field.name;
    }
    seen |= std::uint64_t{1} << kIndex;
    expected = kIndex + 1;
  };
  const auto match = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>,
                                                ondemand::raw_json_string name, ondemand::value & value) {
    const auto is = [&]<std::size_t kAt>() {
      return name.unsafe_is_equal(std::get<kAt>(kObject.fields).name);
    };
    const bool hit = ((expected == kIndex && is.template operator()<kIndex>() &&
                       (take_at.template operator()<kIndex>(value), true)) ||
                      ...);
    if (!hit) {
      static_cast<void>(
          ((is.template operator()<kIndex>() && (take_at.template operator()<kIndex>(value), true)) || ...));
    }
  };

  for (auto field_result : object) {
    ondemand::field field;
    outcome.error = std::move(field_result).get(field);
    if (outcome.error != simdjson::SUCCESS) return outcome;
    ondemand::value value = field.value();
    match(std::make_index_sequence<kCount>{}, field.key(), value);
    if (outcome.error != simdjson::SUCCESS) return outcome;
  }
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    const auto absent = [&](std::size_t index, const auto& field) {
      if (!field.is_required || (seen >> index & 1u) != 0 || outcome.fault != Fault::none) return;
      outcome.fault = Fault::missing;
      outcome.field = field.name;
    };
    (absent(kIndex, std::get<kIndex>(kObject.fields)), ...);
  }
  (std::make_index_sequence<kCount>{});
  return outcome;
}

}  // namespace icingest::json
