#include "icingest/financial_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/json_writer.h"
#include "statements/arithmetic.h"

namespace icingest {
namespace {

using statements::divide;
using statements::minus;
using statements::plus;
using statements::times;
using Number = std::optional<Decimal>;

constexpr std::string_view kPeriods[] = {"FY", "Q1", "Q2", "Q3", "Q4"};

std::string_view period_word(const std::optional<std::int64_t>& quarter) {
  return kPeriods[quarter ? static_cast<std::size_t>(*quarter) : 0];
}

Number latest(const Statement& statement, Field field) {
  if (!statement[field]) return std::nullopt;
  return statement[field]->latest;
}
Number first(const Statement& statement, Field field) {
  if (!statement[field]) return std::nullopt;
  return statement[field]->first;
}

// a / b, where b must be more than zero to mean anything.
Number quotient(const Number& a, const Number& b) {
  if (!a || !b || b->negative() || b->zero()) return std::nullopt;
  return divide(*a, *b, 4);
}
Number percent(const Number& a, const Number& b) {
  const Number hundredfold = a ? times(*a, 100) : std::nullopt;
  return quotient(hundredfold, b);
}
Number sum_of_known(const Number& a, const Number& b) {
  if (!a || !b) return a ? a : b;
  return plus(*a, *b);
}

// Operating income after tax at the period's own rate, to the capital it was earned on.
Number return_on_capital(const FinancialRow& row) {
  if (!row.operating_income || !row.income_tax || !row.pretax_income) return std::nullopt;
  if (row.pretax_income->negative() || row.pretax_income->zero()) return std::nullopt;
  const Number kept = minus(*row.pretax_income, *row.income_tax);
  if (!kept || kept->negative() || kept->zero()) return std::nullopt;
  const Number before_per_kept = divide(*row.pretax_income, *kept, 9);
  const Number after_tax =
      before_per_kept ? divide(*row.operating_income, *before_per_kept, 0) : std::nullopt;
  const Number capital = sum_of_known(sum_of_known(row.short_term_debt, row.long_term_debt),
                                      sum_of_known(row.shareholders_equity, row.minority_interest));
  return percent(after_tax, capital);
}

void fill_ratios(FinancialRow& row) {
  row.gross_margin = percent(row.gross_profit, row.revenue);
  row.operating_margin = percent(row.operating_income, row.revenue);
  row.net_margin = percent(row.net_income, row.revenue);
  // A filer without debt tags none: no debt and no tag are the same here.
  const Number debt = sum_of_known(row.short_term_debt, row.long_term_debt).value_or(Decimal());
  row.debt_to_equity = quotient(debt, row.shareholders_equity);
  row.current_ratio = quotient(row.current_assets, row.current_liabilities);
  if (row.current_assets) {
    row.quick_ratio =
        quotient(minus(*row.current_assets, row.inventory.value_or(Decimal())), row.current_liabilities);
  }
  row.roa = percent(row.net_income, row.total_assets);
  row.roe = percent(row.net_income, row.shareholders_equity);
  row.roic = return_on_capital(row);
}

// What is not plainly a reported fact: how it came about, and what was done to it.
std::string derived_text(const Statement& statement) {
  std::string text;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const auto& value = statement.values[i];
    if (!value) continue;
    const auto add = [&](std::string_view how) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", to_string(static_cast<Field>(i)), how);
    };
    if (value->origin != Origin::reported) add(to_string(value->origin));
    if (value->split_adjusted) add("split");
    if (value->scaled) add("scaled");
  }
  return text;
}

class Citations {
 public:
  std::size_t index(std::string_view accession) {
    const auto found = std::find(accessions_.begin(), accessions_.end(), accession);
    if (found != accessions_.end()) return static_cast<std::size_t>(found - accessions_.begin());
    accessions_.push_back(accession);
    return accessions_.size() - 1;
  }
  [[nodiscard]] const std::vector<std::string_view>& accessions() const { return accessions_; }

 private:
  std::vector<std::string_view> accessions_;
};

void cite(JsonWriter& json, Field field, const Value& value, Citations& citations) {
  json.begin_object(to_string(field));
  if (!value.what.name.empty())
    json.text("concept", fmt::format("{}:{}", value.what.taxonomy, value.what.name));
  if (!(value.first == value.latest)) json.text("first_value", value.first.to_string());
  json.number("first", static_cast<std::int64_t>(citations.index(value.first_accession)));
  json.begin_array("latest");
  for (std::size_t i = 0; i < value.accession_count; ++i) {
    json.number("", static_cast<std::int64_t>(citations.index(value.accessions[i])));
  }
  json.end_array();
  json.end_object();
}

