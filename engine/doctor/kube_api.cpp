#include "doctor/kube_api.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "core/secret.h"
#include "core/text.h"

namespace icingest::doctor {
namespace {

constexpr long kPatienceSeconds = 5;
constexpr std::size_t kMostBytes = std::size_t{8} << 20;

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return std::string(text::trim(text.str()));
}

std::size_t append(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kMostBytes) return 0;
  body.append(bytes, size * count);
  return size * count;
}

struct Free {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

std::optional<ClusterAccess> find_cluster(const std::filesystem::path& account) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || *host == '\0') return std::nullopt;
  const std::string name =
      std::string_view(host).find(':') == std::string_view::npos ? host : fmt::format("[{}]", host);
  ClusterAccess access{.url = fmt::format("https://{}:{}", name, port != nullptr ? port : "443"),
                       .ca_file = account / "ca.crt",
                       .token = read_file(account / "token"),
                       .pod_namespace = read_file(account / "namespace")};
  if (access.token.empty() || access.pod_namespace.empty()) return std::nullopt;
  register_secret(access.token);
  return access;
}

Result<std::optional<std::string>> KubeApi::get(const std::string& path) const {
  const std::unique_ptr<CURL, Free> easy(curl_easy_init());
  std::unique_ptr<curl_slist, Free> headers(
      curl_slist_append(nullptr, ("Authorization: Bearer " + access_.token).c_str()));
  curl_slist_append(headers.get(), "Accept: application/json");
  std::string body;
  const std::string url = access_.url + path;
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");  // the API is in the cluster
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, kPatienceSeconds);
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy.get(), CURLOPT_CAINFO, access_.ca_file.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  if (const CURLcode code = curl_easy_perform(easy.get()); code != CURLE_OK) {
    return later_error(
        fmt::format("the Kubernetes API at {} does not answer: {}", access_.url, curl_easy_strerror(code)),
        "check the NetworkPolicy of this pod and the API server");
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return body;
  if (status == 404) return std::optional<std::string>();
  if (status == 401 || status == 403) {
    return person_error(
        fmt::format("the Kubernetes API refuses GET {} (HTTP {})", path.substr(0, path.find('?')), status),
        "bind a Role that may get services and persistentvolumeclaims and list pods to this pod's "
        "service account");
  }
  return later_error(fmt::format("the Kubernetes API answers GET {} with HTTP {}", path, status));
}

}  // namespace icingest::doctor
