// tuple_bytes.h: the fields of a binary COPY tuple, where they stand.
//
// Shape     a tuple is int16 fields, then per field int32 length (-1: null) and that many bytes, big-endian
// Threads   pure functions
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace icingest::load {

template <class T>
T get_big_endian(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  else return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
}

// Bytes of a whole tuple.
inline std::size_t tuple_size(const char* tuple) {
  std::size_t size = 2;
  for (int left = get_big_endian<std::int16_t>(tuple); left > 0; --left) {
    size += 4 + static_cast<std::size_t>(std::max(get_big_endian<std::int32_t>(tuple + size), 0));
  }
  return size;
}

// The bytes of one field; none for null.
inline std::string_view field_of(const char* tuple, std::size_t field) {
  const char* at = tuple + 2;
  for (; field > 0; --field) at += 4 + std::max(get_big_endian<std::int32_t>(at), 0);
  return {at + 4, static_cast<std::size_t>(std::max(get_big_endian<std::int32_t>(at), 0))};
}

}  // namespace icingest::load