std::string sources_text(const Statement& statement) {
  Citations citations;
  JsonWriter json;
  json.begin_object();
  json.begin_object("fields");
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (statement.values[i]) cite(json, static_cast<Field>(i), *statement.values[i], citations);
  }
  json.end_object();
  json.begin_array("filings");
  for (const std::string_view accession : citations.accessions()) json.text("", accession);
  json.end_array();
  json.end_object();
  return json.str();
}

std::string url_of(std::int64_t cik, std::string_view accession) {
  std::string folder(accession);
  std::erase(folder, '-');
  return fmt::format("https://www.sec.gov/Archives/edgar/data/{}/{}/{}-index.htm", cik, folder, accession);
}

void fill_values(FinancialRow& row, const Statement& statement) {
  using Member = Number FinancialRow::*;
  struct Column {
    Field field;
    Member member;
  };
  static constexpr Column kColumns[] = {
      {Field::revenue, &FinancialRow::revenue},
      {Field::cost_of_revenue, &FinancialRow::cost_of_revenue},
      {Field::gross_profit, &FinancialRow::gross_profit},
      {Field::operating_expenses, &FinancialRow::operating_expenses},
      {Field::operating_income, &FinancialRow::operating_income},
      {Field::interest_expense, &FinancialRow::interest_expense},
      {Field::pretax_income, &FinancialRow::pretax_income},
      {Field::income_tax, &FinancialRow::income_tax},
      {Field::net_income, &FinancialRow::net_income},
      {Field::eps_basic, &FinancialRow::eps_basic},
      {Field::eps_diluted, &FinancialRow::eps_diluted},
      {Field::shares_outstanding, &FinancialRow::shares_outstanding},
      {Field::cover_shares, &FinancialRow::cover_shares},
      {Field::weighted_shares_basic, &FinancialRow::weighted_shares_basic},
      {Field::weighted_shares_diluted, &FinancialRow::weighted_shares_diluted},
      {Field::total_assets, &FinancialRow::total_assets},
      {Field::current_assets, &FinancialRow::current_assets},
      {Field::inventory, &FinancialRow::inventory},
      {Field::cash_and_equivalents, &FinancialRow::cash_and_equivalents},
      {Field::total_liabilities, &FinancialRow::total_liabilities},
      {Field::current_liabilities, &FinancialRow::current_liabilities},
      {Field::short_term_debt, &FinancialRow::short_term_debt},
      {Field::long_term_debt, &FinancialRow::long_term_debt},
      {Field::shareholders_equity, &FinancialRow::shareholders_equity},
      {Field::minority_interest, &FinancialRow::minority_interest},
      {Field::operating_cash_flow, &FinancialRow::operating_cash_flow},
      {Field::investing_cash_flow, &FinancialRow::investing_cash_flow},
      {Field::financing_cash_flow, &FinancialRow::financing_cash_flow},
      {Field::capex, &FinancialRow::capex},
      {Field::free_cash_flow, &FinancialRow::free_cash_flow},
      {Field::depreciation_amortization, &FinancialRow::depreciation_amortization},
      {Field::stock_compensation, &FinancialRow::stock_compensation},
      {Field::dividends_paid, &FinancialRow::dividends_paid},
  };
  for (const Column& column : kColumns) row.*column.member = latest(statement, column.field);
  row.revenue_first = first(statement, Field::revenue);
  row.net_income_first = first(statement, Field::net_income);
  row.eps_basic_first = first(statement, Field::eps_basic);
  row.eps_diluted_first = first(statement, Field::eps_diluted);
}

}  // namespace

FinancialRow financial_row(std::string_view ticker, std::int64_t cik, const Statement& statement,
                           FinancialTexts& texts) {
  texts = {url_of(cik, statement.accession), derived_text(statement), sources_text(statement)};
  FinancialRow row;
  row.ticker = ticker;
  row.cik = cik;
  row.filing_date = statement.filing_date;
  row.latest_filing_date = statement.latest_filing_date;
  row.period_start = statement.start;
  row.period_end = statement.end;
  row.fiscal_year = statement.fiscal_year;
  row.quarter = statement.quarter;
  row.quarter_key = period_word(statement.quarter);
  // Readers tell years from quarters by these two words, whatever form a filer uses.
  row.statement_type = statement.quarter ? "10-Q" : "10-K";
  row.form = statement.form;
  row.currency = statement.currency;
  row.taxonomy = statement.taxonomy;
  row.accession = statement.accession;
  fill_values(row, statement);
  fill_ratios(row);
  row.filing_url = texts.filing_url;
  row.derived = texts.derived;
  row.sources = texts.sources;
  return row;
}

