#include "privdb/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace icingest::privdb {
namespace {

constexpr std::size_t kKeep = 16'384;

// In the child, between fork and exec: system calls only.
[[noreturn]] void become(const std::vector<char*>& argv, const std::optional<User>& as, int output) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(output >= 0 ? output : null, STDOUT_FILENO);
  ::dup2(output >= 0 ? output : null, STDERR_FILENO);
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  if (as) {
    const gid_t group = as->gid;
    if (::setgroups(1, &group) != 0 || ::setgid(as->gid) != 0 || ::setuid(as->uid) != 0) ::_exit(126);
    if (::chdir("/") != 0) ::_exit(126);
  }
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

Result<ChildResult> run_child(const std::vector<std::string>& argv, const std::optional<User>& as,
                              bool keep_output) {
  std::vector<std::string> storage = argv;
  std::vector<char*> raw;
  raw.reserve(storage.size() + 1);
  for (std::string& argument : storage) raw.push_back(argument.data());
  raw.push_back(nullptr);
  std::array<int, 2> pipe{-1, -1};
  if (keep_output && ::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return Failure(Error{.message = fmt::format("pipe: {}", std::strerror(errno))});
  }
  const pid_t child = ::fork();
  if (child < 0) return Failure(Error{.message = fmt::format("fork: {}", std::strerror(errno))});
  if (child == 0) become(raw, as, pipe[1]);
  ChildResult result;
  if (keep_output) {
    ::close(pipe[1]);
    std::array<char, 4096> piece{};
    for (;;) {
      const ssize_t got = ::read(pipe[0], piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      result.output.append(piece.data(), static_cast<std::size_t>(got));
      if (result.output.size() > kKeep) result.output.erase(0, result.output.size() - kKeep);
    }
    ::close(pipe[0]);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace icingest::privdb
