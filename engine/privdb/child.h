// child.h: runs a program to its end, as another user where asked, and gives back what it said.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "icingest/result.h"

namespace icingest::privdb {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

struct ChildResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr, the last 16 KiB
};

// `keep_output` false: the program may leave a daemon behind that holds its descriptors, so they go to
// /dev/null.
[[nodiscard]] Result<ChildResult> run_child(const std::vector<std::string>& argv,
                                            const std::optional<User>& as, bool keep_output = true);

}  // namespace icingest::privdb