FindingRow finding_row(std::int64_t cik, const Finding& finding) {
  const bool of_fact = finding.rule == "duplicate" || finding.rule == "future_period";
  return {.cik = cik,
          .rule = finding.rule,
          .period_end = finding.period_end,
          .period = of_fact ? std::string_view{} : period_word(finding.quarter),
          .field = finding.field,
          .accession = finding.accession,
          .expected = finding.expected,
          .actual = finding.actual,
          .detail = finding.detail};
}

constinit const std::string_view kFinancialsSchema = R"sql(
CREATE TABLE financials (
  id bigserial PRIMARY KEY,
  ticker varchar(32) NOT NULL,
  cik bigint,
  filing_date date NOT NULL,
  latest_filing_date date,
  period_start_date date,
  period_end_date date NOT NULL,
  fiscal_year integer NOT NULL,
  fiscal_quarter integer,
  period varchar(2) NOT NULL,
  statement_type varchar(20),
  form varchar(20),
  currency varchar(3),
  taxonomy varchar(32),
  accession varchar(25),
  revenue bigint,
  cost_of_revenue bigint,
  gross_profit bigint,
  operating_expenses bigint,
  operating_income bigint,
  interest_expense bigint,
  pretax_income bigint,
  income_tax bigint,
  net_income bigint,
  eps_basic numeric(20,6),
  eps_diluted numeric(20,6),
  revenue_first bigint,
  net_income_first bigint,
  eps_basic_first numeric(20,6),
  eps_diluted_first numeric(20,6),
  shares_outstanding bigint,
  cover_shares bigint,
  weighted_shares_basic bigint,
  weighted_shares_diluted bigint,
  total_assets bigint,
  current_assets bigint,
  inventory bigint,
  cash_and_equivalents bigint,
  total_liabilities bigint,
  current_liabilities bigint,
  short_term_debt bigint,
  long_term_debt bigint,
  shareholders_equity bigint,
  minority_interest bigint,
  operating_cash_flow bigint,
  investing_cash_flow bigint,
  financing_cash_flow bigint,
  capex bigint,
  free_cash_flow bigint,
  depreciation_amortization bigint,
  stock_compensation bigint,
  dividends_paid bigint,
  pe_ratio numeric(20,4),
  pb_ratio numeric(20,4),
  ps_ratio numeric(20,4),
  debt_to_equity numeric(20,4),
  current_ratio numeric(20,4),
  quick_ratio numeric(20,4),
  roe numeric(20,4),
  roa numeric(20,4),
  roic numeric(20,4),
  gross_margin numeric(20,4),
  operating_margin numeric(20,4),
  net_margin numeric(20,4),
  sec_filing_url varchar(500),
  raw_data jsonb,
  derived text,
  sources text,
  created_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX financials_key ON financials (ticker, period_end_date, period);
CREATE UNIQUE INDEX financials_quarter_key ON financials (ticker, period_end_date, fiscal_quarter) NULLS NOT DISTINCT;
CREATE INDEX financials_by_ticker ON financials (ticker, fiscal_year DESC, fiscal_quarter, period_end_date DESC);
CREATE INDEX financials_by_cik ON financials (cik);
CREATE INDEX financials_by_end ON financials (period_end_date DESC);
)sql";

constinit const std::string_view kFinancialsAdopt = R"sql(
ALTER TABLE financials ADD COLUMN IF NOT EXISTS period varchar(2);
DELETE FROM financials a USING financials b
  WHERE a.ticker = b.ticker AND a.period_end_date = b.period_end_date
    AND a.fiscal_quarter IS NOT DISTINCT FROM b.fiscal_quarter AND a.id < b.id;
UPDATE financials SET period = coalesce('Q' || fiscal_quarter, 'FY') WHERE period IS NULL;
)sql";

constinit const std::string_view kFindingsSchema = R"sql(
CREATE TABLE icingest.findings (
  cik bigint NOT NULL,
  rule varchar(32) NOT NULL,
  period_end date NOT NULL,
  period varchar(2) NOT NULL,       -- FY, Q1 …; empty: a single fact
  field text NOT NULL,
  accession varchar(25) NOT NULL,
  expected numeric,
  actual numeric,
  detail text NOT NULL,
  found_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (cik, rule, period_end, period, field, accession)
);
)sql";

}  // namespace icingest
