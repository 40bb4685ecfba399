// private_pg.h: a PostgreSQL of our own, for whoever has configured none.
//
// Made once under the data directory, on a Unix socket only, with checksums and its own superuser; started
// when it is needed and left running. PostgreSQL refuses to run as root, so root hands it to the user
// `postgres` (or `nobody`).
//
// Layout    DATA-DIR/postgres/{data,socket,log}; `data.new` while it is being made, so that half a cluster is
//           never taken for one
// Threads   one caller; processes exclude each other by a lock file
// Errors    person: no PostgreSQL installed, another major version, a directory that is not ours to use
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "icingest/result.h"
#include "pg/db_config.h"
#include "privdb/child.h"

namespace icingest::privdb {

class PrivatePg {
 public:
  explicit PrivatePg(const std::filesystem::path& data_dir);

  // Makes the cluster if there is none, starts it if it does not run; gives its address.
  [[nodiscard]] Result<pg::DbConfig> ensure_running();
  // Stops it (fast: open transactions are rolled back); no error when it does not run.
  Result<void> stop();
  [[nodiscard]] bool exists() const;
  [[nodiscard]] bool is_running() const { return running_pid().has_value(); }
  [[nodiscard]] pg::DbConfig config() const;
  [[nodiscard]] const std::filesystem::path& directory() const { return root_; }
  [[nodiscard]] std::filesystem::path psql() const;

 private:
  Result<void> make_directories();
  Result<void> find_programs();
  Result<void> make_cluster();
  Result<void> check_cluster();
  Result<void> start();
  [[nodiscard]] Result<void> create_database() const;
  void remove_stale_pid_file();
  [[nodiscard]] std::optional<int> running_pid() const;
  [[nodiscard]] int free_port() const;
  [[nodiscard]] std::string last_log_lines() const;

  std::filesystem::path root_;
  std::filesystem::path data_;
  std::filesystem::path socket_;
  std::filesystem::path log_;
  std::filesystem::path bin_;
  std::optional<User> user_;  // whom to become; nothing when we are not root
};

// --data-dir, ICINGEST_DATA_DIR, or the usual place: /var/lib/icingest for root, else under the home
// directory.
[[nodiscard]] std::filesystem::path default_data_dir();

}  // namespace icingest::privdb
