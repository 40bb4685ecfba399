#include "sim/byte_ranges.h"

#include <algorithm>
#include <ctime>

#include "core/text.h"

namespace icingest::sim {

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit) || header.find(',') != std::string_view::npos) return std::nullopt;
  const std::string_view range = text::trim(header.substr(kUnit.size()));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    const auto value = text::parse_int(digits);
    return value && *value >= 0 ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
  };
  const std::string_view before = range.substr(0, dash);
  const std::string_view behind = range.substr(dash + 1);
  if (before.empty()) {
    const auto last = number(behind);
    if (!last) return std::nullopt;
    const std::uint64_t count = std::min(*last, size);
    return ByteRange{size - count, count};
  }
  const auto from = number(before);
  const auto to = behind.empty() ? std::optional(size - 1) : number(behind);
  if (!from || !to || *to < *from) return from && *from >= size ? std::optional(ByteRange{}) : std::nullopt;
  if (*from >= size) return ByteRange{};
  return ByteRange{*from, std::min(*to, size - 1) - *from + 1};
}

std::string http_date(std::chrono::sys_time<std::chrono::microseconds> at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm utc{};
  std::string text(64, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &utc)));
  return text;
}

}  // namespace icingest::sim
