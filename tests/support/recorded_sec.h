// recorded_sec.h: an SEC that answers with recorded documents.
#pragma once

#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/http_imposter.h"
#include "support/shared_data.h"

namespace icingest::test {

// It has these documents, by CIK, and nothing else: a file under sec/companyfacts, or the text of one.
class RecordedSec {
 public:
  RecordedSec(std::initializer_list<std::pair<const std::string, std::string>> files) : files_(files) {}

  void put(const std::string& cik, const std::string& file) {
    const std::scoped_lock lock(mutex_);
    files_[cik] = file;
  }
  [[nodiscard]] std::string url() const { return imposter_.url(); }
  [[nodiscard]] std::vector<std::string> requests() const { return imposter_.requests(); }

 private:
  std::string answer(const std::string& head) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [cik, file] : files_) {
      if (head.find("/api/xbrl/companyfacts/CIK" + cik + ".json") == std::string::npos) continue;
      return http_answer(200, file.starts_with('{') ? file : read_shared("sec/companyfacts/" + file));
    }
    if (head.find("/api/") != std::string::npos) {
      return http_answer(404, read_shared("sec/errors/submissions_unknown_cik_404.xml"),
                         "Content-Type: application/xml\r\n");
    }
    return http_answer(403, read_shared("sec/errors/full_index_future_quarter_403.xml"),
                       "Content-Type: application/xml\r\n");
  }

  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  HttpImposter imposter_{[this](const std::string& head) { return answer(head); }};
};

}  // namespace icingest::test
