#include "support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace icingest::test {
namespace {

std::string slurp(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string temp_file() {
  std::string name = "/tmp/icingest-out-XXXXXX";
  const int fd = ::mkstemp(name.data());
  ::close(fd);
  return name;
}

}  // namespace

std::string icingest_binary() {
  const char* given = std::getenv("ICINGEST_BINARY");
  return given != nullptr ? given : ICINGEST_BINARY;
}

Process::Process(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment)
    : out_file_(temp_file()), err_file_(temp_file()), started_(std::chrono::steady_clock::now()) {
  std::vector<std::string> arguments = argv;
  std::vector<char*> raw_arguments;
  for (std::string& argument : arguments) raw_arguments.push_back(argument.data());
  raw_arguments.push_back(nullptr);
  std::vector<std::string> variables;
  for (const char* inherited :
       {"PATH", "HOME", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(inherited)) variables.push_back(std::string(inherited) + "=" + value);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> raw_variables;
  for (std::string& variable : variables) raw_variables.push_back(variable.data());
  raw_variables.push_back(nullptr);

  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out_file_.c_str(), O_WRONLY | O_TRUNC), STDOUT_FILENO);
    ::dup2(::open(err_file_.c_str(), O_WRONLY | O_TRUNC), STDERR_FILENO);
    for (int fd = 3; fd < 256; ++fd) ::close(fd);
    ::execve(raw_arguments[0], raw_arguments.data(), raw_variables.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::unlink(out_file_.c_str());
  ::unlink(err_file_.c_str());
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = status;
  return false;
}

std::string Process::err_so_far() const { return slurp(err_file_); }

Finished Process::wait(std::chrono::seconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (running()) {
    if (std::chrono::steady_clock::now() > until) {
      ADD_FAILURE() << "process " << pid_ << " did not end within " << patience.count() << " s:\n"
                    << slurp(err_file_);
      ::kill(pid_, SIGKILL);
      int status = 0;
      ::waitpid(pid_, &status, 0);
      status_ = status;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  Finished finished;
  finished.exit_code = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
  finished.out = slurp(out_file_);
  finished.err = slurp(err_file_);
  finished.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  return finished;
}

}  // namespace icingest::test
