// statements.h: facts of one company → its annual and quarterly statements, as known on a given day.
//
// Shape     in: facts in any order, from a document or from financial_facts; out: one Statement per fiscal year and
//           discrete quarter, each value with where it came from, what was filed first and what was filed last
// Units     money in the statement's currency; shares in shares; EPS in currency per share
// Threads   pure functions: no I/O, no clock
// Lifetime  string_views of a Statement point to where the facts' do, or to constants
// Source    docs/pipelines/financials.md: period rules, concept table, what is derived
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/company_facts.h"

namespace icingest {

enum class Field : std::uint8_t {
  revenue,
  cost_of_revenue,
  gross_profit,
  operating_expenses,
  operating_income,
  interest_expense,
  pretax_income,
  income_tax,
  net_income,
  eps_basic,
  eps_diluted,
  weighted_shares_basic,
  weighted_shares_diluted,
  cover_shares,
  balance_shares,      // shares outstanding on the balance sheet
  shares_outstanding,  // the best of the three counts above
  total_assets,
  current_assets,
  inventory,
  cash_and_equivalents,
  total_liabilities,
  current_liabilities,
  short_term_debt,
  long_term_debt,
  shareholders_equity,
  minority_interest,
  total_equity,      // with minority interest
  temporary_equity,  // redeemable interests between liabilities and equity
  operating_cash_flow,
  investing_cash_flow,
  financing_cash_flow,
  capex,
  free_cash_flow,
  depreciation_amortization,
  stock_compensation,
  dividends_paid,
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::dividends_paid) + 1;

// The field's column name.
[[nodiscard]] std::string_view to_string(Field field);

enum class Origin : std::uint8_t {
  reported,    // a fact of a filing
  difference,  // of year-to-date facts, or of the year and its other quarters
  computed,    // from other values of the same statement
};
[[nodiscard]] std::string_view to_string(Origin origin);

struct Value {
  Decimal latest;  // as known on the as-of date; per-share values and share counts on that day's split basis
  Decimal first;   // as first filed, untouched by later splits
  Date first_filed{};
  Date latest_filed{};
  Origin origin = Origin::reported;
  bool split_adjusted = false;  // `latest` was filed before a split and is restated here
  bool scaled = false;          // the share-scale rule applied
  Concept what;                 // empty when computed
  std::string_view first_accession;
  std::array<std::string_view, 4> accessions{};  // of `latest`
  std::uint8_t accession_count = 0;
};

enum class PeriodKind : std::uint8_t {
  year,        // a fiscal year of 52 or 53 weeks, or twelve months
  quarter,     // a discrete quarter
  transition,  // a shorter period that a filer reports as its fiscal period: changed year end, inception
};

struct Statement {
  PeriodKind kind = PeriodKind::year;
  Date start{};
  Date end{};
  std::int64_t fiscal_year = 0;
  std::optional<std::int64_t> quarter;  // 1..4; none for year and transition
  std::string_view form;                // of the filing that first reported the period
  std::string_view accession;
  Date filing_date{};         // when the period was first reported
  Date latest_filing_date{};  // when any of its values last changed hands
  std::string_view currency;
  std::string_view taxonomy;
  std::array<std::optional<Value>, kFieldCount> values;

  [[nodiscard]] const std::optional<Value>& operator[](Field field) const {
    return values[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::optional<Value>& operator[](Field field) {
    return values[static_cast<std::size_t>(field)];
  }
};

// A stock split that filings restated their share data for.
struct SplitSeen {
  Date filed{};  // the first filing on the new basis
  std::string_view accession;
  std::int64_t numerator = 1;    // new shares …
  std::int64_t denominator = 1;  // … for old ones
};

struct Statements {
  std::vector<Statement> statements;  // by end, quarters before the year they end
  std::vector<SplitSeen> splits;
};

// Statements of one company from its facts filed on or before `as_of`.
[[nodiscard]] Statements build_statements(std::span<const Fact> facts, Date as_of);

// Something about the data a person should know: never corrected silently.
struct Finding {
  std::string_view rule;  // "balance", "quarter_sum", "sign", "share_scale", "duplicate", "future_period"
  Date period_end{};
  std::optional<std::int64_t> quarter;
  std::string_view field;
  std::optional<Decimal> expected;
  std::optional<Decimal> actual;
  std::string_view accession;
  std::string detail;
};
// A filing says one thing of a concept, unit and period. Where a document has it say several, the one that says most
// stays in `facts`, whatever their order, and each other value is a finding; exact repetitions stay.
[[nodiscard]] std::vector<Finding> settle_duplicates(std::vector<Fact>& facts);
[[nodiscard]] std::vector<Finding> check_facts(std::span<const Fact> facts);
[[nodiscard]] std::vector<Finding> check_statements(const Statements& statements);

}  // namespace icingest
