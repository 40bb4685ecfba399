// process.h: the real binary as a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace icingest::test {

struct Finished {
  int exit_code = -1;  // 128 + signal when killed
  std::string out;
  std::string err;
  double seconds = 0;
};

class Process {
 public:
  // The child gets only these variables, and PATH and HOME.
  Process(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }
  // What it wrote to stderr so far.
  [[nodiscard]] std::string err_so_far() const;
  // Waits for its end; kills it after `patience`, which fails the test.
  Finished wait(std::chrono::seconds patience = std::chrono::seconds(120));

 private:
  pid_t pid_ = -1;
  std::string out_file_;
  std::string err_file_;
  std::optional<int> status_;
  std::chrono::steady_clock::time_point started_;
};

// The binary of this build, or the one that ICINGEST_BINARY names: for long loops over a release build.
[[nodiscard]] std::string icingest_binary();

}  // namespace icingest::test
