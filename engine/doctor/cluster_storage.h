// cluster_storage.h: what a database that runs as a pod of this cluster stores its data on.
//
// From the Service named by the database's host to its pods, to the volume that holds the data directory, to the claim
// behind it. A claim that is not bound, an emptyDir, or no volume at all is how a database is lost with its pod.
//
// Threads   one owner
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/finding.h"
#include "doctor/kube_api.h"

namespace icingest::doctor {

struct ClusterStorage {
  std::vector<Finding> findings;
  std::optional<std::int64_t> capacity_bytes;  // of the claim that holds the data
};

// `host` as in DB_HOST: "postgres", "postgres.NAMESPACE", "postgres.NAMESPACE.svc…". `data_directory` as the server says,
// or empty when it does not.
[[nodiscard]] ClusterStorage look_at_storage(const KubeApi& api, const std::string& host,
                                             const std::string& data_directory);

// "10Gi", "500M", "1048576", "1e9" → bytes.
[[nodiscard]] std::optional<std::int64_t> parse_quantity(std::string_view text);

}  // namespace icingest::doctor
