#include <curl/curl.h>

#include <algorithm>
#include <string>

#include "core/text.h"
#include "fetch/http.h"

namespace icingest::fetch {

std::chrono::milliseconds parse_retry_after(std::string_view value,
                                            std::chrono::system_clock::time_point now) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);
  const std::string_view trimmed = text::trim(value);
  if (trimmed.empty()) return {};
  if (const auto seconds = text::parse_int(trimmed)) {
    return std::clamp<std::chrono::milliseconds>(std::chrono::seconds(std::min<std::int64_t>(*seconds, 3600)),
                                                 {}, kLongest);
  }
  const std::time_t until = curl_getdate(std::string(trimmed).c_str(), nullptr);
  if (until < 0) return {};
  const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::from_time_t(until) - now);
  return std::clamp(pause, std::chrono::milliseconds{0}, kLongest);
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view value) {
  const std::time_t at = curl_getdate(std::string(text::trim(value)).c_str(), nullptr);
  if (at < 0) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(at));
}

}  // namespace icingest::fetch
