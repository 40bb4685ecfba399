// voices.h: what each filing says of a field in a period, one concept per filing.
//
// Shape     a filing speaks with the first concept of the field's list that it reports for its own period;
// comparative
//           columns of that filing count only in that concept, so a later note cannot overrule an earlier
//           statement
// Lifetime  borrows filings, cells and split bases; Voices live as long as the Speakers
// Threads   one owner: what was asked once is remembered
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
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
using Voices = std::span<const Voice>;  // in order of filing

enum class Hearing : std::uint8_t {
  periodic,
  any
};  // annual and interim reports alone, or others where those are silent

class Speakers {
 public:
  Speakers(const Filings& filings, std::size_t years, const Cells& cells, const SplitBases& bases);

  [[nodiscard]] Voices voices(Field field, std::size_t year, Role role, Hearing hearing) const;
  // The same in one concept, whatever the filings chose.
  [[nodiscard]] Voices voices_in(ConceptId what, Field field, std::size_t year, Role role,
                                 Hearing hearing) const;

  // The concepts of a field that this company uses at all.
  [[nodiscard]] const std::vector<Candidate>& candidates(Field field) const {
    return candidates_[static_cast<std::size_t>(field)];
  }
  // Whether anybody but annual and interim reports speaks: otherwise Hearing::any hears what periodic hears.
  [[nodiscard]] bool others_speak() const { return others_speak_; }

  // A value of that filing on the newest basis, and back.
  [[nodiscard]] Decimal to_newest(const Decimal& value, Field field, std::uint32_t filing) const;
  [[nodiscard]] Decimal from_newest(const Decimal& value, Field field, std::uint32_t filing) const;

 private:
  static constexpr std::uint8_t kNone = 255;
  enum class Asked : std::uint8_t { never, silent, spoken };
  struct Answer {
    const Voice* voices = nullptr;
    std::uint32_t count = 0;
    Asked asked = Asked::never;
  };
  void choose();
  void prefer_balanced_revenue();
  void hear(Field field, std::size_t year, Role role, Hearing hearing) const;
  void hear_in(ConceptId what, Field field, std::size_t year, Role role, Hearing hearing) const;
  void add(const Reading& reading, Field field) const;
  [[nodiscard]] Voices keep_heard() const;
  [[nodiscard]] bool heard(std::uint32_t filing, Hearing hearing) const;
  [[nodiscard]] Decimal rebase(const Decimal& value, Field field, Ratio ratio) const;

  const Filings& filings_;
  const Cells& cells_;
  const SplitBases& bases_;
  std::vector<std::array<std::uint8_t, kFieldCount>> chosen_;  // by filing: rank in the field's list
  std::array<std::vector<Candidate>, kFieldCount> candidates_;
  bool others_speak_ = false;
  std::size_t years_ = 0;
  mutable std::vector<Answer> answers_;  // by field, year, role and hearing
  mutable std::vector<Voice> heard_;     // of the question at hand
  mutable std::pmr::monotonic_buffer_resource memory_;
};

}  // namespace icingest::statements
