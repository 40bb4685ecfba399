// What holds the database's data, as the Kubernetes API tells it.
#include "doctor/cluster_storage.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "support/http_imposter.h"
#include "support/temp_dir.h"

namespace icingest::doctor {
namespace {

constexpr const char* kService = R"({"spec":{"selector":{"app":"postgres","tier":"db"}}})";

// An API server that knows these paths and nothing else.
class Cluster {
 public:
  using Objects = std::map<std::string, std::string>;
  explicit Cluster(Objects objects)
      : objects_(std::move(objects)), server_([this](const std::string& head) { return answer(head); }) {}

  [[nodiscard]] ClusterStorage look(const std::string& host, const std::string& data_directory = "") const {
    return look_at_storage(
        KubeApi({.url = server_.url(), .token = "token-of-the-pod", .pod_namespace = "investorcenter"}), host,
        data_directory);
  }
  [[nodiscard]] std::vector<std::string> requests() const { return server_.requests(); }

 private:
  [[nodiscard]] std::string answer(const std::string& head) const {
    const std::string path = head.substr(4, head.find(' ', 4) - 4);
    const auto found = objects_.find(path);
    if (found == objects_.end()) return test::http_answer(404, R"({"kind":"Status","code":404})");
    if (found->second == "403") return test::http_answer(403, R"({"kind":"Status","code":403})");
    return test::http_answer(200, found->second);
  }

  std::map<std::string, std::string> objects_;
  test::HttpImposter server_;
};

const std::string kCore = "/api/v1/namespaces/investorcenter";
const std::string kPods = kCore + "/pods?labelSelector=app%3Dpostgres%2Ctier%3Ddb";

// A pod whose data directory lies on `volume`, given as the fields of its definition.
std::string pods(
    const std::string& volume, const std::string& mount = "/var/lib/postgresql/data",
    const std::string& environment = R"({"name":"PGDATA","value":"/var/lib/postgresql/data/pgdata"})") {
  return fmt::format(
      R"({{"items":[{{"metadata":{{"name":"postgres-0"}},"spec":{{
        "volumes":[{{"name":"tmp","emptyDir":{{}}}},{{"name":"data",{}}}],
        "containers":[{{"name":"postgres","env":[{}],"volumeMounts":[
          {{"name":"tmp","mountPath":"/tmp"}},{{"name":"data","mountPath":"{}"}}]}}]}}}}]}})",
      volume, environment, mount);
}

std::string claim(const std::string& phase) {
  return fmt::format(
      R"({{"spec":{{"storageClassName":"ebs-csi"}},"status":{{"phase":"{}","capacity":{{"storage":"50Gi"}}}}}})",
      phase);
}

constexpr const char* kClaimVolume = R"("persistentVolumeClaim":{"claimName":"postgres-pvc"})";

Finding only(const ClusterStorage& storage) {
  EXPECT_EQ(storage.findings.size(), 1U);
  return storage.findings.empty() ? Finding{} : storage.findings.front();
}

TEST(ClusterStorage, IsWellWithABoundClaim) {
  const Cluster cluster({{kCore + "/services/postgres", kService},
                         {kPods, pods(kClaimVolume)},
                         {kCore + "/persistentvolumeclaims/postgres-pvc", claim("Bound")}});
  const ClusterStorage storage = cluster.look("postgres");
  const Finding found = only(storage);
  EXPECT_EQ(found.grade, Grade::ok) << found.what;
  EXPECT_NE(found.what.find("postgres-pvc"), std::string::npos) << found.what;
  EXPECT_EQ(storage.capacity_bytes, std::int64_t{50} << 30);
  ASSERT_FALSE(cluster.requests().empty());
  EXPECT_NE(cluster.requests().front().find("Authorization: Bearer token-of-the-pod"), std::string::npos);
}

TEST(ClusterStorage, IsLostWithAnEmptyDir) {
  const Cluster cluster(
      {{kCore + "/services/postgres-simple-service", kService}, {kPods, pods(R"("emptyDir":{})")}});
  const Finding found = only(cluster.look("postgres-simple-service"));
  EXPECT_EQ(found.grade, Grade::failure);
  EXPECT_EQ(found.exit, ExitCode::person);
  EXPECT_NE(found.what.find("emptyDir"), std::string::npos) << found.what;
}

TEST(ClusterStorage, IsLostWhenNoVolumeHoldsTheDataDirectory) {
  const Cluster beside({{kCore + "/services/postgres", kService},
                        {kPods, pods(kClaimVolume, "/var/lib/postgresql/database")}});
  EXPECT_EQ(only(beside.look("postgres")).grade, Grade::failure) << "mounted beside the data directory";
  const Cluster cluster({{kCore + "/services/postgres", kService},
                         {kPods, pods(kClaimVolume)},
                         {kCore + "/persistentvolumeclaims/postgres-pvc", claim("Bound")}});
  EXPECT_EQ(only(cluster.look("postgres", "/srv/data")).grade, Grade::failure)
      << "the server says that its data is elsewhere";
  EXPECT_EQ(only(cluster.look("postgres", "/var/lib/postgresql/data")).grade, Grade::ok);
  EXPECT_EQ(only(cluster.look("postgres", "/var/lib/postgresql/database")).grade, Grade::failure)
      << "a name that only begins like the mount";
}

