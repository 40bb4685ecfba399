#include "core/fault.h"

#ifdef ICINGEST_FAULT_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "core/text.h"

namespace icingest::fault {
namespace {

struct Plan {
  bool kill = false;
  bool stop = false;
  std::string name;
  std::atomic<std::int64_t> passes_left{0};

  Plan() {
    const char* spec = std::getenv("ICINGEST_FAULT");
    if (spec == nullptr) return;
    const auto parts = text::split(spec, ':');
    if (parts.size() != 3) return;
    kill = parts[0] == "kill";
    stop = parts[0] == "stop";
    name = parts[1];
    passes_left = text::parse_int(parts[2]).value_or(0);
  }
};

}  // namespace

bool point(std::string_view name) {
  static Plan plan;
  if (plan.name.empty() || (plan.name != "*" && plan.name != name)) return false;
  if (plan.passes_left.fetch_sub(1) != 1) return false;
  if (plan.kill) ::kill(::getpid(), SIGKILL);
  if (plan.stop) ::kill(::getpid(), SIGSTOP);
  return !plan.stop;
}

}  // namespace icingest::fault

#endif
