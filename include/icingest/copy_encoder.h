// copy_encoder.h: rows of one table → the tuples of a PostgreSQL binary COPY stream.
//
// Shape     in: a Row and its Table; out: one whole tuple appended to a Buffer, or nothing
// Units     bytes, big-endian; timestamps µs and dates days since 2000-01-01; NUMERIC in base-10000 groups, the full
//           scale written (trimming zero groups buys little and has corrupted data: arrow-adbc #3485, #4507)
// Threads   free functions over the caller's buffers
// Lifetime  nothing is kept; string_views need to live for the call
// Errors    a Fault and the column's index; never throws, never allocates per field
// Source    postgresql.org/docs/15/sql-copy.html, "Binary Format"; src/backend/utils/adt/numeric.c (read 2026-11)
#pragma once

#include <bit>
#include <cstring>
#include <string_view>
#include <tuple>

#include "icingest/batch.h"
#include "icingest/table.h"

namespace icingest::copy {

// The stream's first bytes: signature, flags, header extension; and the trailer that ends it.
inline constexpr std::string_view kHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
inline constexpr std::string_view kTrailer{"\377\377", 2};

// 2000-01-01 in the units of time.h.
inline constexpr Instant kPgEpoch{std::chrono::microseconds{946'684'800'000'000}};

namespace detail {

template <class T>
inline char* put(char* at, T value) {
  static_assert(std::endian::native == std::endian::little);
  if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  std::memcpy(at, &value, sizeof(T));
  return at + sizeof(T);
}

inline char* put_null(char* at) { return put<std::int32_t>(at, -1); }

// The most bytes a NUMERIC field can take: length, four int16, twenty groups.
inline constexpr std::size_t kNumericMax = 4 + 8 + 2 * 20;

// Appends mantissa * 10^-scale as a NUMERIC field.
//   1234.5 at scale 6 (mantissa 1234500000) → ndigits 3, weight 0, sign 0, dscale 6, groups 1234 5000 0000
[[nodiscard]] char* put_numeric(char* at, Int128 mantissa, int scale);

inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  const auto product = static_cast<Uint128>(hash ^ value) * 0x9E3779B97F4A7C15ull;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
[[nodiscard]] std::uint64_t hash_text(std::string_view text);

// Characters in valid UTF-8.
[[nodiscard]] std::size_t characters(std::string_view utf8);

}  // namespace detail

// What encoding a row told besides its bytes.
struct Encoded {
  Fault fault = Fault::none;
  std::size_t column = 0;  // of the fault
  int rounded = 0;         // values that lost digits to their column's scale
  std::uint64_t key_hash = 0;
  std::int64_t bucket = 0;
  Digest digest;
  std::size_t size = 0;  // bytes of the tuple
};

namespace detail {

// Appends one non-null value; `out` gets fault, rounding and, for key columns, the hash.
inline char* put_value(char* at, bool value, const ColumnType&, Encoded&) {
  at = put<std::int32_t>(at, 1);
  *at = value ? 1 : 0;
  return at + 1;
}
inline char* put_value(char* at, Instant value, const ColumnType&, Encoded& out) {
  const std::int64_t microseconds = (value - kPgEpoch).count();
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(microseconds));
  return put<std::int64_t>(put<std::int32_t>(at, 8), microseconds);
}
inline char* put_value(char* at, Date value, const ColumnType&, Encoded& out) {
  const auto days = static_cast<std::int32_t>((value - std::chrono::floor<std::chrono::days>(kPgEpoch)).count());
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(days));
  return put<std::int32_t>(put<std::int32_t>(at, 4), days);
}
inline char* put_value(char* at, std::int64_t value, const ColumnType& type, Encoded& out) {
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(value));
  if (type.type == PgType::int8) return put<std::int64_t>(put<std::int32_t>(at, 8), value);
  if (value != static_cast<std::int32_t>(value)) {
    out.fault = Fault::out_of_range;
    return at;
  }
  return put<std::int32_t>(put<std::int32_t>(at, 4), static_cast<std::int32_t>(value));
}
inline char* put_value(char* at, std::string_view value, const ColumnType& type, Encoded& out) {
  if (type.length != 0 && value.size() > static_cast<std::size_t>(type.length) &&
      characters(value) > static_cast<std::size_t>(type.length)) {
    out.fault = Fault::too_long;
    return at;
  }
  if (!value.empty() && std::memchr(value.data(), 0, value.size()) != nullptr) {
    out.fault = Fault::nul_in_text;
    return at;
  }
  out.key_hash = mix(out.key_hash, hash_text(value));
  at = put<std::int32_t>(at, static_cast<std::int32_t>(value.size()));
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  return at + value.size();
}
// A Decimal goes to numeric(p,s), to numeric without modifiers, or, rounded, to int8.
inline char* put_value(char* at, const Decimal& value, const ColumnType& type, Encoded& out) {
  if (type.type == PgType::numeric && type.precision == 0) {
    return put_numeric(at, value.mantissa(), value.scale());
  }
  bool rounded = false;
  Int128 mantissa = 0;
  out.fault = value.at_scale(type.scale, mantissa, rounded);
  if (out.fault != Fault::none) return at;
  out.rounded += rounded ? 1 : 0;
  if (type.type == PgType::int8) {
    if (mantissa != static_cast<std::int64_t>(mantissa)) {
      out.fault = Fault::out_of_range;
      return at;
    }
    return put<std::int64_t>(put<std::int32_t>(at, 8), static_cast<std::int64_t>(mantissa));
  }
  const Int128 limit = power_of_ten(type.precision);
  if (mantissa >= limit || mantissa <= -limit) {
    out.fault = Fault::out_of_range;
    return at;
  }
  return put_numeric(at, mantissa, type.scale);
}
template <class T>
inline char* put_value(char* at, const std::optional<T>& value, const ColumnType& type, Encoded& out) {
  return value ? put_value(at, *value, type, out) : put_null(at);
}

