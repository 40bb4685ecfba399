// basis.h: the splits known on one day, and what they make of values recorded before them.
//
// A price of a session is put on the basis of that day by multiplying it with the ratio of every split that
// executed after the session; a volume is divided by it. The ratios are exact, and the product is rounded
// once (ratio.h).
//
// Threads   immutable after construction
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "icingest/ratio.h"
#include "icingest/time.h"

namespace icingest {

// An event that changes history already loaded: the symbol's rows before `effective` must be read again when
// they were read before that day. `price` is what it makes of a price before it: 1/4 for a split of one share
// into four.
struct Restatement {
  std::string symbol;
  Date effective{};
  Ratio price{};

  friend bool operator==(const Restatement&, const Restatement&) = default;
};

class Basis {
 public:
  // Events after `as_of` are left out, and those that are listed twice count once.
  Basis(Date as_of, std::vector<Restatement> events);

  [[nodiscard]] Date as_of() const { return as_of_; }
  // What a price of that session is multiplied with; invalid when an event cannot be expressed exactly.
  [[nodiscard]] Ratio price_ratio(std::string_view symbol, Date session) const;

 private:
  struct Step {
    Date effective{};
    Ratio price;  // of this event and all later ones
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Date as_of_;
  std::unordered_map<std::string, std::vector<Step>, Hash, std::equal_to<>> steps_;  // newest event first
};

}  // namespace icingest
