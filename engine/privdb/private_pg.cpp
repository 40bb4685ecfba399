#include "privdb/private_pg.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/log.h"
#include "core/text.h"
#include "pg/pg_conn.h"

namespace icingest::privdb {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kName = "icingest";  // superuser and database
constexpr int kFirstPort = 5432;
constexpr int kPorts = 10;
// sun_path holds 107 bytes; the socket's name takes the rest.
constexpr std::size_t kLongestSocketDir = 85;

constexpr std::string_view kSettings = R"(
# icingest: a private server, reached by its socket alone
listen_addresses = ''
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
# loading writes much and rarely waits: fewer checkpoints, larger steps
max_wal_size = 4GB
checkpoint_timeout = 15min
shared_buffers = 256MB
maintenance_work_mem = 256MB
)";

std::optional<User> unprivileged_user() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name)) return User{entry->pw_uid, entry->pw_gid, name};
  }
  return User{65534, 65534, "65534"};
}

std::string read_text(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  const std::string whole = read_text(file);
  for (const std::string_view line : text::split(whole, '\n')) lines.emplace_back(text::trim(line));
  return lines;
}

// Whether a process is a PostgreSQL server whose data directory this is: a server lives in it.
bool serves(int pid, const fs::path& data) {
  std::error_code error;
  const fs::path where = fs::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
  if (error) return false;
  return fs::equivalent(where, data, error) && !error && ::kill(pid, 0) == 0;
}

bool is_alive(int pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

class FileLock {
 public:
  explicit FileLock(const fs::path& file) : fd_(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (fd_ >= 0) ::flock(fd_, LOCK_EX);
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

}  // namespace

fs::path default_data_dir() {
  if (const char* given = std::getenv("ICINGEST_DATA_DIR"); given != nullptr && *given != '\0') return given;
  if (::geteuid() == 0) return "/var/lib/icingest";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    return fs::path(data) / "icingest";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".local/share/icingest";
  return fmt::format("/tmp/icingest-{}", ::geteuid());
}

PrivatePg::PrivatePg(const fs::path& data_dir)
    : root_(fs::absolute(data_dir).lexically_normal() / "postgres"),
      data_(root_ / "data"),
      socket_(root_ / "socket"),
      log_(root_ / "log"),
      user_(unprivileged_user()) {
  if (socket_.string().size() > kLongestSocketDir) {
    socket_ = fmt::format("/tmp/icingest-{:016x}", std::hash<std::string>{}(root_.string()));
  }
}

bool PrivatePg::exists() const { return fs::exists(data_ / "PG_VERSION"); }

fs::path PrivatePg::psql() const {
  const fs::path beside = bin_ / "psql";
  return !bin_.empty() && fs::exists(beside) ? beside : fs::path("/usr/bin/psql");
}

Result<void> PrivatePg::make_directories() {
  std::error_code error;
  fs::create_directories(root_, error);
  if (!error) fs::create_directories(socket_, error);
  if (error) {
    return person_error(fmt::format("cannot create {}: {}", root_.string(), error.message()),
                        "choose another --data-dir");
  }
  if (user_) {
    for (const fs::path& directory : {root_, socket_}) {
      if (::chown(directory.c_str(), user_->uid, user_->gid) != 0) {
        return person_error(fmt::format("cannot give {} to user {}: {}", directory.string(), user_->name,
                                        std::strerror(errno)));
      }
    }
    ICINGEST_TRY_LET(const ChildResult reachable,
                     run_child({"/bin/sh", "-c", fmt::format("cd '{}'", root_.string())}, user_));
    if (reachable.exit_code != 0) {
      return person_error(
          fmt::format("user {}, who runs the private PostgreSQL for root, cannot reach {}", user_->name,
                      root_.string()),
          "choose a --data-dir whose parent directories everybody may enter, for instance /var/lib/icingest");
    }
  }
  ::chmod(socket_.c_str(), 0700);
  return {};
}

Result<void> PrivatePg::find_programs() {
  const std::string wanted = exists() ? std::string(text::trim(read_text(data_ / "PG_VERSION"))) : "";
  std::vector<fs::path> candidates;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error))
    candidates.push_back(entry.path() / "bin");
  std::sort(candidates.rbegin(), candidates.rend());
  for (const char* path : {"/usr/local/bin", "/usr/bin"}) candidates.emplace_back(path);
  std::string found;
  for (const fs::path& bin : candidates) {
    if (!fs::exists(bin / "initdb") || !fs::exists(bin / "postgres")) continue;
    ICINGEST_TRY_LET(const ChildResult version,
                     run_child({(bin / "postgres").string(), "--version"}, std::nullopt));
    // "postgres (PostgreSQL) 15.18 (Debian …)"
    const auto words = text::split(version.output, ' ');
    const std::string major(words.size() > 2 ? words[2].substr(0, words[2].find('.')) : "");
    found += (found.empty() ? "" : ", ") + major;
    if (wanted.empty() || major == wanted) {
      bin_ = bin;
      return {};
    }
  }
  if (found.empty()) {
    return person_error(
        "no database is configured and PostgreSQL is not installed here",
        "set DB_HOST, DB_USER, DB_PASSWORD and DB_NAME, or --db; or install the package postgresql");
  }
  return person_error(
      fmt::format("the private database in {} was made by PostgreSQL {}, installed is {}", data_.string(),
                  wanted, found),
      fmt::format("install PostgreSQL {}, or move {} away to begin a new one", wanted, root_.string()));
}

