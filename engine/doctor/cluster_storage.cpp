#include "doctor/cluster_storage.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "core/text.h"

namespace icingest::doctor {
namespace {

namespace dom = simdjson::dom;
constexpr const char* kCheck = "storage";
constexpr const char* kDefaultDataDirectory = "/var/lib/postgresql/data";

std::string text_of(dom::element element, std::string_view pointer) {
  std::string_view text;
  return element.at_pointer(pointer).get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::vector<dom::element> array_of(dom::element element, std::string_view pointer) {
  std::vector<dom::element> found;
  dom::array array;
  if (element.at_pointer(pointer).get(array) != simdjson::SUCCESS) return found;
  for (const dom::element one : array) found.push_back(one);
  return found;
}

bool has(dom::element element, std::string_view key) { return element[key].error() == simdjson::SUCCESS; }

// Whether `path` is `mount` or lies below it.
bool is_below(std::string_view path, std::string_view mount) {
  while (mount.size() > 1 && mount.ends_with('/')) mount.remove_suffix(1);
  return path == mount || mount == "/" || (path.starts_with(mount) && path[mount.size()] == '/');
}

// Where a container keeps its data, as its own environment says.
std::string data_directory_of(dom::element container) {
  for (const dom::element variable : array_of(container, "/env")) {
    if (text_of(variable, "/name") != "PGDATA") continue;
    if (const std::string value = text_of(variable, "/value"); !value.empty()) return value;
  }
  return kDefaultDataDirectory;
}

// The name of the volume that holds the data directory: that of the longest mount above it.
std::string data_volume(dom::element pod, const std::string& data_directory) {
  std::string volume;
  std::size_t longest = 0;
  for (const dom::element container : array_of(pod, "/spec/containers")) {
    const std::string directory = data_directory.empty() ? data_directory_of(container) : data_directory;
    for (const dom::element mount : array_of(container, "/volumeMounts")) {
      const std::string path = text_of(mount, "/mountPath");
      if (path.size() < longest || !is_below(directory, path)) continue;
      longest = path.size();
      volume = text_of(mount, "/name");
    }
  }
  return volume;
}

class Search {
 public:
  Search(const KubeApi& api, std::string ns, std::string data_directory)
      : api_(api), namespace_(std::move(ns)), data_directory_(std::move(data_directory)) {}

  Result<void> look(const std::string& service);
  ClusterStorage take() { return std::move(found_); }

 private:
  void add(Finding finding) { found_.findings.push_back(std::move(finding)); }
  Result<std::optional<dom::element>> get(dom::parser& parser, const std::string& path) const;
  Result<void> look_at_pod(dom::element pod);
  Result<void> look_at_claim(const std::string& pod, const std::string& claim);
  void look_at_class(const std::string& claim, const std::string& name);

  const KubeApi& api_;
  std::string namespace_;
  std::string data_directory_;
  ClusterStorage found_;
};

Result<std::optional<dom::element>> Search::get(dom::parser& parser, const std::string& path) const {
  ICINGEST_TRY_LET(const std::optional<std::string> body, api_.get(path));
  if (!body) return std::optional<dom::element>();
  dom::element element;
  if (parser.parse(*body).get(element) != simdjson::SUCCESS)
    return later_error(
        fmt::format("the Kubernetes API answers GET {} with something that is not JSON", path));
  return std::optional(element);
}

Result<void> Search::look(const std::string& service) {
  dom::parser parser;
  const std::string base = fmt::format("/api/v1/namespaces/{}", namespace_);
  ICINGEST_TRY_LET(const auto found, get(parser, fmt::format("{}/services/{}", base, service)));
  if (!found) {
    add(unknown(
        kCheck, fmt::format("{} is no Service of namespace {}", service, namespace_),
        "the database runs outside of this cluster: check there that its storage outlives its machine"));
    return {};
  }
  std::string selector;
  dom::object labels;
  if (found->at_pointer("/spec/selector").get(labels) == simdjson::SUCCESS) {
    for (const auto& [key, value] : labels) {
      std::string_view text;
      if (value.get(text) == simdjson::SUCCESS)
        selector += fmt::format("{}{}={}", selector.empty() ? "" : ",", key, text);
    }
  }
  if (selector.empty()) {
    add(unknown(kCheck,
                fmt::format("Service {} has no selector: its database is outside of this cluster", service),
                "check there that its storage outlives its machine"));
    return {};
  }
  dom::parser pods_parser;
  ICINGEST_TRY_LET(const auto pods, get(pods_parser, fmt::format("{}/pods?labelSelector={}", base,
                                                                 text::percent_encode(selector))));
  if (!pods || array_of(*pods, "/items").empty()) {
    add(failure(kCheck, fmt::format("no pod stands behind Service {} ({})", service, selector),
                "look at its StatefulSet or Deployment: kubectl describe", ExitCode::later));
    return {};
  }
  for (const dom::element pod : array_of(*pods, "/items")) ICINGEST_TRY(look_at_pod(pod));
  return {};
}

Result<void> Search::look_at_pod(dom::element pod) {
  const std::string name = text_of(pod, "/metadata/name");
  const std::string volume_name = data_volume(pod, data_directory_);
  const std::string use_a_claim =
      "give the pod a persistentVolumeClaim there before anything is loaded: what is in it now goes with the pod";
  for (const dom::element volume : array_of(pod, "/spec/volumes")) {
    if (volume_name.empty() || text_of(volume, "/name") != volume_name) continue;
    if (const std::string claim = text_of(volume, "/persistentVolumeClaim/claimName"); !claim.empty())
      return look_at_claim(name, claim);
    if (has(volume, "emptyDir")) {
      add(failure(kCheck,
                  fmt::format("pod {} keeps the database on an emptyDir (volume {})", name, volume_name),
                  use_a_claim));
    } else if (has(volume, "hostPath")) {
      add(warning(kCheck, fmt::format("pod {} keeps the database on its node's own disk (hostPath)", name),
                  "a lost node is a lost database: use a persistentVolumeClaim"));
    } else {
      add(failure(kCheck,
                  fmt::format("pod {} keeps the database on volume {}, which is no claim", name, volume_name),
                  use_a_claim));
    }
    return {};
  }
  add(failure(
      kCheck,
      fmt::format(
          "pod {} mounts no volume at its data directory: the database is in the container's own layer",
          name),
      use_a_claim));
  return {};
}

Result<void> Search::look_at_claim(const std::string& pod, const std::string& claim) {
  dom::parser parser;
  ICINGEST_TRY_LET(
      const auto found,
      get(parser, fmt::format("/api/v1/namespaces/{}/persistentvolumeclaims/{}", namespace_, claim)));
  if (!found) {
    add(failure(kCheck, fmt::format("pod {} wants claim {}, which does not exist", pod, claim), "create it"));
    return {};
  }
  const std::string phase = text_of(*found, "/status/phase");
  const std::string storage_class = text_of(*found, "/spec/storageClassName");
  if (phase != "Bound") {
    add(failure(
        kCheck, fmt::format("claim {} is {}, not Bound", claim, phase.empty() ? "without a phase" : phase),
        fmt::format(
            "kubectl describe pvc {} -n {}; for class {}: is the CSI driver installed, and does its role "
            "have AmazonEBSCSIDriverPolicy?",
            claim, namespace_, storage_class.empty() ? "(default)" : storage_class)));
    return {};
  }
  const std::string capacity = text_of(*found, "/status/capacity/storage");
  found_.capacity_bytes = parse_quantity(capacity);
  add(ok(kCheck, fmt::format("claim {} of pod {} is Bound: {}, class {}", claim, pod,
                             capacity.empty() ? "size unknown" : capacity,
                             storage_class.empty() ? "(none)" : storage_class)));
  if (!storage_class.empty()) look_at_class(claim, storage_class);
  return {};
}

// Needs a right on the whole cluster, which is good to have and not worth a complaint.
void Search::look_at_class(const std::string& claim, const std::string& name) {
  dom::parser parser;
  const auto found = get(parser, fmt::format("/apis/storage.k8s.io/v1/storageclasses/{}", name));
  if (!found || !*found) return;
  if (text_of(**found, "/reclaimPolicy") == "Delete") {
    add(warning(kCheck, fmt::format("class {} deletes the volume when claim {} is deleted", name, claim),
                "use a class with reclaimPolicy Retain, or patch the volume"));
  }
  if (text_of(**found, "/provisioner") == "ebs.csi.aws.com" &&
      text_of(**found, "/parameters/encrypted") != "true")
    add(warning(kCheck, fmt::format("class {} does not encrypt its volumes", name),
                "set parameters.encrypted to \"true\""));
}

}  // namespace

std::optional<std::int64_t> parse_quantity(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double number = std::strtod(copy.c_str(), &end);
  if (end == copy.c_str() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view suffix = end;
  constexpr std::array<std::pair<std::string_view, double>, 11> kSuffixes = {{{"", 1},
                                                                              {"k", 1e3},
                                                                              {"M", 1e6},
                                                                              {"G", 1e9},
                                                                              {"T", 1e12},
                                                                              {"P", 1e15},
                                                                              {"Ki", 1024.0},
                                                                              {"Mi", 1048576.0},
                                                                              {"Gi", 1073741824.0},
                                                                              {"Ti", 1099511627776.0},
                                                                              {"Pi", 1125899906842624.0}}};
  for (const auto& [name, factor] : kSuffixes) {
    if (suffix == name && number * factor < 9e18) return static_cast<std::int64_t>(number * factor);
  }
  return std::nullopt;
}

ClusterStorage look_at_storage(const KubeApi& api, const std::string& host,
                               const std::string& data_directory) {
  const std::vector<std::string_view> parts = text::split(host, '.');
  const bool is_service = !host.empty() && !host.starts_with('/') &&
                          host.find_first_not_of("0123456789.:") != std::string::npos &&
                          (parts.size() <= 2 || parts[2] == "svc");
  if (!is_service) {
    ClusterStorage none;
    none.findings.push_back(
        unknown(kCheck, fmt::format("{} is no Service of this cluster", host),
                "check at the database that its storage outlives its machine, and its backups"));
    return none;
  }
  Search search(api, parts.size() > 1 ? std::string(parts[1]) : api.pod_namespace(), data_directory);
  const Result<void> looked = search.look(std::string(parts[0]));
  ClusterStorage found = search.take();
  if (!looked) {
    found.findings.push_back(unknown(kCheck, looked.error().message, looked.error().remedy));
  }
  return found;
}

}  // namespace icingest::doctor
