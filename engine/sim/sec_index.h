// sec_index.h: EDGAR's indexes: what was filed on a day and in a quarter, and the folders they lie in.
//
// The filings are those that the companies' documents cite, and beside them what a reader has to pass over:
// ownership reports, listed once for the issuer and once for the owner, and periodic reports of companies
// without XBRL. The index of a day appears at 22:00 New York; days on which EDGAR is closed have none.
//
// Threads   one owner
// Source    sources.md B.7; layout as in the recorded index of 2020-03-18
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/sec_filers.h"

namespace icingest::sim {

// A file of www.sec.gov/Archives.
struct ArchiveFile {
  std::string bytes;
  Instant modified{};
  std::string_view content_type;
  bool is_text = true;  // may be compressed on its way
};

class SecIndex {
 public:
  // `recorded`: a directory of recorded answers; the days whose index it has are those.
  SecIndex(const SecFilers& filers, std::optional<std::filesystem::path> recorded)
      : filers_(filers), recorded_(std::move(recorded)) {}

  // The file or folder at a path below /Archives/edgar/, as it stands at that time.
  [[nodiscard]] std::optional<ArchiveFile> find(std::string_view path, Instant now) const;

 private:
  struct Entry {
    std::string form;
    std::string company;
    std::int64_t cik = 0;
    Date filed{};
    std::string accession;
    bool xbrl = false;
  };
  [[nodiscard]] std::vector<Entry> entries(Date from, Date to) const;
  void add_noise(Date day, std::vector<Entry>& entries) const;
  [[nodiscard]] std::string render(std::string_view order, std::vector<Entry> entries, Date last,
                                   bool daily) const;
  [[nodiscard]] std::optional<ArchiveFile> daily(std::string_view name, Date from, Date to,
                                                 Date newest) const;
  [[nodiscard]] std::optional<ArchiveFile> full(std::string_view name, Date from, Date to, Date newest) const;

  const SecFilers& filers_;
  std::optional<std::filesystem::path> recorded_;
};

}  // namespace icingest::sim
