// sec_filers.h: the companies the simulator's SEC knows, and the document of each as of any day.
//
// The market's tickers lead to them: each company's CIK is what the ticker list says. Beyond the market's there
// may be any number of companies without a ticker. Documents are recorded ones or made up (sec_made_up.h); there
// are fewer of them than companies, so most appear under several CIKs and names. A recorded document's own
// company is there too, with nothing changed.
//
// Some companies have no XBRL at all, some an empty document, some one without facts. From SecOptions::late_from
// on companies file amendments (sec_document.h), each at most one, late_percent of those left on each day; a
// recorded company under its own CIK never does. A filing is in the live document from 16:05 New York of its day
// on.
//
// Threads   one owner
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "icingest/result.h"
#include "icingest/source.h"
#include "sim/market.h"
#include "sim/sec_document.h"

namespace icingest::sim {

// Members of companyfacts.zip that are not as they should be. The live document of the same company is right.
enum class BadMember : std::uint8_t {
  bad_crc,      // the directory's CRC is another
  bad_deflate,  // the compressed bytes are none
  cut_json,     // whole as a member, its JSON ends in the middle
  deep_json,    // a hundred thousand nested arrays
  bomb,         // 256 MiB of blanks and no document
  odd_name,     // a file that is no company's, beside the company's
  count_
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(BadMember::count_)> kBadMemberNames = {
    "bad_crc", "bad_deflate", "cut_json", "deep_json", "bomb", "odd_name"};

struct SecOptions {
  RateLimit limit{.permits = 10};
  std::chrono::milliseconds penalty =
      std::chrono::minutes(10);  // of quiet before a client that overran may go on
  int companies = 0;             // with XBRL, at least: those beyond the market's have no ticker
  std::optional<std::filesystem::path> recorded;  // a directory of recorded answers whose companies take part
  int zip_age = 0;                                // nights without a rebuild of the zips
  int late_percent = 2;
  std::optional<Date> late_from;  // ten days before the market's last
  bool zip64 = false;
  bool descriptors = false;
  std::map<BadMember, int> bad;  // how many of each
};

struct RecordedCompany {
  std::int64_t cik = 0;
  std::string title;                 // empty when the ticker map does not have it
  std::vector<std::string> symbols;  // in the market's notation: BRK.A
  std::filesystem::path file;
};
// The companies under sec/companyfacts of a directory of recorded answers, their newest vintage each.
[[nodiscard]] Result<std::vector<RecordedCompany>> find_recorded_companies(
    const std::filesystem::path& directory);
// A symbol of the market as the SEC writes it: BRK-A.
[[nodiscard]] std::string sec_symbol(std::string symbol);
// What they add to the market.
[[nodiscard]] std::vector<Listing> listings_of(const std::vector<RecordedCompany>& companies);

struct Filer {
  enum class Kind : std::uint8_t {
    regular,
    no_xbrl,       // unknown to companyfacts
    empty_object,  // {}
    no_facts,      // a name and nothing else
  };
  std::int64_t cik = 0;
  std::string name;
  std::vector<std::string> symbols;  // as the market writes them; none: not listed
  std::size_t document = 0;
  Kind kind = Kind::regular;
  bool own = false;  // the recorded document's own company
};

class SecFilers {
 public:
  SecFilers(const Market& market, const SecOptions& options, std::vector<RecordedCompany> recorded);

  [[nodiscard]] const std::vector<Filer>& all() const { return filers_; }  // ascending by CIK
  [[nodiscard]] const Filer* find(std::int64_t cik) const;
  // As indexes write it.
  [[nodiscard]] std::string name(const Filer& filer) const;

  // The newest day whose filings the live documents have.
  [[nodiscard]] static Date live_day(Instant now);
  // Nothing when the company has no XBRL.
  [[nodiscard]] std::optional<SplitText> companyfacts(const Filer& filer, Date day) const;
  // What the company had filed by that day, by day.
  [[nodiscard]] std::vector<Filing> filings(const Filer& filer, Date day) const;
  [[nodiscard]] std::optional<Date> amended_on(const Filer& filer) const;
  // What is wrong with a company's member of companyfacts.zip; listed companies come first.
  [[nodiscard]] std::optional<BadMember> bad_member(const Filer& filer) const;

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

 private:
  void add_companies_of(const Market& market);
  void add_recorded();
  void add_unlisted(int companies);
  void choose_bad(const std::map<BadMember, int>& wanted);
  [[nodiscard]] Filer make(std::int64_t cik, std::string name) const;
  [[nodiscard]] SecDocument& document(std::size_t number) const;
  [[nodiscard]] std::optional<Amendment> amendment_by(const Filer& filer, Date day) const;

  std::uint64_t seed_;
  Date to_;
  Date late_from_;
  int late_percent_;
  std::vector<RecordedCompany> recorded_;
  std::vector<Filer> filers_;
  std::map<std::int64_t, BadMember> bad_;
  // Read or made when first asked for.
  mutable std::vector<std::unique_ptr<SecDocument>> documents_;
  mutable std::map<std::int64_t, std::optional<Date>> amended_;
};

}  // namespace icingest::sim
