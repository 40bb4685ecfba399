#include "sim/byte_ranges.h"

#include <fmt/format.h>

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

std::string http_date(Instant at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm utc{};
  std::string text(64, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &utc)));
  return text;
}

SimAnswer ranged(const SimRequest& request, std::shared_ptr<const ByteSource> bytes, const std::string& etag,
                 Instant modified, bool ignore_range) {
  const std::uint64_t size = bytes->size();
  const std::string date = http_date(modified);
  const std::string_view condition = header_of(request, "if-range");
  const bool current = condition.empty() || condition == etag || condition == date;
  const auto range = ignore_range || !current ? std::nullopt : parse_range(header_of(request, "range"), size);
  SimAnswer answer{.body = std::make_shared<const std::string>()};
  if (range && range->size == 0) {
    answer.status = 416;
    answer.content_type = "text/html";
    answer.headers = {{"Content-Range", fmt::format("bytes */{}", size)}};
    return answer;
  }
  answer.headers = {{"ETag", etag}, {"Last-Modified", date}, {"Accept-Ranges", "bytes"}};
  answer.stream = std::move(bytes);
  answer.stream_size = size;
  if (!range) return answer;
  answer.status = 206;
  answer.stream_from = range->from;
  answer.stream_size = range->size;
  answer.headers.emplace_back(
      "Content-Range", fmt::format("bytes {}-{}/{}", range->from, range->from + range->size - 1, size));
  return answer;
}

}  // namespace icingest::sim
