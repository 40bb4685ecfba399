// arithmetic.h: sums, differences and quotients of exact decimals.
//
// Shape     exact where the result is exact; quotients are rounded half-even to the places asked for
// Errors    none where 38 digits do not suffice: no value is better than a wrong one
// Threads   pure functions
#pragma once

#include <optional>

#include "icingest/decimal.h"

namespace icingest::statements {

[[nodiscard]] std::optional<Decimal> plus(const Decimal& a, const Decimal& b);
[[nodiscard]] std::optional<Decimal> minus(const Decimal& a, const Decimal& b);
[[nodiscard]] std::optional<Decimal> times(const Decimal& a, std::int64_t factor);
// a / b to `places` decimals. None when b is zero.
//   divide(2, 3, 4) → 0.6667
[[nodiscard]] std::optional<Decimal> divide(const Decimal& a, const Decimal& b, int places);
[[nodiscard]] Decimal absolute(const Decimal& a);
// The same value without zeros behind the last decimal.
[[nodiscard]] Decimal trimmed(const Decimal& a);
// Which of two figures for one thing to believe: the more precise one, then the larger.
//   says_more(713.4, 713) → true
[[nodiscard]] bool says_more(const Decimal& a, const Decimal& b);
// For comparisons with a tolerance only; never stored.
[[nodiscard]] double approx(const Decimal& a);

}  // namespace icingest::statements
