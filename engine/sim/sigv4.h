// sigv4.h: AWS Signature Version 4, computed anew to check what a client has signed.
//
// Threads   pure functions
// Source    docs.aws.amazon.com, "Signature Version 4 signing process" (read 2026-11); its published examples
// are the
//           tests
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace icingest::sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

// What is signed of a request.
struct SignedRequest {
  std::string method = "GET";
  std::string path;   // as sent, percent-encoded
  std::string query;  // as sent, without '?'
  Headers headers;    // names in lower case
};

// The header "AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b,
// Signature=…".
struct Authorization {
  std::string access_key;
  std::string scope;  // DATE/REGION/SERVICE/aws4_request
  std::string signed_headers;
  std::string signature;
};
[[nodiscard]] std::optional<Authorization> parse_authorization(std::string_view header);

// The signature this request should carry: 64 hexadecimal digits.
[[nodiscard]] std::string signature_of(const SignedRequest& request, const Authorization& authorization,
                                       std::string_view secret);

}  // namespace icingest::sim
