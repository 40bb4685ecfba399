// source.h: a provider: where it is, how it is addressed, what it tolerates, and what its answers mean.
//
// Threads   constants once a run has begun
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/result.h"

namespace icingest {

// At most `permits` requests in any window of that length.
struct RateLimit {
  int permits = 1;
  std::chrono::microseconds window = std::chrono::seconds{1};
  bool paced = false;     // spread over the window, because the source punishes bursts
  bool advisory = false;  // the source's advice, not its law: adapt to 429 by halving, recover by steps

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// What an answer means to the unit that asked.
enum class Verdict : std::uint8_t {
  success,      // decode it
  unchanged,    // still what its ETag says was read before
  empty,        // the source says there is nothing
  unavailable,  // the plan does not cover it
  retry,        // ask again later
  throttled,    // ask again later, and everybody slower
  blocked,      // the source refuses everybody for its penalty; whoever goes on asking makes it longer
  suspect,      // it may have begun to: once more after a tenth of the penalty, then it counts as blocked
  fail_unit,    // this unit cannot be had
  stop_source,  // nothing can be had: key, entitlement
};

struct Judgement {
  Verdict verdict = Verdict::success;
  std::string_view reason;  // a stable word for ledger and metrics: "http_500", "plan_timeframe"
  std::string message{};    // the provider's own words, when it gave any
};

// An answer as the judge sees it. `body` is inflated and cut at 16 KiB.
struct AnswerHead {
  long http_status = 0;
  std::string_view content_type;
  std::string_view body;
};

// A bucket of an S3 store. Its requests are signed (AWS Signature Version 4) with an access key, which
// credential_env names, and a secret, which never leaves the process.
struct ObjectStore {
  std::string_view bucket;                   // default
  std::vector<std::string_view> bucket_env;  // variables that replace it
  std::string_view region = "us-east-1";     // part of the signature
  std::vector<std::string_view> region_env;  // variables that replace it
  std::vector<std::string_view> secret_env;  // variables that may hold the secret
};

// Another host of the same provider. Its requests count against the provider's one limit.
struct SourceHost {
  std::string_view path_prefix;                // of the paths that are asked there: "/Archives/"
  std::string_view base_url;                   // default
  std::vector<std::string_view> base_url_env;  // variables that replace it
};

struct Source {
  std::string_view name;                         // "massive"
  std::string_view base_url;                     // default
  std::vector<std::string_view> base_url_env;    // variables that replace it
  std::vector<std::string_view> credential_env;  // variables that may hold the key; empty: none needed
  RateLimit limit;                               // documented default
  int in_flight = 32;                            // requests under way at once
  bool http2 = false;                            // use HTTP/2 over TLS
  // hosts a next page may name; it is asked of the base anyway
  std::vector<std::string_view> page_hosts;
  Judgement (*judge)(const AnswerHead&) = nullptr;  // for every status but 200
  std::optional<ObjectStore> store{};               // its paths are keys of this bucket
  std::vector<SourceHost> hosts{};                  // beside the base; all other paths are the base's
  // Variables that hold the User-Agent, where the source wants to know who asks and how to reach them.
  std::vector<std::string_view> contact_env{};
  std::chrono::seconds penalty{0};  // how long a source that blocks is left alone
};

}  // namespace icingest
