#include "pg/server_info.h"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <array>

namespace icingest::pg {
namespace {

struct FileSystem {
  long magic;  // statfs(2)
  const char* name;
};
constexpr std::array kEphemeral = {FileSystem{0x01021994, "tmpfs"},
                                   FileSystem{static_cast<long>(0x858458f6), "ramfs"},
                                   FileSystem{0x794c7630, "overlay, a container's own layer"}};

}  // namespace

std::string ephemeral_storage(const std::string& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0) return {};
  for (const FileSystem& system : kEphemeral) {
    if (static_cast<long>(found.f_type) == system.magic) return system.name;
  }
  return {};
}

Result<ServerInfo> read_server_info(Control& control) {
  return control.transact("ask what server this is", [](pqxx::work& tx) {
    // A setting that this role may not read has no row.
    const auto row = tx.exec(
                           "SELECT current_setting('server_version'), current_setting('fsync'), "
                           "  coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'), ''), "
                           "  inet_server_addr() IS NOT DISTINCT FROM inet_client_addr()")
                         .front();
    ServerInfo info{.version = row[0].as<std::string>()};
    if (row[1].as<std::string>() == "off") {
      info.warnings.emplace_back("fsync is off: a crash of the server's machine can lose everything");
    }
    const auto directory = row[2].as<std::string>();
    const std::string storage = row[3].as<bool>() && !directory.empty() ? ephemeral_storage(directory) : "";
    if (!storage.empty()) {
      info.warnings.push_back(
          fmt::format("its data directory {} is on {}: everything is lost with the machine or container",
                      directory, storage));
    }
    return info;
  });
}

}  // namespace icingest::pg
