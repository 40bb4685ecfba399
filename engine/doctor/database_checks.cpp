#include "doctor/database_checks.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "core/text.h"
#include "doctor/cluster_storage.h"
#include "pg/schema.h"
#include "pg/server_info.h"

namespace icingest::doctor {
namespace {

constexpr int kOldestVersion = 130'000;
constexpr int kTestedVersion = 150'000;
// Full disks stop a run with code 5; the alert of docs/operations.md is on 80 % too.
constexpr double kDiskWarning = 0.80;
constexpr double kDiskFailure = 0.95;
constexpr std::chrono::seconds kClockWarning{2};
// What signs requests by the time of day is refused beyond minutes, and a session's close is a time of day too.
constexpr std::chrono::seconds kClockFailure{60};

struct Server {
  std::string version;
  int version_number = 0;
  bool is_standby = false;
  bool is_read_only = false;
  bool may_create = false;
  bool may_make_temporary = false;
  bool may_create_in_public = false;
  bool is_superuser = false;
  std::string data_directory;  // empty: this role may not know
  bool is_here = false;        // on this machine, as far as addresses tell
  std::int64_t size_bytes = 0;
};

Result<Server> read_server(pg::Control& control) {
  return control.transact("ask the server about itself", [](pqxx::work& tx) {
    const auto row = tx.exec1(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery(), "
        "  current_setting('transaction_read_only')::bool, "
        "  has_database_privilege(current_database(), 'CREATE'), has_database_privilege(current_database(), 'TEMPORARY'), "
        "  has_schema_privilege('public', 'CREATE'), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), "
        "  coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), ''), "
        "  inet_server_addr() IS NOT DISTINCT FROM inet_client_addr(), pg_database_size(current_database())");
    return Server{.version = row[0].as<std::string>(),
                  .version_number = row[1].as<int>(),
                  .is_standby = row[2].as<bool>(),
                  .is_read_only = row[3].as<bool>(),
                  .may_create = row[4].as<bool>(),
                  .may_make_temporary = row[5].as<bool>(),
                  .may_create_in_public = row[6].as<bool>(),
                  .is_superuser = row[7].as<bool>(),
                  .data_directory = row[8].as<std::string>(),
                  .is_here = row[9].as<bool>(),
                  .size_bytes = row[10].as<std::int64_t>()};
  });
}

Finding version_of(const Server& server) {
  const std::string what = fmt::format("PostgreSQL {}", server.version);
  if (server.version_number < kOldestVersion)
    return failure("version", what + " is too old", "upgrade to PostgreSQL 15");
  if (server.version_number / 10'000 != kTestedVersion / 10'000)
    return warning("version", what + "; icingest is tested with 15", "nothing, unless something fails");
  return ok("version", what);
}

Finding rights_of(const Server& server, bool has_ledger) {
  if (server.is_standby)
    return failure("rights", "the server is a standby and takes no writes", "connect to the primary");
  if (server.is_read_only)
    return failure("rights", "sessions are read-only (default_transaction_read_only)",
                   "ALTER ROLE … SET default_transaction_read_only = off, or fix what set it");
  std::vector<std::string> missing;
  if (!server.may_create && !has_ledger) missing.emplace_back("CREATE on the database");
  if (!server.may_make_temporary) missing.emplace_back("TEMPORARY on the database");
  if (!server.may_create_in_public) missing.emplace_back("CREATE on schema public");
  if (!missing.empty()) {
    return failure("rights", fmt::format("the role lacks {}", text::join(missing, ", ")),
                   "GRANT CREATE, TEMPORARY ON DATABASE … and GRANT CREATE ON SCHEMA public to it");
  }
  return ok("rights", server.is_superuser ? "the role is a superuser, which is more than it needs"
                                          : "the role may create what it needs");
}

// The file system of the data directory, when it is this machine's. A forwarded port looks like a local server, whose
// directory then is not here.
std::optional<struct statvfs> file_system(const Server& server) {
  struct statvfs found {};
  if (!server.is_here || server.data_directory.empty() ||
      ::statvfs(server.data_directory.c_str(), &found) != 0 || found.f_blocks == 0)
    return std::nullopt;
  return found;
}

// What a client that is in no cluster can know of the storage.
Finding storage_from_here(const Server& server, pg::Control& control) {
  const auto info = pg::read_server_info(control);
  if (info && !info->warnings.empty()) {
    return failure("storage", text::join(info->warnings, "; "),
                   "move the data directory to storage that lasts, before anything is loaded");
  }
  if (server.is_here && server.data_directory.empty()) {
    return unknown("storage", "this role may not know the data directory",
                   "GRANT pg_read_all_settings to it, or check by hand what the data directory is on");
  }
  if (!file_system(server)) {
    return unknown("storage", "the server is another machine; a client cannot see what it stores on",
                   "check there that the data directory is on a volume that outlives machine and container, "
                   "and that backups run");
  }
  return ok("storage", fmt::format("{} is not on memory or a container's own layer", server.data_directory));
}

Finding disk(double used, const std::string& what) {
  const std::string remedy = "make the volume larger or remove what is not needed";
  const std::string full = fmt::format("{:.0f} % of {}", used * 100, what);
  if (used > kDiskFailure) return failure("disk", full, remedy);
  if (used > kDiskWarning) return warning("disk", full, remedy);
  return ok("disk", full);
}

Finding disk_of(const Server& server, const std::optional<std::int64_t>& claim_bytes) {
  const std::string size = text::bytes(static_cast<double>(server.size_bytes));
  if (claim_bytes && *claim_bytes > 0) {
    return disk(static_cast<double>(server.size_bytes) / static_cast<double>(*claim_bytes),
                fmt::format("the claim's {} are the database's, without WAL",
                            text::bytes(static_cast<double>(*claim_bytes))));
  }
  if (const auto found = file_system(server)) {
    // As df counts: what is reserved for root is neither used nor free.
    const auto used = static_cast<double>(found->f_blocks - found->f_bfree);
    const auto free = static_cast<double>(found->f_bavail);
    return disk(used / (used + free),
                fmt::format("the file system of {} is used; {} are free", server.data_directory,
                            text::bytes(free * static_cast<double>(found->f_frsize))));
  }
  return unknown(
      "disk", fmt::format("the database holds {}; how much room is left is known only to its machine", size),
      "check there that a fifth of the volume is free");
}

Result<Finding> clock_of(pg::Control& control, const Clock& clock) {
  const Instant before = clock.now();
  ICINGEST_TRY_LET(const std::int64_t there, control.transact("ask for the time", [](pqxx::work& tx) {
    return tx.exec1("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")[0].as<std::int64_t>();
  }));
  const Instant after = clock.now();
  const auto here = before + (after - before) / 2;
  // The answer was made somewhere between the two readings.
  const auto apart =
      std::chrono::abs(Instant(std::chrono::microseconds(there)) - here) - (after - before) / 2;
  const double seconds = std::max(0.0, std::chrono::duration<double>(apart).count());
  if (apart > kClockWarning) {
    const std::string what =
        fmt::format("this machine's clock and the database's are {:.1f} s apart", seconds);
    const std::string remedy =
        "synchronise both (chrony, systemd-timesyncd); which sessions are closed depends on it";
    return apart > kClockFailure ? failure("clock", what, remedy) : warning("clock", what, remedy);
  }
  return ok("clock", fmt::format("agrees with the database's to {:.3f} s", seconds));
}

Result<std::vector<Finding>> schema_of(pg::Control& control, const std::vector<Pipeline>& pipelines,
                                       bool has_ledger) {
  std::vector<Finding> found;
  if (!has_ledger) {
    found.push_back(
        ok("schema", "nothing was loaded here yet; the first run creates ledger and missing tables"));
  }
  for (const Pipeline& pipeline : pipelines) {
    for (const Route& route : pipeline.routes) {
      const std::string name(route.load.table.name);
      ICINGEST_TRY_LET(const bool exists, control.transact("look for the table", [&](pqxx::work& tx) {
        return !tx.exec_params1("SELECT to_regclass($1)", tx.quote_name(name))[0].is_null();
      }));
      if (!exists) continue;  // a run creates it
      ICINGEST_TRY_LET(const auto differences, pg::check_table(control, route.load.table));
      for (const pg::Difference& difference : differences) {
        const bool told = std::any_of(found.begin(), found.end(),
                                      [&](const Finding& one) { return one.what == difference.what; });
        if (!told)
          found.push_back(
              failure("schema", difference.what, "run `icingest migrate`, or by hand: " + difference.sql));
      }
    }
  }
  if (found.empty()) found.push_back(ok("schema", "ledger and tables are as they should be"));
  return found;
}

// Penalties and limits that runs on this database share.
Result<std::vector<Finding>> quota_of(pg::Control& control) {
  using Rows = std::vector<Finding>;
  return control.transact("read the quotas", [](pqxx::work& tx) {
    Rows found;
    for (
        const auto& row : tx.exec(
            "SELECT source, permits, (window_us / 1000000.0)::float8, "
            "  blocked_until / 1000000.0 - extract(epoch FROM clock_timestamp()) FROM icingest.quotas ORDER BY source")) {
      // The name holds a hash of the key too; who reads this wants the source.
      const auto name = row[0].as<std::string>();
      const std::string source = name.substr(0, name.find('#'));
      const double pause = row[3].as<double>();
      if (pause > 0) {
        found.push_back(warning(
            "quota", fmt::format("{} asked everybody to pause, for {} still", source, text::duration(pause)),
            "wait; a run started now waits by itself"));
      } else {
        found.push_back(
            ok("quota", fmt::format("{}: {} requests per {}, shared by all runs on this database", source,
                                    row[1].as<int>(), text::duration(row[2].as<double>()))));
      }
    }
    if (found.empty())
      found.push_back(
          ok("quota", "none was used yet; the first run begins with the source's documented limit"));
    return found;
  });
}

class Examination {
 public:
  Examination(const pg::DbConfig& db, const std::vector<Pipeline>& pipelines, const Clock& clock)
      : db_(db), pipelines_(pipelines), clock_(clock) {}

