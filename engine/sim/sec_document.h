// sec_document.h: one company's companyfacts document, as of any day and under any company's name.
//
// What was filed after a day is not in the document of that day, and neither are units, concepts and taxonomies
// of which nothing is left. (`frame` stays where it was recorded; the SEC moves it from vintage to vintage.)
// An amendment repeats every row of the newest periodic report, whole numbers of a million and more raised by
// kRestated; it stands behind the row that it repeats and takes `frame` from it.
//
// Memory    the full document is kept deflated; the other days' are made when asked for, and kept too
// Threads   one owner
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/time.h"
#include "sim/packed.h"

namespace icingest::sim {

inline constexpr std::int64_t kRestated = 1000;

struct Filing {
  std::string accession;
  std::string form;
  Date filed{};
  Date period{};  // the newest end of what it reports
};
// 10-K, 10-Q, 20-F, 40-F, 6-K and their amendments: filings that carry statements.
[[nodiscard]] bool is_periodic(std::string_view form);

// Who the document is of. Without a name it is the document's own.
struct Identity {
  std::int64_t cik = 0;
  std::string name;
};

// What is filed on top of the document.
struct Amendment {
  Date filed{};
  std::string accession;

  friend auto operator<=>(const Amendment&, const Amendment&) = default;
};

class SecDocument {
 public:
  // Any JSON; blanks between its tokens are dropped, as the SEC sends none. What does not have the shape of
  // companyfacts is kept as it is, without filings.
  explicit SecDocument(std::string_view json);

  [[nodiscard]] const std::vector<Filing>& filings() const { return filings_; }  // by day
  // The name for an index: plain text.
  [[nodiscard]] const std::string& name() const { return plain_name_; }
  // The newest periodic report filed by that day and before `amended`.
  [[nodiscard]] const Filing* amendable(Date by, Date amended) const;

  [[nodiscard]] SplitText as_of(const Identity& who, Date day, const std::optional<Amendment>& amendment);

 private:
  enum class CikForm : std::uint8_t { none, number, padded, bare };
  using Vintage = std::pair<Date, std::optional<Amendment>>;

  [[nodiscard]] std::string head(const Identity& who) const;

  CikForm cik_form_ = CikForm::none;
  std::string name_;  // a JSON string as it came, quotes included
  std::string plain_name_;
  std::vector<Filing> filings_;
  Packed full_;
  std::map<Vintage, Packed> vintages_;
};

}  // namespace icingest::sim
