#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "icingest/statements.h"
#include "statements/arithmetic.h"

namespace icingest {
namespace {

using statements::approx;
using statements::minus;
using statements::plus;

// Two sums of figures rounded to millions, or to thousands of millions by the largest filers.
bool about_equal(const Decimal& a, const Decimal& b) {
  const double size = std::max(std::abs(approx(a)), std::abs(approx(b)));
  return std::abs(approx(a) - approx(b)) <= 0.002 * size + 0.5;
}

class Checks {
 public:
  explicit Checks(const Statements& statements) : all_(statements.statements) {}

  std::vector<Finding> run() {
    for (const Statement& statement : all_) {
      balance(statement);
      signs(statement);
      share_scale(statement);
      if (statement.kind == PeriodKind::year) quarter_sum(statement);
    }
    return std::move(found_);
  }

 private:
  void add(const Statement& statement, std::string_view rule, Field field, std::optional<Decimal> expected,
           std::optional<Decimal> actual, std::string detail) {
    found_.push_back({rule, statement.end, statement.quarter, to_string(field), std::move(expected),
                      std::move(actual), statement.accession, std::move(detail)});
  }

  // Assets are liabilities and equity, with minority interest and what stands between the two. Later filings
  // restate some of these and not others, so figures first filed together may balance where the latest do
  // not.
  void balance(const Statement& statement) {
    const auto& assets = statement[Field::total_assets];
    const auto& liabilities = statement[Field::total_liabilities];
    if (!assets || !liabilities || liabilities->origin != Origin::reported) return;
    const std::vector<Decimal> latest = right_sides(statement, &Value::latest);
    if (latest.empty() || fits_any(latest, assets->latest)) return;
    if (fits_any(right_sides(statement, &Value::first), assets->first)) return;
    add(statement, "balance", Field::total_assets, latest.front(), assets->latest,
        "assets are not liabilities plus equity");
  }

  // Not every filer puts the same things between liabilities and equity: each form of the sum is tried.
  static std::vector<Decimal> right_sides(const Statement& statement, Decimal Value::*vintage) {
    const auto& equity = statement[Field::total_equity] ? statement[Field::total_equity]
                                                        : statement[Field::shareholders_equity];
    std::vector<Decimal> sums;
    if (!equity) return sums;
    if (const auto sum = plus((*statement[Field::total_liabilities]).*vintage, (*equity).*vintage))
      sums.push_back(*sum);
    for (const Field between : {Field::minority_interest, Field::temporary_equity}) {
      for (std::size_t i = sums.size(); statement[between] && i-- > 0;) {
        if (const auto more = plus(sums[i], (*statement[between]).*vintage)) sums.push_back(*more);
      }
    }
    return sums;
  }
  static bool fits_any(const std::vector<Decimal>& sums, const Decimal& assets) {
    return std::any_of(sums.begin(), sums.end(),
                       [&](const Decimal& sum) { return about_equal(sum, assets); });
  }

  void signs(const Statement& statement) {
    for (const Field field :
         {Field::total_assets, Field::current_assets, Field::inventory, Field::shares_outstanding,
          Field::weighted_shares_basic, Field::weighted_shares_diluted}) {
      const auto& value = statement[field];
      if (value && value->latest.negative()) add(statement, "sign", field, {}, value->latest, "negative");
    }
    const auto& income = statement[Field::net_income];
    const auto& eps =
        statement[Field::eps_basic] ? statement[Field::eps_basic] : statement[Field::eps_diluted];
    if (!income || !eps || eps->origin != Origin::reported || income->origin != Origin::reported) return;
    if (income->latest.zero() || std::abs(approx(eps->latest)) < 0.02) return;
    // Preferred dividends can turn a small profit into a loss per share, so only equal sizes with unequal
    // signs count.
    const auto& shares = statement[Field::weighted_shares_basic];
    if (income->latest.negative() == eps->latest.negative() || !shares || shares->latest.zero()) return;
    const double implied = approx(income->latest) / approx(shares->latest);
    if (std::abs(implied + approx(eps->latest)) > 0.15 * std::abs(implied) + 0.02) return;
    add(statement, "sign", Field::net_income, {}, income->latest,
        fmt::format("net income and EPS {} have different signs", eps->latest.to_string()));
  }

  // Share counts that are away from each other by more than any issue of shares explains.
  void share_scale(const Statement& statement) {
    const auto& weighted = statement[Field::weighted_shares_basic];
    for (const Field field : {Field::weighted_shares_basic, Field::weighted_shares_diluted,
                              Field::cover_shares, Field::balance_shares}) {
      const auto& value = statement[field];
      if (!value || value->latest.zero()) continue;
      if (value->scaled) {
        add(statement, "share_scale", field, value->latest, value->first, "scaled by the share-scale rule");
        continue;
      }
      if (!weighted || weighted->latest.zero()) continue;
      const double ratio = approx(value->latest) / approx(weighted->latest);
      if (ratio >= 0.2 && ratio <= 5) continue;
      add(statement, "share_scale", field, weighted->latest, value->latest,
          "far from the weighted average count");
    }
  }

  void quarter_sum(const Statement& year) {
    static constexpr Field kSummed[] = {Field::revenue, Field::net_income, Field::operating_income,
                                        Field::operating_cash_flow};
    struct Sum {
      std::optional<Decimal> total = Decimal();
      int quarters = 0;
    };
    std::array<Sum, std::size(kSummed)> sums;
    for (const Statement& quarter : all_) {
      if (!quarter.quarter || quarter.end > year.end || quarter.start < year.start) continue;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const auto& value = quarter[kSummed[i]];
        if (!value) continue;
        sums[i].total = sums[i].total ? plus(*sums[i].total, value->latest) : sums[i].total;
        ++sums[i].quarters;
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto& value = year[kSummed[i]];
      const auto& [sum, quarters] = sums[i];
      if (!value || quarters != 4 || !sum || about_equal(*sum, value->latest)) continue;
      const bool restated = !(value->latest == value->first);
      add(year, "quarter_sum", kSummed[i], sum, value->latest,
          restated ? "the year was restated after its quarters" : "quarters do not add up to the year");
    }
  }

  const std::vector<Statement>& all_;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> check_statements(const Statements& statements) { return Checks(statements).run(); }

std::vector<Finding> check_facts(std::span<const Fact> facts) {
  std::vector<Finding> found;
  for (const Fact& fact : facts) {
    if (fact.end <= fact.filed || concepts()[fact.what].taxonomy == "dei") continue;
    found.push_back({"future_period", fact.end, std::nullopt, concepts()[fact.what].name, std::nullopt,
                     fact.value, fact.accession, "ends after it was filed on " + to_string(fact.filed)});
  }
  return found;
}

}  // namespace icingest