Result<void> PrivatePg::make_cluster() {
  std::error_code error;
  if (fs::exists(data_) && !fs::is_empty(data_, error)) {
    return person_error(fmt::format("{} exists and is no database cluster", data_.string()),
                        "move it away, or choose another --data-dir");
  }
  fs::remove(data_, error);
  const fs::path fresh = root_ / "data.new";
  fs::remove_all(fresh, error);  // an earlier attempt that died
  log::info("creating a private PostgreSQL in {}", root_.string());
  ICINGEST_TRY_LET(const ChildResult made,
                   run_child({(bin_ / "initdb").string(), "-D", fresh.string(), "-U", std::string(kName),
                              "--auth=trust", "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8",
                              "--lc-collate=C", "--no-instructions"},
                             user_));
  if (made.exit_code != 0) {
    return person_error(fmt::format("initdb failed: {}", text::trim(made.output)),
                        "check disk space and permissions of the data directory");
  }
  {
    std::ofstream settings(fresh / "postgresql.conf", std::ios::app);
    settings << kSettings << fmt::format("unix_socket_directories = '{}'\n", socket_.string());
    if (!settings) return person_error(fmt::format("cannot write {}", (fresh / "postgresql.conf").string()));
  }
  fs::rename(fresh, data_, error);
  if (error) return person_error(fmt::format("cannot rename {}: {}", fresh.string(), error.message()));
  return {};
}

Result<void> PrivatePg::check_cluster() {
  if (fs::exists(data_ / "global" / "pg_control")) return {};
  return person_error(
      fmt::format("the private database in {} is damaged: global/pg_control is missing", data_.string()),
      "restore it from a backup, or move it away to begin a new one");
}

std::optional<int> PrivatePg::running_pid() const {
  const auto lines = lines_of(data_ / "postmaster.pid");
  const auto pid = lines.empty() ? std::nullopt : text::parse_int(lines[0]);
  if (!pid || *pid <= 0 || !serves(static_cast<int>(*pid), data_)) return std::nullopt;
  return static_cast<int>(*pid);
}

