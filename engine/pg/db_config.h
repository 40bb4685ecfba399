// db_config.h: which database, from --db or the DB_* variables, as libpq parameters.
//
// Errors    usage: an unreadable URI
// Secrets   the password is registered as a secret the moment it is read, and never printed
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest::pg {

struct DbConfig {
  // libpq keywords: host, port, user, password, dbname, sslmode …
  std::map<std::string, std::string> parameters;

  // postgresql://… or keyword=value text.
  [[nodiscard]] static Result<DbConfig> from_uri(const std::string& uri);

  // The same with what every session of ours sets: UTC, UTF-8, half a minute for either end to notice that the other one is
  // gone, and a search path that leaves the ledger's schema out, which "$user" would put first for a role named like it.
  [[nodiscard]] DbConfig with_session_settings() const;
  // "user@host:port/dbname", no secret.
  [[nodiscard]] std::string display() const;
  // keyword='value' …, for libpqxx; holds the password.
  [[nodiscard]] std::string conninfo() const;
};

}  // namespace icingest::pg
