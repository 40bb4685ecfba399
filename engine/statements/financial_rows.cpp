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

// Days are left out where they are the row's: filing_date for the first, the first's for the latest.
void cite(JsonWriter& json, Field field, const Value& value, Date filing_date, Citations& citations) {
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
  if (value.first_filed != filing_date) json.text("first_filed", to_string(value.first_filed));
  if (value.latest_filed != value.first_filed) json.text("latest_filed", to_string(value.latest_filed));
  json.end_object();
}

std::string sources_text(const Statement& statement) {
  Citations citations;
  JsonWriter json;
  json.begin_object();
  json.begin_object("fields");
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (statement.values[i])
      cite(json, static_cast<Field>(i), *statement.values[i], statement.filing_date, citations);
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

}  // namespace icingest
