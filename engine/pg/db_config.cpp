#include "pg/db_config.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>
#include <utility>

#include "core/secret.h"
#include "core/text.h"

namespace icingest::pg {
namespace {

// Half a minute of silence in all.
constexpr std::pair<const char*, const char*> kKeepalives[] = {
    {"idle", "10"}, {"interval", "5"}, {"count", "4"}};

}  // namespace

Result<DbConfig> DbConfig::from_uri(const std::string& uri) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(uri.c_str(), &message), &PQconninfoFree);
  if (!options) {
    // libpq repeats the input in its message, and the input may hold the password.
    PQfreemem(message);
    return usage_error("--db is not a PostgreSQL URI", "write postgresql://USER@HOST:PORT/DATABASE");
  }
  DbConfig config;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) config.parameters[option->keyword] = option->val;
  }
  if (const auto password = config.parameters.find("password"); password != config.parameters.end()) {
    register_secret(password->second);
  }
  return config;
}

DbConfig DbConfig::with_session_settings() const {
  DbConfig config = *this;
  config.parameters.try_emplace("application_name", "icingest");
  // A network that is cut or a host that dies tells nobody: who waits for an answer, or for a statement, asks whether the
  // other end is still there. The system's own settings would do so after two hours.
  for (const auto& [name, seconds] : kKeepalives) {
    config.parameters.try_emplace(fmt::format("keepalives_{}", name), seconds);
  }
  config.parameters.try_emplace("tcp_user_timeout", "30000");
  config.parameters.try_emplace("connect_timeout", "10");
  config.parameters["client_encoding"] = "UTF8";
  std::string& options = config.parameters["options"];
  options += (options.empty() ? "" : " ") + std::string("-c timezone=UTC");
  for (const auto& [name, seconds] : kKeepalives) {
    const std::string setting = fmt::format("tcp_keepalives_{}", name);
    if (options.find(setting) == std::string::npos) options += fmt::format(" -c {}={}", setting, seconds);
  }
  const auto user = parameters.find("user");
  if (user != parameters.end() && user->second == "icingest" &&
      options.find("search_path") == std::string::npos) {
    options += " -c search_path=public";
  }
  return config;
}

std::string DbConfig::display() const {
  const auto get = [this](const char* name, std::string_view fallback) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string(fallback) : found->second;
  };
  return fmt::format("{}@{}:{}/{}", get("user", "?"), get("host", "localhost"), get("port", "5432"),
                     get("dbname", get("user", "?")));
}

std::string DbConfig::conninfo() const {
  std::string text;
  for (const auto& [name, value] : parameters) {
    text += name + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

}  // namespace icingest::pg
