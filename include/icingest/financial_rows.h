// financial_rows.h: statements and findings as rows of `financials` and `icingest.findings`.
//
// Shape     one FinancialRow per ticker and Statement
// Units     money in whole units of the currency, EPS in numeric(20,6), ratios in numeric(20,4)
// Lifetime  a row owns nothing: its texts are in FinancialTexts, the rest where its Statement's are
// Threads   pure functions
// Source    docs/pipelines/financials.md. Readers know the older columns by the names they have always had
#pragma once

#include <string>

#include "icingest/statements.h"
#include "icingest/table.h"

namespace icingest {

struct FinancialRow {
  std::string_view ticker;
  std::int64_t cik = 0;
  Date filing_date{}, latest_filing_date{};
  Date period_start{}, period_end{};
  std::int64_t fiscal_year = 0;
  std::optional<std::int64_t> quarter;
  std::string_view quarter_key;  // "FY", "Q1" …: the key, because a key column cannot be null
  std::string_view statement_type, form, currency, taxonomy, accession;
  std::optional<Decimal> revenue, cost_of_revenue, gross_profit, operating_expenses, operating_income,
      interest_expense, pretax_income, income_tax, net_income;
  std::optional<Decimal> eps_basic, eps_diluted, eps_basic_first, eps_diluted_first;
  std::optional<Decimal> revenue_first, net_income_first;
  std::optional<Decimal> shares_outstanding, cover_shares, weighted_shares_basic, weighted_shares_diluted;
  std::optional<Decimal> total_assets, current_assets, inventory, cash_and_equivalents, total_liabilities,
      current_liabilities, short_term_debt, long_term_debt, shareholders_equity, minority_interest;
  std::optional<Decimal> operating_cash_flow, investing_cash_flow, financing_cash_flow, capex, free_cash_flow,
      depreciation_amortization, stock_compensation, dividends_paid;
  std::optional<Decimal> debt_to_equity, current_ratio, quick_ratio, roe, roa, roic, gross_margin,
      operating_margin, net_margin;
  std::string_view filing_url;
  std::string_view
      derived;  // fields that are no reported facts: "net_income=difference gross_profit=computed"
  std::string_view
      sources;  // JSON: per field its concept, and the filings and days of its first and latest value
};

// The texts that a FinancialRow points to.
struct FinancialTexts {
  std::string filing_url, derived, sources;
};

// Whether a statement has a row: transition periods have none, for readers take a null quarter for a year.
[[nodiscard]] inline bool has_row(const Statement& statement) {
  return statement.kind != PeriodKind::transition;
}

// `texts` must live as long as the row.
[[nodiscard]] FinancialRow financial_row(std::string_view ticker, std::int64_t cik,
                                         const Statement& statement, FinancialTexts& texts);

[[nodiscard]] inline std::int64_t cik_bucket_of(const FinancialRow& row) { return row.cik; }

inline constexpr auto kFinancials =
    table<FinancialRow>(
        "financials", key("ticker", &FinancialRow::ticker, "varchar(32)"),
        column("cik", &FinancialRow::cik, "int8"), column("filing_date", &FinancialRow::filing_date, "date"),
        column("latest_filing_date", &FinancialRow::latest_filing_date, "date"),
        column("period_start_date", &FinancialRow::period_start, "date"),
        key("period_end_date", &FinancialRow::period_end, "date"),
        column("fiscal_year", &FinancialRow::fiscal_year, "int4"),
        column("fiscal_quarter", &FinancialRow::quarter, "int4"),
        key("period", &FinancialRow::quarter_key, "varchar(2)"),
        column("statement_type", &FinancialRow::statement_type, "varchar(20)"),
        column("form", &FinancialRow::form, "varchar(20)"),
        column("currency", &FinancialRow::currency, "varchar(3)"),
        column("taxonomy", &FinancialRow::taxonomy, "varchar(32)"),
        column("accession", &FinancialRow::accession, "varchar(25)"),
        column("revenue", &FinancialRow::revenue, "int8"),
        column("cost_of_revenue", &FinancialRow::cost_of_revenue, "int8"),
        column("gross_profit", &FinancialRow::gross_profit, "int8"),
        column("operating_expenses", &FinancialRow::operating_expenses, "int8"),
        column("operating_income", &FinancialRow::operating_income, "int8"),
        column("interest_expense", &FinancialRow::interest_expense, "int8"),
        column("pretax_income", &FinancialRow::pretax_income, "int8"),
        column("income_tax", &FinancialRow::income_tax, "int8"),
        column("net_income", &FinancialRow::net_income, "int8"),
        column("eps_basic", &FinancialRow::eps_basic, "numeric(20,6)"),
        column("eps_diluted", &FinancialRow::eps_diluted, "numeric(20,6)"),
        column("revenue_first", &FinancialRow::revenue_first, "int8"),
        column("net_income_first", &FinancialRow::net_income_first, "int8"),
        column("eps_basic_first", &FinancialRow::eps_basic_first, "numeric(20,6)"),
        column("eps_diluted_first", &FinancialRow::eps_diluted_first, "numeric(20,6)"),
        column("shares_outstanding", &FinancialRow::shares_outstanding, "int8"),
        column("cover_shares", &FinancialRow::cover_shares, "int8"),
        column("weighted_shares_basic", &FinancialRow::weighted_shares_basic, "int8"),
        column("weighted_shares_diluted", &FinancialRow::weighted_shares_diluted, "int8"),
        column("total_assets", &FinancialRow::total_assets, "int8"),
        column("current_assets", &FinancialRow::current_assets, "int8"),
        column("inventory", &FinancialRow::inventory, "int8"),
        column("cash_and_equivalents", &FinancialRow::cash_and_equivalents, "int8"),
        column("total_liabilities", &FinancialRow::total_liabilities, "int8"),
        column("current_liabilities", &FinancialRow::current_liabilities, "int8"),
        column("short_term_debt", &FinancialRow::short_term_debt, "int8"),
        column("long_term_debt", &FinancialRow::long_term_debt, "int8"),
        column("shareholders_equity", &FinancialRow::shareholders_equity, "int8"),
        column("minority_interest", &FinancialRow::minority_interest, "int8"),
        column("operating_cash_flow", &FinancialRow::operating_cash_flow, "int8"),
        column("investing_cash_flow", &FinancialRow::investing_cash_flow, "int8"),
        column("financing_cash_flow", &FinancialRow::financing_cash_flow, "int8"),
        column("capex", &FinancialRow::capex, "int8"),
        column("free_cash_flow", &FinancialRow::free_cash_flow, "int8"),
        column("depreciation_amortization", &FinancialRow::depreciation_amortization, "int8"),
        column("stock_compensation", &FinancialRow::stock_compensation, "int8"),
        column("dividends_paid", &FinancialRow::dividends_paid, "int8"),
        column("debt_to_equity", &FinancialRow::debt_to_equity, "numeric(20,4)"),
        column("current_ratio", &FinancialRow::current_ratio, "numeric(20,4)"),
        column("quick_ratio", &FinancialRow::quick_ratio, "numeric(20,4)"),
        column("roe", &FinancialRow::roe, "numeric(20,4)"),
        column("roa", &FinancialRow::roa, "numeric(20,4)"),
        column("roic", &FinancialRow::roic, "numeric(20,4)"),
        column("gross_margin", &FinancialRow::gross_margin, "numeric(20,4)"),
        column("operating_margin", &FinancialRow::operating_margin, "numeric(20,4)"),
        column("net_margin", &FinancialRow::net_margin, "numeric(20,4)"),
        column("sec_filing_url", &FinancialRow::filing_url, "varchar(500)"),
        column("derived", &FinancialRow::derived, "text"), column("sources", &FinancialRow::sources, "text"))
        // Rows that others have put there may have no company.
        .proved_by(BucketKind::number, cik_bucket_of, "coalesce(cik, 0)")
        .owned_by("cik");

struct FindingRow {
  std::int64_t cik = 0;
  std::string_view rule;
  Date period_end{};
  std::string_view period;  // "FY", "Q1" …; "" of a fact
  std::string_view field;
  std::string_view accession;
  std::optional<Decimal> expected, actual;
  std::string_view detail;
};
[[nodiscard]] FindingRow finding_row(std::int64_t cik, const Finding& finding);

[[nodiscard]] inline std::int64_t cik_bucket_of_finding(const FindingRow& row) { return row.cik; }

inline constexpr auto kFindings =
    table<FindingRow>(
        "icingest.findings", key("cik", &FindingRow::cik, "int8"),
        key("rule", &FindingRow::rule, "varchar(32)"), key("period_end", &FindingRow::period_end, "date"),
        key("period", &FindingRow::period, "varchar(2)"), key("field", &FindingRow::field, "text"),
        key("accession", &FindingRow::accession, "varchar(25)"),
        column("expected", &FindingRow::expected, "numeric"),
        column("actual", &FindingRow::actual, "numeric"), column("detail", &FindingRow::detail, "text"))
        .proved_by(BucketKind::number, cik_bucket_of_finding, "cik")
        .owned_by("cik");

// CREATE statements, what an existing `financials` needs before rows can be loaded into it, and what stands on both
// tables: year-to-date facts, facts and statements as of a day. icingest.findings comes with the ledger.
extern const std::string_view kFinancialsSchema;
extern const std::string_view kFinancialsAdopt;
extern const std::string_view kFinancialsViews;

}  // namespace icingest
