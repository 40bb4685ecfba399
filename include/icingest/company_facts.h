// company_facts.h: the SEC's companyfacts document → the facts our tables need.
//
// Shape     one Fact per (concept, unit, period, filing), values exact; concepts nobody needs are skipped unread
// Units     dates are civil dates; an instant has no start; values in the unit the filer gave ("USD", "JPY/shares")
// Threads   pure functions; one Document per thread
// Lifetime  string_views of a Fact point into the Document's body or the CompanyFacts, and die with either
// Errors    a body that is not a companyfacts object fails as a whole (retry); a row that is not a fact is refused
//           alone, with its text. Never relies on the order of rows or members, nor on fy, fp or frame
// Source    sec.gov/search-filings/edgar-application-programming-interfaces, "companyfacts" (read 2026-11)
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/decimal.h"
#include "icingest/document.h"
#include "icingest/result.h"
#include "icingest/table.h"
#include "icingest/time.h"

namespace icingest {

// A concept of the registry: what a fact says. `id` is valid within this build only; tables hold the names.
struct Concept {
  std::string_view taxonomy;  // "us-gaap", "ifrs-full", "dei"
  std::string_view name;
};
using ConceptId = std::uint16_t;

// All concepts that any of our tables needs, by id.
[[nodiscard]] std::span<const Concept> concepts();
[[nodiscard]] std::optional<ConceptId> find_concept(std::string_view taxonomy, std::string_view name);

struct Fact {
  ConceptId what = 0;
  std::string_view unit;
  std::optional<Date> start;  // none: an instant
  Date end{};
  Decimal value;
  std::string_view accession;
  std::string_view form;
  Date filed{};
  // Informative only: they describe the filing, and move between vintages.
  std::optional<std::int64_t> fy;
  std::optional<std::string_view> fp;
  std::optional<std::string_view> frame;
};

// A row of a wanted concept that is no fact.
struct RefusedFact {
  Fault fault = Fault::none;
  std::string field;
  std::string raw;
};

struct CompanyFacts {
  std::optional<std::int64_t> cik;  // none where the body is {} or names none
  std::string_view entity_name;
  bool has_facts = false;  // of any concept, needed or not
  std::vector<Fact> facts;
  std::vector<RefusedFact> refused;
  std::deque<std::string> unescaped;  // texts that do not stand in the body as they are
  std::int64_t rows_seen = 0;         // rows of wanted concepts, refused ones included
};

// Replaces `out`. A document without `facts` is a company without XBRL: no facts, no error.
[[nodiscard]] Result<void> decode_company_facts(Document& document, CompanyFacts& out);

// "000320193" or "320193" → 320193.
[[nodiscard]] std::optional<std::int64_t> parse_cik(std::string_view text);

// Row of table financial_facts. `days` is end - start + 1 and 0 for an instant, so that the key needs no null.
struct FactRow {
  std::int64_t cik = 0;
  std::string_view taxonomy, concept_name, unit;
  std::optional<Date> start;
  Date end{};
  std::int64_t days = 0;
  std::string_view accession;
  Decimal value;
  std::string_view form;
  Date filed{};
  std::optional<std::int64_t> fy;
  std::optional<std::string_view> fp, frame;
};
[[nodiscard]] FactRow fact_row(std::int64_t cik, const Fact& fact);

[[nodiscard]] inline std::int64_t cik_bucket(const FactRow& row) { return row.cik; }

inline constexpr auto kFinancialFacts =
    table<FactRow>("financial_facts", key("cik", &FactRow::cik, "int8"),
                   key("taxonomy", &FactRow::taxonomy, "varchar(32)"),
                   key("concept", &FactRow::concept_name, "text"), key("unit", &FactRow::unit, "text"),
                   column("period_start", &FactRow::start, "date"), key("period_end", &FactRow::end, "date"),
                   key("days", &FactRow::days, "int4"), key("accession", &FactRow::accession, "varchar(25)"),
                   column("value", &FactRow::value, "numeric"), column("form", &FactRow::form, "varchar(20)"),
                   column("filed", &FactRow::filed, "date"), column("fy", &FactRow::fy, "int4"),
                   column("fp", &FactRow::fp, "varchar(8)"), column("frame", &FactRow::frame, "varchar(16)"))
        .proved_by(BucketKind::number, cik_bucket, "cik");

// CREATE statement of financial_facts.
extern const std::string_view kFinancialFactsSchema;

}  // namespace icingest
