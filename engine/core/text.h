// text.h: small text operations that several layers need.
//
// Threads   pure functions
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace icingest::text {

// RFC 3986: everything but unreserved characters becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
// Whether `text` contains `part`, letters compared without case.
[[nodiscard]] bool contains_ignoring_case(std::string_view text, std::string_view part);

// A whole number and nothing else.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text);
// "64M", "1G", "512k", "1048576": bytes, powers of 1024.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
// "250ms", "30s", "10m", "2h"; a bare number is seconds.
[[nodiscard]] std::optional<std::int64_t> parse_duration_ms(std::string_view text);

// 1234567 → "1,234,567".
[[nodiscard]] std::string grouped(std::int64_t value);
// 1536000 → "1.5 MB" (powers of 1000).
[[nodiscard]] std::string bytes(double value);
// Seconds as "8.4 s", "3 min 20 s", "2 h 05 min".
[[nodiscard]] std::string duration(double seconds);

// Bytes that are safe to show: control characters become '?', and no more than `limit` bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit);
// The longest prefix of at most `limit` bytes that does not cut a UTF-8 character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t limit);

// A JSON string literal, quotes included.
[[nodiscard]] std::string json_quote(std::string_view text);

}  // namespace icingest::text
