// voices.h: what each filing says of a field in a period, one concept per filing.
//
// Shape     a filing speaks with the first concept of the field's list that it reports for its own period;
// comparative
//           columns of that filing count only in that concept, so a later note cannot overrule an earlier
//           statement
// Lifetime  borrows filings, cells and split bases
// Threads   pure functions
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "statements/cells.h"
#include "statements/splits.h"

namespace icingest::statements {

struct Voice {
  Decimal filed_value;  // as filed
  Decimal value;        // on the newest split basis
  std::uint32_t filing = 0;
  ConceptId what = 0;
  bool adjusted = false;
};
using Voices = std::vector<Voice>;  // in order of filing

enum class Hearing : std::uint8_t {
  periodic,
  any
};  // annual and interim reports alone, or others where those are silent

class Speakers {
 public:
  Speakers(const Filings& filings, const Cells& cells, const SplitBases& bases);

  [[nodiscard]] Voices voices(Field field, std::size_t year, Role role, Hearing hearing) const;
  // The same in one concept, whatever the filings chose.
  [[nodiscard]] Voices voices_in(ConceptId what, Field field, std::size_t year, Role role,
                                 Hearing hearing) const;

  // A value of that filing on the newest basis, and back.
  [[nodiscard]] Decimal to_newest(const Decimal& value, Field field, std::uint32_t filing) const;
  [[nodiscard]] Decimal from_newest(const Decimal& value, Field field, std::uint32_t filing) const;

 private:
  static constexpr std::uint8_t kNone = 255;
  void choose();
  void prefer_balanced_revenue();
  void add(Voices& out, const Reading& reading, Field field) const;
  [[nodiscard]] bool heard(std::uint32_t filing, Hearing hearing) const;
  [[nodiscard]] Decimal rebase(const Decimal& value, Field field, Ratio ratio) const;

  const Filings& filings_;
  const Cells& cells_;
  const SplitBases& bases_;
  std::vector<std::array<std::uint8_t, kFieldCount>> chosen_;  // by filing: rank in the field's list
};

}  // namespace icingest::statements
