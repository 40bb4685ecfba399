// sec_bulk.h: the SEC's nightly zips: companyfacts.zip and submissions.zip.
//
// Each is rebuilt between 04:28 and 04:36 GMT with what was filed by the day before, under a new ETag and with
// its members in a new order. SecOptions::zip_age nights of it have failed.
//
// Threads   one owner; a layout handed out stays good after a rebuild
// Source    sources.md B.1 and B.5
#pragma once

#include <array>
#include <memory>
#include <string>

#include "sim/sec_filers.h"
#include "sim/sec_submissions.h"
#include "sim/zip_layout.h"

namespace icingest::sim {

enum class BulkKind : std::uint8_t { companyfacts, submissions };

struct BulkZip {
  std::string etag;
  Instant modified{};
  std::shared_ptr<const ZipLayout> bytes;
};

class SecBulk {
 public:
  SecBulk(const SecFilers& filers, const SecSubmissions& submissions, const SecOptions& options);

  // The zip as it stands at that time.
  [[nodiscard]] const BulkZip& zip(BulkKind kind, Instant now);
  // Builds both once more, as if it were the next night with nothing filed.
  void replace() { ++generation_; }
  // How often one has been laid out.
  [[nodiscard]] std::int64_t built() const { return built_; }

 private:
  [[nodiscard]] Instant built_at(Instant now) const;
  [[nodiscard]] std::shared_ptr<const ZipLayout> companyfacts(Date day) const;
  [[nodiscard]] std::shared_ptr<const ZipLayout> submissions(Date day) const;
  template <class T>
  void shuffle(std::vector<T>& members) const;

  const SecFilers& filers_;
  const SecSubmissions& submissions_;
  SecOptions options_;
  std::uint64_t generation_ = 0;
  std::int64_t built_ = 0;
  std::array<BulkZip, 2> zips_;
};

}  // namespace icingest::sim