TEST(ClusterStorage, IsNotThereWhileTheClaimIsPending) {
  const Cluster cluster({{kCore + "/services/postgres", kService},
                         {kPods, pods(kClaimVolume)},
                         {kCore + "/persistentvolumeclaims/postgres-pvc", claim("Pending")}});
  const Finding found = only(cluster.look("postgres"));
  EXPECT_EQ(found.grade, Grade::failure);
  EXPECT_NE(found.what.find("Pending"), std::string::npos);
  EXPECT_NE(found.remedy.find("AmazonEBSCSIDriverPolicy"), std::string::npos) << found.remedy;
}

TEST(ClusterStorage, SaysWhenTheClassWouldDeleteOrShowTheData) {
  const Cluster cluster(
      {{kCore + "/services/postgres", kService},
       {kPods, pods(kClaimVolume)},
       {kCore + "/persistentvolumeclaims/postgres-pvc", claim("Bound")},
       {"/apis/storage.k8s.io/v1/storageclasses/ebs-csi",
        R"({"provisioner":"ebs.csi.aws.com","reclaimPolicy":"Delete","parameters":{"type":"gp3"}})"}});
  const ClusterStorage storage = cluster.look("postgres");
  ASSERT_EQ(storage.findings.size(), 3U);
  EXPECT_EQ(storage.findings[1].grade, Grade::warning);
  EXPECT_NE(storage.findings[1].what.find("deletes"), std::string::npos);
  EXPECT_NE(storage.findings[2].what.find("encrypt"), std::string::npos);
}

TEST(ClusterStorage, LooksInTheNamespaceOfTheHost) {
  const Cluster cluster(Cluster::Objects{{"/api/v1/namespaces/data/services/pg", R"({"spec":{}})"}});
  for (const char* host : {"pg.data", "pg.data.svc", "pg.data.svc.cluster.local"})
    EXPECT_NE(only(cluster.look(host)).what.find("has no selector"), std::string::npos) << host;
}

TEST(ClusterStorage, SaysWhatItCannotKnow) {
  const Cluster cluster({{kCore + "/services/forbidden", "403"}, {kCore + "/services/odd", "<html>"}});
  for (const char* host :
       {"10.0.0.7", "/var/run/postgresql", "db.x1.eu-west-1.rds.amazonaws.com", "elsewhere", "odd"}) {
    const Finding found = only(cluster.look(host));
    EXPECT_EQ(found.grade, Grade::unknown) << host << ": " << found.what;
  }
  const Finding forbidden = only(cluster.look("forbidden"));
  EXPECT_EQ(forbidden.grade, Grade::unknown);
  EXPECT_NE(forbidden.remedy.find("Role"), std::string::npos) << forbidden.remedy;
  const KubeApi away({.url = "http://127.0.0.1:1", .token = "t", .pod_namespace = "n"});
  EXPECT_EQ(only(look_at_storage(away, "postgres", "")).grade, Grade::unknown);
}

TEST(ClusterStorage, IsAwaitedWhenNoPodIsThere) {
  const Cluster cluster({{kCore + "/services/postgres", kService}, {kPods, R"({"items":[]})"}});
  const Finding found = only(cluster.look("postgres"));
  EXPECT_EQ(found.grade, Grade::failure);
  EXPECT_EQ(found.exit, ExitCode::later) << "an init container tries again";
}

TEST(Quantity, IsReadAsKubernetesWritesIt) {
  EXPECT_EQ(parse_quantity("10Gi"), std::int64_t{10} << 30);
  EXPECT_EQ(parse_quantity("500M"), 500'000'000);
  EXPECT_EQ(parse_quantity("1.5Ki"), 1536);
  EXPECT_EQ(parse_quantity("1048576"), 1'048'576);
  for (const char* bad : {"", "Gi", "10GB", "-1Gi", "10 Gi", "nan"})
    EXPECT_FALSE(parse_quantity(bad).has_value()) << bad;
}

TEST(Verdict, IsTheOneThatTakesLongestToMend) {
  const Finding later = failure("database", "away", "", ExitCode::later);
  const Finding person = failure("storage", "emptyDir", "");
  const Finding usage = failure("keys", "none", "", ExitCode::usage);
  EXPECT_EQ(verdict({}), ExitCode::complete);
  EXPECT_EQ(verdict({ok("a", ""), warning("b", "", ""), unknown("c", "", "")}), ExitCode::complete);
  EXPECT_EQ(verdict({later}), ExitCode::later);
  EXPECT_EQ(verdict({later, person}), ExitCode::person);
  EXPECT_EQ(verdict({person, usage, later}), ExitCode::usage);
}

TEST(Cluster, IsFoundByItsServiceAccount) {
  const test::TempDir dir;
  const auto write = [&](const char* name, const char* text) { std::ofstream(dir.path() / name) << text; };
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  write("token", "a-token\n");
  write("namespace", "investorcenter");
  EXPECT_FALSE(find_cluster(dir.path()).has_value()) << "not in a cluster";
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
  const auto found = find_cluster(dir.path());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->url, "https://[fd00::1]:6443");
  EXPECT_EQ(found->token, "a-token");
  EXPECT_FALSE(find_cluster(dir.path() / "none").has_value()) << "no token is mounted";
  ::unsetenv("KUBERNETES_SERVICE_HOST");
}

}  // namespace
}  // namespace icingest::doctor