template <class Member>
constexpr bool fills(PgType type) {
  if constexpr (kIsOptional<Member>) return fills<typename Member::value_type>(type);
  if constexpr (std::is_same_v<Member, bool>) return type == PgType::boolean;
  if constexpr (std::is_same_v<Member, Instant>) return type == PgType::timestamptz;
  if constexpr (std::is_same_v<Member, Date>) return type == PgType::date;
  if constexpr (std::is_same_v<Member, std::int64_t>) return type == PgType::int4 || type == PgType::int8;
  if constexpr (std::is_same_v<Member, Decimal>) return type == PgType::numeric || type == PgType::int8;
  if constexpr (std::is_same_v<Member, std::string_view>) {
    return type == PgType::text || type == PgType::varchar;
  }
  return false;
}

inline std::size_t text_size(std::string_view value) { return value.size(); }
inline std::size_t text_size(const std::optional<std::string_view>& value) { return value ? value->size() : 0; }
template <class T>
std::size_t text_size(const T&) {
  return 0;
}

}  // namespace detail

// Appends `row` as one tuple. On a fault the buffer is as it was.
template <const auto& kTable>
Encoded encode_row(const typename std::remove_cvref_t<decltype(kTable)>::Row& row, Buffer& out) {
  using TableT = std::remove_cvref_t<decltype(kTable)>;
  Encoded encoded;
  const auto value_of = [&row](const auto& column) -> decltype(auto) {
    if constexpr (requires { column.member; }) return (row.*column.member);
    else return (column.value);
  };
  std::size_t text_bytes = 0;
  std::apply([&](const auto&... column) { ((text_bytes += detail::text_size(value_of(column))), ...); },
             kTable.columns);
  char* const begin = out.reserve(2 + text_bytes + TableT::kColumns * detail::kNumericMax);
  char* at = detail::put<std::int16_t>(begin, static_cast<std::int16_t>(TableT::kColumns));

  const auto put_column = [&]<std::size_t kIndex>() {
    constexpr auto& column = std::get<kIndex>(kTable.columns);
    using Value = std::remove_cvref_t<decltype(value_of(column))>;
    static_assert(detail::fills<Value>(column.info.type.type), "the member cannot fill a column of this type");
    const std::uint64_t key_hash = encoded.key_hash;
    at = detail::put_value(at, value_of(column), column.info.type, encoded);
    if constexpr (!column.info.key) encoded.key_hash = key_hash;
    if (encoded.fault != Fault::none) encoded.column = kIndex;
    return encoded.fault == Fault::none;
  };
  const bool whole = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (put_column.template operator()<kIndex>() && ...);
  }(std::make_index_sequence<TableT::kColumns>{});
  if (!whole) return encoded;

  encoded.size = static_cast<std::size_t>(at - begin);
  encoded.digest = digest_of(begin + 2, encoded.size - 2);
  if (kTable.bucket != nullptr) encoded.bucket = kTable.bucket(row);
  out.commit(encoded.size);
  return encoded;
}

}  // namespace icingest::copy
