// sec_submissions.h: a company's metadata and list of filings, as data.sec.gov/submissions gives them.
//
// Recorded answers are served as they are, pages included; for every other company the list is that of its
// facts' filings.
//
// Threads   one owner
// Source    sources.md B.4
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/sec_filers.h"

namespace icingest::sim {

class SecSubmissions {
 public:
  SecSubmissions(const SecFilers& filers, const std::optional<std::filesystem::path>& recorded);

  // Every file there is: "CIK0000320193.json", "CIK0001318605-submissions-001.json".
  [[nodiscard]] std::vector<std::string> names() const;
  // One of them with what was filed by that day.
  [[nodiscard]] std::optional<SplitText> find(const std::string& name, Date day) const;

 private:
  [[nodiscard]] SplitText made(const Filer& filer, Date day) const;

  const SecFilers& filers_;
  std::map<std::string, std::filesystem::path> recorded_;
  mutable std::map<std::string, Packed> packed_;  // of recorded files
  // Lists by document, number of filings and day of the amendment: companies of one document share them.
  mutable std::map<std::tuple<std::size_t, std::size_t, Date>, Packed> lists_;
};

}  // namespace icingest::sim
