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
  int signal = 0;
  std::string name;
  std::atomic<std::int64_t> passes_left{0};

  Plan() {
    const char* spec = std::getenv("ICINGEST_FAULT");
    if (spec == nullptr) return;
    const auto parts = text::split(spec, ':');
    if (parts.size() != 3) return;
    if (parts[0] == "kill") signal = SIGKILL;
    if (parts[0] == "stop") signal = SIGSTOP;
    name = parts[1];
    passes_left = text::parse_int(parts[2]).value_or(0);
  }
};

}  // namespace

bool point(std::string_view name) {
  static Plan plan;
  if (plan.name.empty() || (plan.name != "*" && plan.name != name)) return false;
  if (plan.passes_left.fetch_sub(1) != 1) return false;
  if (plan.signal != 0) ::kill(::getpid(), plan.signal);
  return plan.signal != SIGSTOP;
}

}  // namespace icingest::fault

#endif
