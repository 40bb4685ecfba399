#include "sim/sigv4.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "core/text.h"
#include "icingest/result.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kSha256 = 32;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string sha256(std::string_view text) {
  std::string out(kSha256, '\0');
  const int done = EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                              EVP_sha256(), nullptr);
  ICINGEST_CHECK(done == 1);
  return out;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string out(kSha256, '\0');
  unsigned int length = 0;
  const auto* const bytes = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                 reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                 reinterpret_cast<unsigned char*>(out.data()), &length);
  ICINGEST_CHECK(bytes != nullptr && length == kSha256);
  return out;
}

std::string header_of(const SignedRequest& request, std::string_view name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == request.headers.end() ? std::string() : std::string(text::trim(found->second));
}

// Parameters in order of name, each with its '='.
std::string canonical_query(std::string_view query) {
  std::vector<std::string> pairs;
  for (const std::string_view pair : text::split(query, '&')) {
    if (pair.empty()) continue;
    pairs.emplace_back(pair);
    if (pair.find('=') == std::string_view::npos) pairs.back() += '=';
  }
  std::sort(pairs.begin(), pairs.end());
  return text::join(pairs, "&");
}

std::string canonical_request(const SignedRequest& request, const Authorization& authorization) {
  std::string text =
      fmt::format("{}\n{}\n{}\n", request.method, request.path, canonical_query(request.query));
  for (const std::string_view name : text::split(authorization.signed_headers, ';')) {
    text += fmt::format("{}:{}\n", name, header_of(request, name));
  }
  const std::string payload = header_of(request, "x-amz-content-sha256");
  return text +
         fmt::format("\n{}\n{}", authorization.signed_headers, payload.empty() ? hex(sha256("")) : payload);
}

}  // namespace

std::optional<Authorization> parse_authorization(std::string_view header) {
  if (!header.starts_with(kAlgorithm)) return std::nullopt;
  Authorization authorization;
  for (const std::string_view item : text::split(header.substr(kAlgorithm.size()), ',')) {
    const std::string_view pair = text::trim(item);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(equals + 1);
    if (name == "SignedHeaders") authorization.signed_headers = value;
    if (name == "Signature") authorization.signature = value;
    if (name == "Credential") {
      const std::size_t slash = value.find('/');
      if (slash == std::string_view::npos) return std::nullopt;
      authorization.access_key = value.substr(0, slash);
      authorization.scope = value.substr(slash + 1);
    }
  }
  const bool whole = !authorization.access_key.empty() && !authorization.signature.empty() &&
                     text::split(authorization.scope, '/').size() == 4;
  return whole ? std::optional(std::move(authorization)) : std::nullopt;
}

std::string signature_of(const SignedRequest& request, const Authorization& authorization,
                         std::string_view secret) {
  std::string key = "AWS4" + std::string(secret);
  for (const std::string_view part : text::split(authorization.scope, '/')) key = hmac(key, part);
  return hex(
      hmac(key, fmt::format("{}\n{}\n{}\n{}", kAlgorithm, header_of(request, "x-amz-date"),
                            authorization.scope, hex(sha256(canonical_request(request, authorization))))));
}

}  // namespace icingest::sim