void PrivatePg::remove_stale_pid_file() {
  // A pid file whose process is gone is PostgreSQL's own to judge; one whose number now belongs to somebody
  // else would keep it from starting for ever.
  std::error_code error;
  const auto lines = lines_of(data_ / "postmaster.pid");
  const auto pid = lines.empty() ? std::nullopt : text::parse_int(lines[0]);
  if (pid && is_alive(static_cast<int>(*pid)) && !running_pid()) {
    log::warn("removing a stale postmaster.pid: process {} is not this server", *pid);
    fs::remove(data_ / "postmaster.pid", error);
  }
  for (int port = kFirstPort; port < kFirstPort + kPorts; ++port) {
    const fs::path lock = socket_ / fmt::format(".s.PGSQL.{}.lock", port);
    const auto holder = lines_of(lock);
    const auto holder_pid = holder.empty() ? std::nullopt : text::parse_int(holder[0]);
    if (!holder_pid || holder.size() < 2) continue;
    if (!serves(static_cast<int>(*holder_pid), holder[1])) fs::remove(lock, error);
  }
}

int PrivatePg::free_port() const {
  for (int port = kFirstPort; port < kFirstPort + kPorts; ++port) {
    if (!fs::exists(socket_ / fmt::format(".s.PGSQL.{}.lock", port))) return port;
  }
  return kFirstPort;
}

std::string PrivatePg::last_log_lines() const {
  const auto lines = lines_of(log_);
  std::string text;
  for (std::size_t i = lines.size() > 6 ? lines.size() - 6 : 0; i < lines.size(); ++i) text += lines[i] + " ";
  return text;
}

Result<void> PrivatePg::start() {
  remove_stale_pid_file();
  log::info("starting the private PostgreSQL in {}", root_.string());
  ICINGEST_TRY_LET(const ChildResult started,
                   run_child({(bin_ / "pg_ctl").string(), "-D", data_.string(), "-w", "-t", "120", "-s", "-l",
                              log_.string(), "-o", fmt::format("-p {}", free_port()), "start"},
                             user_, false));
  if (started.exit_code == 0) return {};
  return person_error(fmt::format("the private PostgreSQL does not start: {}", last_log_lines()),
                      fmt::format("see {}", log_.string()));
}

pg::DbConfig PrivatePg::config() const {
  const auto lines = lines_of(data_ / "postmaster.pid");
  const std::string port =
      lines.size() > 3 && text::parse_int(lines[3]) ? lines[3] : std::to_string(kFirstPort);
  return {{{"host", socket_.string()},
           {"port", port},
           {"user", std::string(kName)},
           {"dbname", std::string(kName)}}};
}

Result<void> PrivatePg::create_database() const {
  pg::DbConfig maintenance = config();
  maintenance.parameters["dbname"] = "postgres";
  ICINGEST_TRY_LET(pg::PgConn conn, pg::PgConn::connect(maintenance, std::chrono::seconds(10)));
  ICINGEST_TRY_LET(const pg::PgResult there,
                   conn.exec("SELECT 1 FROM pg_database WHERE datname = $1", {std::string(kName)}));
  if (there.rows() != 0) return {};
  ICINGEST_TRY(conn.exec(fmt::format("CREATE DATABASE {}", kName)));
  // The superuser is named like the ledger's schema; nobody's new table is to land there.
  ICINGEST_TRY(conn.exec(fmt::format("ALTER ROLE {} SET search_path = public", kName)));
  return {};
}

Result<pg::DbConfig> PrivatePg::ensure_running() {
  ICINGEST_TRY(make_directories());
  const FileLock lock(root_ / "lock");
  ICINGEST_TRY(find_programs());
  if (!exists()) ICINGEST_TRY(make_cluster());
  if (!is_running()) {
    ICINGEST_TRY(check_cluster());
    ICINGEST_TRY(start());
  }
  ICINGEST_TRY(create_database());
  return config();
}

Result<void> PrivatePg::stop() {
  if (!exists() || !is_running()) return {};
  ICINGEST_TRY(find_programs());
  ICINGEST_TRY_LET(const ChildResult stopped, run_child({(bin_ / "pg_ctl").string(), "-D", data_.string(),
                                                         "-w", "-t", "120", "-s", "-m", "fast", "stop"},
                                                        user_));
  if (stopped.exit_code == 0) return {};
  return later_error(fmt::format("the private PostgreSQL does not stop: {}", text::trim(stopped.output)));
}

}  // namespace icingest::privdb
