// faults.h: what goes wrong on purpose, how often, from a seed.
//
// Spec      "reset_body=0.05,http_503=0.02,latency=0.1:200ms;seed=7", or "all=0.05"; kinds are those of
//           kFaultNames. "replaced=1*2" happens twice at most
// Threads   one owner
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest::sim {

enum class FaultKind : std::uint8_t {
  latency,
  reset_before,      // connection reset instead of an answer
  reset_body,        // connection reset inside the body
  short_body,        // Content-Length promises more than comes
  drip,              // a few bytes at a time
  storm_429,         // this answer and the next few are 429
  retry_after,       // 429 with Retry-After in seconds
  retry_after_date,  // 429 with Retry-After as a date
  empty_429,         // 429 without a body
  http_500,
  http_502,
  http_503,
  http_504,
  html_200,        // 200 with somebody's web page
  malformed,       // JSON cut in the middle, lengths right
  trailing,        // bytes behind the JSON
  truncated_gzip,  // gzip stream without its end, lengths right
  wrong_type,      // right body, wrong Content-Type
  duplicate_rows,  // a row twice, the count left as it was
  empty_nonzero,   // count without results
  stale,           // an earlier answer of the same kind
  // Of the SEC alone.
  firewall,       // 403 of the edge that says nothing
  replaced,       // the zip has just been rebuilt: another ETag, another order
  range_ignored,  // 200 and the whole zip where a range was asked for
  corrupt,        // a byte in the middle is another
  count_
};

// What is asked for: not everything can go wrong with everything.
enum class FaultScope : std::uint8_t { massive, sec_text, sec_head, sec_bulk, sec_bulk_head };
[[nodiscard]] bool can_happen(FaultKind kind, FaultScope scope);

inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::count_);
inline constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "latency",   "reset_before",   "reset_body",       "short_body",     "drip",
    "storm_429", "retry_after",    "retry_after_date", "empty_429",      "http_500",
    "http_502",  "http_503",       "http_504",         "html_200",       "malformed",
    "trailing",  "truncated_gzip", "wrong_type",       "duplicate_rows", "empty_nonzero",
    "stale",     "firewall",       "replaced",         "range_ignored",  "corrupt"};

class Faults {
 public:
  [[nodiscard]] static Result<Faults> parse(std::string_view spec);

  // What goes wrong with the next answer, if anything.
  [[nodiscard]] std::optional<FaultKind> next(FaultScope scope = FaultScope::massive);
  [[nodiscard]] std::chrono::milliseconds latency() const { return latency_; }
  [[nodiscard]] std::uint64_t draw() { return random_(); }
  [[nodiscard]] const std::array<std::int64_t, kFaultKinds>& injected() const { return injected_; }

 private:
  std::array<double, kFaultKinds> chance_{};
  std::array<std::int64_t, kFaultKinds> most_{};  // 0: any number
  std::array<std::int64_t, kFaultKinds> injected_{};
  std::chrono::milliseconds latency_{200};
  std::mt19937_64 random_{1};
  int storm_left_ = 0;
};

}  // namespace icingest::sim