  DatabaseExamination go(const std::optional<ClusterAccess>& cluster) {
    std::optional<Server> server = connect();
    std::optional<std::int64_t> claim_bytes;
    if (cluster) {
      const auto host = db_.parameters.find("host");
      ClusterStorage storage =
          look_at_storage(KubeApi(*cluster), host == db_.parameters.end() ? "" : host->second,
                          server ? server->data_directory : "");
      for (Finding& finding : storage.findings) add(std::move(finding));
      claim_bytes = storage.capacity_bytes;
    }
    if (!server) return std::move(result_);
    if (!cluster) add(storage_from_here(*server, *result_.control));
    add(version_of(*server));
    add(rights_of(*server, result_.has_ledger));
    add(disk_of(*server, claim_bytes));
    if (Result<Finding> clock = clock_of(*result_.control, clock_)) add(std::move(*clock));
    else add(failure("clock", clock.error()));
    add_all("schema", schema_of(*result_.control, pipelines_, result_.has_ledger));
    if (result_.has_ledger) add_all("quota", quota_of(*result_.control));
    return std::move(result_);
  }

 private:
  void add(Finding finding) { result_.findings.push_back(std::move(finding)); }
  void add_all(const char* check, Result<std::vector<Finding>> found) {
    if (!found) return add(failure(check, found.error()));
    for (Finding& finding : *found) add(std::move(finding));
  }

  std::optional<Server> connect() {
    Result<pg::Control> control = pg::Control::connect(db_, std::chrono::seconds(5));
    if (!control) {
      add(failure("database", control.error()));
      return std::nullopt;
    }
    result_.control.emplace(std::move(*control));
    const Result<bool> has_ledger = pg::has_ledger(*result_.control);
    Result<Server> server = read_server(*result_.control);
    if (!server || !has_ledger) {
      add(failure("database", server ? has_ledger.error() : server.error()));
      return std::nullopt;
    }
    result_.has_ledger = *has_ledger;
    add(ok("database", fmt::format("{} answers", db_.display())));
    return std::move(*server);
  }

  const pg::DbConfig& db_;
  const std::vector<Pipeline>& pipelines_;
  const Clock& clock_;
  DatabaseExamination result_;
};

}  // namespace

DatabaseExamination examine_database(const pg::DbConfig& db, const std::vector<Pipeline>& pipelines,
                                     const std::optional<ClusterAccess>& cluster, const Clock& clock) {
  return Examination(db, pipelines, clock).go(cluster);
}

}  // namespace icingest::doctor
