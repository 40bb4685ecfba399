// financials.cpp: annual and quarterly statements of every company that files with the SEC, from its XBRL facts.
//
// Source: sec.gov/search-filings/edgar-application-programming-interfaces and sec.gov/Archives/edgar/daily-index
// (read 2026-11). One unit is one company (CIK): the facts it filed, the statements they make, and what looks wrong.
// Values in the currency the company reports in; rules in docs/pipelines/financials.md.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "icingest/financial_rows.h"
#include "icingest/known_facts.h"
#include "icingest/pipeline.h"
#include "icingest/sec.h"

namespace icingest {
namespace {

// The order of tables in each unit.
enum Table : std::size_t { kFactsTable, kStatementsTable, kFindingsTable };

constexpr Date kForEver = std::chrono::sys_days(std::chrono::year(2100) / 1 / 1);

std::string text_of(const Fact& fact) {
  const Concept& what = concepts()[fact.what];
  return fmt::format("{}:{} {} {}{} = {} {}", what.taxonomy, what.name, fact.unit,
                     fact.start ? to_string(*fact.start) + "/" : "", to_string(fact.end),
                     fact.value.to_string(), fact.accession);
}

// Facts that the table takes stay in `company`; the others are quarantined, or said to be `duplicate` before that.
void load_facts(CompanyFacts& company, std::int64_t cik, UnitRows& out) {
  auto rows = out.into<kFinancialFacts>(kFactsTable);
  rows.answered(company.rows_seen);
  for (const RefusedFact& refused : company.refused) rows.reject(refused.fault, refused.field, refused.raw);
  std::erase_if(company.facts, [&](const Fact& fact) {
    const std::int64_t before = out.batch(kFactsTable).row_count;
    rows.emit(fact_row(cik, fact), [&] { return text_of(fact); });
    return out.batch(kFactsTable).row_count == before;
  });
}

template <class Each>
void each_row(const Unit& unit, const Statements& statements, Each&& each) {
  FinancialTexts texts;
  for (const std::string& ticker : unit.symbols) {
    for (const Statement& statement : statements.statements) {
      if (has_row(statement)) each(financial_row(ticker, unit.entity, statement, texts));
    }
  }
}

void load_findings(std::vector<Finding> findings, const std::vector<Fact>& facts,
                   const Statements& statements, std::int64_t cik, UnitRows& out) {
  auto rows = out.into<kFindings>(kFindingsTable);
  for (const std::vector<Finding>& more : {check_facts(facts), check_statements(statements)})
    findings.insert(findings.end(), more.begin(), more.end());
  // One of a kind is enough: two units of one concept can be wrong in the same way.
  using Key = std::tuple<std::string_view, Date, std::string_view, std::string_view, std::string_view>;
  std::set<Key> seen;
  for (const Finding& finding : findings) {
    const FindingRow row = finding_row(cik, finding);
    if (seen.emplace(row.rule, row.period_end, row.period, row.field, row.accession).second)
      rows.emit(row, [&] { return finding.detail; });
  }
}

Result<void> decode(Document& document, const Unit& unit, UnitRows& out) {
  static thread_local CompanyFacts company;  // its memory is used again
  ICINGEST_TRY(decode_company_facts(document, company));
  if (company.cik && *company.cik != unit.entity)
    return document.malformed(fmt::format("the facts of another company ({})", *company.cik));
  std::vector<Finding> findings = settle_duplicates(company.facts);
  load_facts(company, unit.entity, out);
  if (out.batch(kFactsTable).row_count == 0) {
    out.because(company.has_facts ? "no_usable_facts" : "no_xbrl");
    return {};
  }
  if (out.is_as_before()) return {};
  KnownFacts known;
  if (out.known() != nullptr) {
    ICINGEST_TRY(known.read(*out.known(), unit.entity));
    known.add_missing_to(company.facts);
  }
  const Statements statements = build_statements(company.facts, kForEver);
  auto rows = out.into<kFinancials>(kStatementsTable);
  each_row(unit, statements, [&](const FinancialRow& row) { rows.emit(row, [&] { return row.sources; }); });
  if (out.batch(kStatementsTable).row_count == 0) out.because("no_statements");
  load_findings(std::move(findings), company.facts, statements, unit.entity, out);
  return {};
}

std::vector<std::string> facts_path(const Unit& unit, const Options&) {
  return {fmt::format("/api/xbrl/companyfacts/CIK{:010}.json", unit.entity)};
}

Result<void> changed_companies(std::string_view index, std::vector<std::int64_t>& companies) {
  ICINGEST_TRY_LET(companies, sec::reporting_companies(index));
  return {};
}

Result<void> rows_as_of(const Unit& unit, Date as_of, KnownRows& tables,
                        const std::function<void(const RowText&)>& each) {
  KnownFacts known;
  ICINGEST_TRY(known.read(tables, unit.entity));
  const Statements statements = build_statements(known.facts(), as_of);
  RowText texts;
  each_row(unit, statements, [&](const FinancialRow& row) {
    to_texts(kFinancials, row, texts);
    each(texts);
  });
  return {};
}

// Every ticker with the company it belongs to. A symbol that stands for two things is the one that files. Shares
// should have a company; funds, notes and indices may have none.
constexpr std::string_view kCompanies = R"sql(
SELECT DISTINCT ON (symbol) symbol,
       CASE WHEN cik ~ '^[0-9]{1,10}$' THEN nullif(cik::bigint, 0) END AS company,
       asset_type IN ('CS', 'ADRC', 'OS', 'stock', 'adr') AS should_have_one
FROM tickers ORDER BY symbol, (cik ~ '^[0-9]{1,10}$') DESC NULLS LAST, active DESC NULLS LAST, asset_type
)sql";

}  // namespace

Pipeline pipeline_financials() {
  const Load load = into_tables<kFinancialFacts, kFinancials, kFindings>(decode);
  return {
      .name = "financials",
      .about = "Annual and quarterly statements from SEC company facts into financials",
      .source = sec::source(),
      .schema = kFinancialFactsSchema,
      .more_tables = {{.create = kFinancialsSchema, .adopt = kFinancialsAdopt}},
      .views = kFinancialsViews,
      .notes = "SELECT rule, count(*) FROM icingest.findings GROUP BY 1 ORDER BY 1",
      .routes = {{.name = "bulk",
                  .unit_prefix = "cik",
                  .grain = Grain::entity,
                  .load = load,
                  .archive = Archive{.path = "/Archives/edgar/daily-index/xbrl/companyfacts.zip",
                                     .entity = sec::cik_of_member,
                                     .expected_bytes = 1.4e9,
                                     .expected_members = 20'000}},
                 {.name = "live",
                  .unit_prefix = "cik",
                  .grain = Grain::entity,
                  .requests = facts_path,
                  .load = load,
                  .bytes_per_row = 17,
                  .rows_per_answer = 4'000}},
      .entities = EntityRule{.filled_by = "tickers",
                             .sql = kCompanies,
                             .no_entity = "no_cik",
                             .no_answer = "no_xbrl",
                             .key_digits = 10,
                             .rules_version = 2},
      .changes =
          ChangesRule{.request = sec::daily_index, .decode = changed_companies, .expected_per_day = 400},
      .as_of = AsOfRule{.table = describe(kFinancials), .rows = rows_as_of},
  };
}

}  // namespace icingest
