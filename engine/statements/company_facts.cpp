#include "icingest/company_facts.h"

#include <cstring>

#include "icingest/json.h"

namespace icingest {
namespace {

namespace ondemand = simdjson::ondemand;

// Rows are the bulk of a document and arrive in one member order; json::read tries that order first.
constexpr auto kFact = json::object<Fact>(
    json::optional("start", &Fact::start), json::required("end", &Fact::end),
    json::required("val", &Fact::value), json::required("accn", &Fact::accession),
    json::optional("fy", &Fact::fy), json::optional("fp", &Fact::fp), json::required("form", &Fact::form),
    json::required("filed", &Fact::filed), json::optional("frame", &Fact::frame));

constexpr std::size_t kRawLimit = 2000;

// A member name as it stands between its quotes; names we look for hold no escapes.
std::string_view raw_key(ondemand::field& field) {
  const char* begin = field.key().raw();
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Years that a typing error made ("6016-06-30", "0205-01-01") are no periods.
bool plausible(Date date) { return date >= make_date(1900, 1, 1) && date < make_date(2100, 1, 1); }

Fault judge(const Fact& fact) {
  if (!plausible(fact.end) || !plausible(fact.filed) || (fact.start && !plausible(*fact.start))) {
    return Fault::out_of_range;
  }
  if (fact.start && *fact.start > fact.end) return Fault::out_of_range;
  return fact.accession.empty() || fact.form.empty() ? Fault::empty_text : Fault::none;
}

class Decoding {
 public:
  Decoding(Document& document, CompanyFacts& out) : document_(document), out_(out) {}

  Result<void> run() {
    ICINGEST_TRY_LET(ondemand::document json, document_.json());
    ondemand::object root;
    if (const auto error = json.get_object().get(root)) return document_.malformed("not an object", error);
    for (auto found : root) {
      ondemand::field field;
      if (const auto error = std::move(found).get(field)) return document_.malformed("broken", error);
      const std::string_view name = raw_key(field);
      ondemand::value value = field.value();
      if (name == "cik") ICINGEST_TRY(take_cik(value));
      else if (name == "entityName") ICINGEST_TRY(take_name(value));
      else if (name == "facts") ICINGEST_TRY(take_facts(value));
    }
    const char* rest = nullptr;
    if (json.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
      return document_.malformed("text behind the object");
    }
    return {};
  }

 private:
  Result<void> take_cik(ondemand::value& value) {
    std::string_view text = json::detail::token_of(value);
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    out_.cik = parse_cik(text);
    if (!out_.cik) return document_.malformed("cik is no number");
    return {};
  }

  Result<void> take_name(ondemand::value& value) {
    Fault fault = Fault::none;
    if (const auto error = json::detail::take(value, out_.entity_name, fault)) {
      return document_.malformed("entityName", error);
    }
    return {};
  }

  Result<void> take_facts(ondemand::value& value) {
    return each_member(
        value, "facts", [&](std::string_view taxonomy, ondemand::value& inner) -> Result<void> {
          return each_member(inner, taxonomy,
                             [&](std::string_view name, ondemand::value& body) -> Result<void> {
                               out_.has_facts = true;
                               const auto what = find_concept(taxonomy, name);
                               if (what) return take_concept(*what, body);
                               // An unread concept must at least be an object: caches have been seen that
                               // hold `true` instead.
                               if (json::detail::token_of(body).substr(0, 1) != "{")
                                 return document_.malformed("a concept is no object");
                               return {};
                             });
        });
  }

  Result<void> take_concept(ConceptId what, ondemand::value& body) {
    return each_member(body, "concept", [&](std::string_view name, ondemand::value& units) -> Result<void> {
      if (name != "units") return {};
      return each_member(units, "units",
                         [&](std::string_view /*raw unit*/, ondemand::value& rows) -> Result<void> {
                           return take_rows(what, rows);
                         });
    });
  }

  Result<void> take_rows(ConceptId what, ondemand::value& value) {
    ondemand::array rows;
    if (const auto error = value.get_array().get(rows))
      return document_.malformed("rows are no array", error);
    for (auto found : rows) {
      ondemand::object row;
      if (const auto error = std::move(found).get_object().get(row))
        return document_.malformed("a row", error);
      Fact& fact = out_.facts.emplace_back();
      fact.what = what;
      fact.unit = unit_;
      const json::Outcome outcome = json::read<kFact>(row, fact);
      if (outcome.error != simdjson::SUCCESS) return document_.malformed("a row", outcome.error);
      ++out_.rows_seen;
      const Fault fault = outcome.fault != Fault::none ? outcome.fault : judge(fact);
      if (fault != Fault::none) refuse(row, fault, outcome.field);
    }
    return {};
  }

  void refuse(ondemand::object& row, Fault fault, std::string_view field) {
    out_.facts.pop_back();
    std::string_view raw;
    if (row.reset().error() != simdjson::SUCCESS || row.raw_json().get(raw) != simdjson::SUCCESS) raw = {};
    out_.refused.push_back({fault, std::string(field), std::string(raw.substr(0, kRawLimit))});
  }

  // Calls `take` with each member of the object; a value that is no object ends the document.
  template <class Take>
  Result<void> each_member(ondemand::value& value, std::string_view what, Take&& take) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return document_.malformed(what, error);
    for (auto found : object) {
      ondemand::field field;
      if (const auto error = std::move(found).get(field)) return document_.malformed(what, error);
      const std::string_view name = raw_key(field);
      unit_ = name;
      ondemand::value inner = field.value();
      ICINGEST_TRY(take(name, inner));
    }
    return {};
  }

  Document& document_;
  CompanyFacts& out_;
  std::string_view unit_;  // the innermost member name: inside `units`, the unit
};

}  // namespace

std::optional<std::int64_t> parse_cik(std::string_view text) {
  std::int64_t cik = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cik);
  if (error != std::errc{} || end != text.data() + text.size() || cik <= 0 || cik > 9'999'999'999)
    return std::nullopt;
  return cik;
}

Result<void> decode_company_facts(Document& document, CompanyFacts& out) {
  out.cik.reset();
  out.entity_name = {};
  out.has_facts = false;
  out.facts.clear();
  out.refused.clear();
  out.rows_seen = 0;
  return Decoding(document, out).run();
}

FactRow fact_row(std::int64_t cik, const Fact& fact) {
  const Concept& what = concepts()[fact.what];
  const std::int64_t days = fact.start ? (fact.end - *fact.start).count() + 1 : 0;
  return {.cik = cik,
          .taxonomy = what.taxonomy,
          .concept_name = what.name,
          .unit = fact.unit,
          .start = fact.start,
          .end = fact.end,
          .days = days,
          .accession = fact.accession,
          .value = fact.value,
          .form = fact.form,
          .filed = fact.filed,
          .fy = fact.fy,
          .fp = fact.fp,
          .frame = fact.frame};
}

constinit const std::string_view kFinancialFactsSchema = R"(
CREATE TABLE financial_facts (
  cik bigint NOT NULL,
  taxonomy varchar(32) NOT NULL,
  concept text NOT NULL,
  unit text NOT NULL,
  period_start date,                 -- null: an instant
  period_end date NOT NULL,
  days integer NOT NULL,             -- period_end - period_start + 1; 0 for an instant
  accession varchar(25) NOT NULL,
  value numeric NOT NULL,
  form varchar(20) NOT NULL,
  filed date NOT NULL,
  fy integer,                        -- of the filing, informative
  fp varchar(8),
  frame varchar(16),
  PRIMARY KEY (cik, taxonomy, concept, unit, period_end, days, accession)
);
)";

}  // namespace icingest
