#include "statements/splits.h"

#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "statements/arithmetic.h"

namespace icingest::statements {
namespace {

constexpr double kTolerance = 0.006;  // counts are filed in millions by some

// 3.998 → 4:1, 0.0499 → 1:20, 1.5 → 3:2; none for 1.9 (no split anybody declares) and for 1.0.
std::optional<Ratio> as_split(double ratio) {
  if (ratio < 1) {
    const auto inverse = as_split(1 / ratio);
    if (!inverse) return std::nullopt;
    return Ratio{inverse->denominator, inverse->numerator};
  }
  if (ratio < 1.04 || ratio > 2000) return std::nullopt;
  const auto near = [&](double exact) { return std::abs(ratio / exact - 1) <= kTolerance; };
  if (ratio > 1.9 && near(std::round(ratio))) return Ratio{std::llround(ratio), 1};
  constexpr Ratio kUsual[] = {{3, 2}, {5, 4}, {4, 3}, {5, 2}, {6, 5}, {5, 3}, {7, 2}, {11, 10}, {21, 20}};
  for (const Ratio& usual : kUsual) {
    if (near(static_cast<double>(usual.numerator) / static_cast<double>(usual.denominator))) return usual;
  }
  return std::nullopt;
}

double size_of(const Ratio& ratio) {
  return static_cast<double>(ratio.numerator) / static_cast<double>(ratio.denominator);
}

// The same figure in an earlier and a later filing.
struct Pair {
  std::uint32_t earlier = 0;
  Decimal before, after;
};

class Finder {
 public:
  Finder(const Filings& filings, const std::vector<FiscalYear>& years, const Cells& cells)
      : filings_(filings), shares_(filings.filings.size()), eps_(filings.filings.size()) {
    for (const Field field : {Field::weighted_shares_basic, Field::weighted_shares_diluted}) {
      collect(field, years, cells, shares_);
    }
    for (const Field field : {Field::eps_basic, Field::eps_diluted}) collect(field, years, cells, eps_);
  }

  SplitBases run() {
    SplitBases out;
    for (std::uint32_t filing = 0; filing < filings_.filings.size(); ++filing) {
      const auto split = seen_in(filing);
      if (!split) continue;
      const Filing& at = filings_.filings[filing];
      out.splits.push_back({at.filed, at.accession, split->numerator, split->denominator});
      events_.push_back({filing, *split});
    }
    for (std::uint32_t filing = 0; filing < filings_.filings.size(); ++filing) {
      out.factors.push_back(factor_since(filing, static_cast<std::uint32_t>(filings_.filings.size())));
    }
    return out;
  }

 private:
  struct Event {
    std::uint32_t filing = 0;
    Ratio ratio;
  };

  static void collect(Field field, const std::vector<FiscalYear>& years, const Cells& cells,
                      std::vector<std::vector<Pair>>& pairs) {
    for (const Candidate& candidate : registry().candidates[static_cast<std::size_t>(field)]) {
      for (std::size_t year = 0; year < years.size(); ++year) {
        for (std::size_t role = 0; role < kRoleCount; ++role) {
          const auto readings = cells.at(candidate.what, year, static_cast<Role>(role));
          for (std::size_t i = 1; i < readings.size(); ++i) {
            if (readings[i - 1].value.zero() || readings[i].value.zero()) continue;
            pairs[readings[i].filing].push_back(
                {readings[i - 1].filing, readings[i - 1].value, readings[i].value});
          }
        }
      }
    }
  }

  // Of the splits first shown by filings after `earlier` and before `later`.
  [[nodiscard]] Ratio factor_since(std::uint32_t earlier, std::uint32_t later) const {
    Ratio factor;
    for (const Event& event : events_) {
      if (event.filing <= earlier || event.filing >= later) continue;
      factor.numerator *= event.ratio.numerator;
      factor.denominator *= event.ratio.denominator;
      const std::int64_t common = std::gcd(factor.numerator, factor.denominator);
      factor.numerator /= common;
      factor.denominator /= common;
    }
    return factor;
  }

  [[nodiscard]] std::optional<Ratio> seen_in(std::uint32_t filing) const {
    std::map<std::pair<std::int64_t, std::int64_t>, int> votes;
    int unchanged = 0;
    for (const Pair& pair : shares_[filing]) {
      const double known = size_of(factor_since(pair.earlier, filing));
      const double ratio = approx(pair.after) / approx(pair.before) / known;
      if (ratio <= 0) continue;
      if (const auto split = as_split(ratio)) ++votes[{split->numerator, split->denominator}];
      else unchanged += std::abs(ratio - 1) < 0.04 ? 1 : 0;
    }
    std::optional<Ratio> best;
    int most = unchanged;
    for (const auto& [ratio, count] : votes) {
      if (count > most) best = Ratio{ratio.first, ratio.second}, most = count;
    }
    if (!best || !eps_agrees(filing, *best, most)) return std::nullopt;
    return best;
  }

  // EPS must have moved the other way. Where no EPS can tell, two share counts must agree and the ratio must
  // not be that of a mistaken unit.
  [[nodiscard]] bool eps_agrees(std::uint32_t filing, const Ratio& split, int votes) const {
    int agree = 0;
    int differ = 0;
    for (const Pair& pair : eps_[filing]) {
      const double known = size_of(factor_since(pair.earlier, filing));
      const double before = approx(pair.before) / known;
      const double after = approx(pair.after);
      // Half a unit of the last place on both sides; a figure smaller than its rounding tells nothing.
      const double slack = 0.006 + 0.006 / size_of(split) / known;
      if (std::abs(before / size_of(split) - before) <= 2 * slack) continue;
      if (std::abs(after - before / size_of(split)) <= slack + 0.02 * std::abs(after)) ++agree;
      else ++differ;
    }
    if (agree + differ > 0) return agree > differ;
    const double size = size_of(split);
    return votes >= 2 && size != 1000 && size != 0.001 && size != 100 && size != 0.01;
  }

  const Filings& filings_;
  std::vector<std::vector<Pair>> shares_, eps_;  // by later filing
  std::vector<Event> events_;
};

}  // namespace

SplitBases find_splits(const Filings& filings, const std::vector<FiscalYear>& years, const Cells& cells) {
  return Finder(filings, years, cells).run();
}

}  // namespace icingest::statements
