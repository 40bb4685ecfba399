// server_info.h: which server it is, and whether what it stores will last.
//
// A database on storage that goes with its machine is how everything was lost once. A client can see that only of a
// server beside it whose settings it may read; of any other it sees whether the server waits for its disk at all.
//
// Threads   one owner of the connection
#pragma once

#include <string>
#include <vector>

#include "pg/control.h"

namespace icingest::pg {

struct ServerInfo {
  std::string version;                // "15.18 (Debian 15.18-0+deb12u1)"
  std::vector<std::string> warnings;  // sentences; empty when nothing is known against it
};
[[nodiscard]] Result<ServerInfo> read_server_info(Control& control);

// "tmpfs" for a path on storage that does not outlive the machine or its container; empty for any other, or when it
// cannot be told.
[[nodiscard]] std::string ephemeral_storage(const std::string& path);

}  // namespace icingest::pg
