// kube_api.h: reading from the Kubernetes API as the pod's service account.
//
// Threads   one owner
// Errors    later: the API is away; person: it refuses (401, 403), with the verb and resource that a Role must grant
// Source    kubernetes.io/docs/tasks/run-application/access-api-from-pod (read 2026-11)
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "icingest/result.h"

namespace icingest::doctor {

struct ClusterAccess {
  std::string url;  // https://10.0.0.1:443
  std::string ca_file;
  std::string token;
  std::string pod_namespace;
};

inline constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

// Nothing outside a cluster, or in a pod without a service account's token.
[[nodiscard]] std::optional<ClusterAccess> find_cluster(
    const std::filesystem::path& account = kServiceAccount);

class KubeApi {
 public:
  explicit KubeApi(ClusterAccess access) : access_(std::move(access)) {}

  // The JSON object at that path; nothing when there is none (404).
  [[nodiscard]] Result<std::optional<std::string>> get(const std::string& path) const;
  [[nodiscard]] const std::string& pod_namespace() const { return access_.pod_namespace; }

 private:
  ClusterAccess access_;
};

}  // namespace icingest::doctor
