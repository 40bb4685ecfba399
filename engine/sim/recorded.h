// recorded.h: real recorded answers, served under the addresses they were recorded from.
//
// The index is the recordings' own README: it names each file and the URL or path it answered.
//
// Threads   immutable after load
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icingest/result.h"
#include "sim/http_types.h"

namespace icingest::sim {

// The bytes of a recorded file, inflated when its name ends in .gz; empty when it cannot be read.
[[nodiscard]] std::string read_recorded(const std::filesystem::path& file);

class Recorded {
 public:
  // `directory` holds README.md and the files it names.
  [[nodiscard]] static Result<Recorded> load(const std::filesystem::path& directory);

  // The recorded body, if this request was recorded: same path (letter case apart), and every parameter of
  // the recording that is not a key or a default is in the request.
  [[nodiscard]] std::optional<SimAnswer> find(const SimRequest& request) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string path;
    std::map<std::string, std::string> query;
    std::filesystem::path file;
  };
  std::vector<Entry> entries_;
};

}  // namespace icingest::sim
