#include "icingest/financial_rows.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

#include "core/text.h"
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
void put_derived(const Statement& statement, std::string& out) {
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const auto& value = statement.values[i];
    if (!value) continue;
    const auto add = [&](std::string_view how) {
      if (!out.empty()) out += ' ';
      out += to_string(static_cast<Field>(i));
      out += '=';
      out += how;
    };
    if (value->origin != Origin::reported) add(to_string(value->origin));
    if (value->split_adjusted) add("split");
    if (value->scaled) add("scaled");
  }
}

class Citations {
 public:
  std::size_t index(std::string_view accession) {
    // Values of one filing share one text, so its place tells it nearly always.
    for (std::size_t i = 0; i < accessions_.size(); ++i) {
      if (accessions_[i].data() == accession.data() && accessions_[i].size() == accession.size()) return i;
    }
    const auto found = std::find(accessions_.begin(), accessions_.end(), accession);
    if (found != accessions_.end()) return static_cast<std::size_t>(found - accessions_.begin());
    accessions_.push_back(accession);
    return accessions_.size() - 1;
  }
  void clear() { accessions_.clear(); }
  [[nodiscard]] const std::vector<std::string_view>& accessions() const { return accessions_; }

 private:
  std::vector<std::string_view> accessions_;
};

void put_number(std::size_t number, std::string& out) {
  char digits[20];
  out.append(std::begin(digits), std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

// Days are left out where they are the row's: filing_date for the first, the first's for the latest.
void cite(const Value& value, Date filing_date, Citations& citations, std::string& out) {
  out += '{';
  if (!value.what.name.empty()) {
    out += R"("concept":")";
    out += value.what.taxonomy;
    out += ':';
    out += value.what.name;
    out += R"(",)";
  }
  if (!(value.first == value.latest)) {
    out += R"("first_value":")";
    out += value.first.to_string();
    out += R"(",)";
  }
  out += R"("first":)";
  put_number(citations.index(value.first_accession), out);
  out += R"(,"latest":[)";
  for (std::size_t i = 0; i < value.accession_count; ++i) {
    if (i != 0) out += ',';
    put_number(citations.index(value.accessions[i]), out);
  }
  out += ']';
  const auto put_day = [&out](std::string_view name, Date day) {
    out += name;
    out += to_string(day);
    out += '"';
  };
  if (value.first_filed != filing_date) put_day(R"(,"first_filed":")", value.first_filed);
  if (value.latest_filed != value.first_filed) put_day(R"(,"latest_filed":")", value.latest_filed);
  out += '}';
}

// Written by hand: this is most of a row's bytes, and names of fields and concepts need no escapes.
void put_sources(const Statement& statement, std::string& out) {
  static thread_local Citations citations;
  citations.clear();
  out += R"({"fields":{)";
  bool first = true;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (!statement.values[i]) continue;
    out += first ? "\"" : ",\"";
    first = false;
    out += to_string(static_cast<Field>(i));
    out += "\":";
    cite(*statement.values[i], statement.filing_date, citations, out);
  }
  out += R"(},"filings":[)";
  for (std::size_t i = 0; i < citations.accessions().size(); ++i) {
    if (i != 0) out += ',';
    out += text::json_quote(citations.accessions()[i]);
  }
  out += "]}";
}

void put_url(std::int64_t cik, std::string_view accession, std::string& out) {
  out += "https://www.sec.gov/Archives/edgar/data/";
  put_number(static_cast<std::size_t>(cik), out);
  out += '/';
  std::copy_if(accession.begin(), accession.end(), std::back_inserter(out), [](char c) { return c != '-'; });
  out += '/';
  out += accession;
  out += "-index.htm";
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
  for (std::string* const text : {&texts.filing_url, &texts.derived, &texts.sources}) text->clear();
  put_url(cik, statement.accession, texts.filing_url);
  put_derived(statement, texts.derived);
  put_sources(statement, texts.sources);
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
