// copy_encoder.h: rows of one table → the tuples of a PostgreSQL binary COPY stream.
//
// Shape     in: a Row and its Table; out: one whole tuple appended to a Buffer, or nothing
// Units     bytes, big-endian; timestamps µs and dates days since 2000-01-01; NUMERIC in base-10000 groups,
//           the full scale written (trimming zero groups buys little and has corrupted data: arrow-adbc
//           #3485, #4507)
// Threads   free functions over the caller's buffers
// Lifetime  nothing is kept; string_views need to live for the call
// Errors    a Fault and the column's index; never throws, never allocates per field
// Source    postgresql.org/docs/15/sql-copy.html, "Binary Format"; src/backend/utils/adt/numeric.c (read
//           2026-11)
#pragma once

#include <array>
#include <bit>
#include <cstdlib>
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

inline constexpr std::uint64_t kGroup = 10'000;

// 10^0 … 10^18: those that fit 63 bits.
inline constexpr auto kSmallPowers = [] {
  std::array<std::int64_t, 19> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();
constexpr std::uint64_t small_power_of_ten(int exponent) {
  return static_cast<std::uint64_t>(kSmallPowers[static_cast<std::size_t>(exponent)]);
}

// The same for a scale known to the compiler, whose divisions are multiplications then.
template <int kScale>
char* put_small_numeric(char* at, std::uint64_t magnitude, bool negative) {
  constexpr int kFraction = (kScale + 3) / 4;  // groups behind the point
  constexpr std::uint64_t kPadding = small_power_of_ten(kFraction * 4 - kScale);
  std::uint64_t whole = magnitude / small_power_of_ten(kScale);
  std::uint64_t fraction = magnitude % small_power_of_ten(kScale) * kPadding;
  int whole_groups = 0;
  for (std::uint64_t rest = whole; rest != 0; rest /= kGroup) ++whole_groups;
  const int groups = magnitude == 0 ? 0 : whole_groups + kFraction;
  at = put<std::int32_t>(at, 8 + 2 * groups);
  at = put<std::int16_t>(at, static_cast<std::int16_t>(groups));
  at = put<std::int16_t>(at, static_cast<std::int16_t>(magnitude == 0 ? 0 : whole_groups - 1));
  at = put<std::uint16_t>(at, negative ? 0x4000 : 0);
  at = put<std::int16_t>(at, kScale);
  char* const end = at + 2 * groups;
  if (magnitude == 0) return end;
  char* back = end;
  const auto put_back = [&](std::uint64_t& value) {
    back -= 2;
    put<std::uint16_t>(back, static_cast<std::uint16_t>(value % kGroup));
    value /= kGroup;
  };
  for (int i = 0; i < kFraction; ++i) put_back(fraction);
  while (back != at) put_back(whole);
  return end;
}

// The mantissa at `kScale` where both it and the value fit 64 bits, which is nearly always; false: take the long way.
template <int kScale>
bool small_at_scale(const Decimal& value, std::int64_t& out, bool& rounded) {
  const auto mantissa = static_cast<std::int64_t>(value.mantissa());
  if (mantissa != value.mantissa() || value.scale() > 18) return false;
  if (value.scale() <= kScale) {
    return !__builtin_mul_overflow(mantissa, kSmallPowers[static_cast<std::size_t>(kScale - value.scale())],
                                   &out);
  }
  const std::int64_t divisor = kSmallPowers[static_cast<std::size_t>(value.scale() - kScale)];
  const std::int64_t rest = mantissa % divisor;
  out = mantissa / divisor;
  if (rest == 0) return true;
  rounded = true;
  const std::int64_t missing = divisor - std::abs(rest);
  if (std::abs(rest) > missing || (std::abs(rest) == missing && out % 2 != 0)) out += mantissa < 0 ? -1 : 1;
  return true;
}

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
template <ColumnType kType>
char* put_value(char* at, bool value, Encoded&) {
  at = put<std::int32_t>(at, 1);
  *at = value ? 1 : 0;
  return at + 1;
}
template <ColumnType kType>
char* put_value(char* at, Instant value, Encoded& out) {
  const std::int64_t microseconds = (value - kPgEpoch).count();
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(microseconds));
  return put<std::int64_t>(put<std::int32_t>(at, 8), microseconds);
}
template <ColumnType kType>
char* put_value(char* at, Date value, Encoded& out) {
  const auto days =
      static_cast<std::int32_t>((value - std::chrono::floor<std::chrono::days>(kPgEpoch)).count());
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(days));
  return put<std::int32_t>(put<std::int32_t>(at, 4), days);
}
template <ColumnType kType>
char* put_value(char* at, std::int64_t value, Encoded& out) {
  out.key_hash = mix(out.key_hash, static_cast<std::uint64_t>(value));
  if constexpr (kType.type == PgType::int8) return put<std::int64_t>(put<std::int32_t>(at, 8), value);
  if (value != static_cast<std::int32_t>(value)) {
    out.fault = Fault::out_of_range;
    return at;
  }
  return put<std::int32_t>(put<std::int32_t>(at, 4), static_cast<std::int32_t>(value));
}
template <ColumnType kType>
char* put_value(char* at, std::string_view value, Encoded& out) {
  constexpr auto kLength = static_cast<std::size_t>(kType.length);
  if (kLength != 0 && value.size() > kLength && characters(value) > kLength) {
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
template <ColumnType kType>
char* put_value(char* at, const Decimal& value, Encoded& out) {
  if constexpr (kType.type == PgType::numeric && kType.precision == 0) {
    return put_numeric(at, value.mantissa(), value.scale());
  } else {
    bool rounded = false;
    // What fits 64 bits fits every numeric of 19 digits and more.
    if constexpr (kType.scale <= 15 && (kType.type == PgType::int8 || kType.precision >= 19)) {
      std::int64_t small = 0;
      if (small_at_scale<kType.scale>(value, small, rounded)) {
        out.rounded += rounded ? 1 : 0;
        if constexpr (kType.type == PgType::int8) return put<std::int64_t>(put<std::int32_t>(at, 8), small);
        const auto magnitude =
            small < 0 ? -static_cast<std::uint64_t>(small) : static_cast<std::uint64_t>(small);
        return put_small_numeric<kType.scale>(at, magnitude, small < 0);
      }
      rounded = false;
    }
    Int128 mantissa = 0;
    out.fault = value.at_scale(kType.scale, mantissa, rounded);
    if (out.fault != Fault::none) return at;
    out.rounded += rounded ? 1 : 0;
    const Int128 limit = power_of_ten(kType.type == PgType::int8 ? 38 : kType.precision);
    const bool too_large = mantissa >= limit || mantissa <= -limit ||
                           (kType.type == PgType::int8 && mantissa != static_cast<std::int64_t>(mantissa));
    if (too_large) {
      out.fault = Fault::out_of_range;
      return at;
    }
    if constexpr (kType.type == PgType::int8)
      return put<std::int64_t>(put<std::int32_t>(at, 8), static_cast<std::int64_t>(mantissa));
    else return put_numeric(at, mantissa, kType.scale);
  }
}
template <ColumnType kType, class T>
char* put_value(char* at, const std::optional<T>& value, Encoded& out) {
  return value ? put_value<kType>(at, *value, out) : put_null(at);
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
inline std::size_t text_size(const std::optional<std::string_view>& value) {
  return value ? value->size() : 0;
}
template <class T>
std::size_t text_size(const T&) {
  return 0;
}

}  // namespace detail

// Appends `row` as one tuple. On a fault the buffer is as it was. `on_key` is told the hash of a whole row's key before the
// digest is computed: who looks the key up next has that long to fetch it.
template <const auto& kTable, class OnKey = void (*)(std::uint64_t)>
Encoded encode_row(
    const typename std::remove_cvref_t<decltype(kTable)>::Row& row, Buffer& out,
    OnKey on_key = [](std::uint64_t) {}) {
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
    static_assert(detail::fills<Value>(column.info.type.type),
                  "the member cannot fill a column of this type");
    const std::uint64_t key_hash = encoded.key_hash;
    at = detail::put_value<column.info.type>(at, value_of(column), encoded);
    if constexpr (!column.info.key) encoded.key_hash = key_hash;
    if (encoded.fault != Fault::none) encoded.column = kIndex;
    return encoded.fault == Fault::none;
  };
  const bool whole = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (put_column.template operator()<kIndex>() && ...);
  }
  (std::make_index_sequence<TableT::kColumns>{});
  if (!whole) return encoded;

  encoded.size = static_cast<std::size_t>(at - begin);
  on_key(encoded.key_hash);
  encoded.digest = digest_of(begin + 2, encoded.size - 2);
  if (kTable.bucket != nullptr) encoded.bucket = kTable.bucket(row);
  out.commit(encoded.size);
  return encoded;
}

}  // namespace icingest::copy
