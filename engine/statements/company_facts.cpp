#include "icingest/company_facts.h"

#include <charconv>
#include <functional>

#include "icingest/json_tokens.h"

namespace icingest {
namespace {

namespace ondemand = simdjson::ondemand;

// Rows are the bulk of a document and arrive in this member order, which read_row knows; json::read takes any.
constexpr auto kFact = json::object<Fact>(
    json::optional("start", &Fact::start), json::required("end", &Fact::end),
    json::required("val", &Fact::value), json::required("accn", &Fact::accession),
    json::optional("fy", &Fact::fy), json::optional("fp", &Fact::fp), json::required("form", &Fact::form),
    json::required("filed", &Fact::filed), json::optional("frame", &Fact::frame));

constexpr std::size_t kRawLimit = 2000;

// Years that a typing error made ("6016-06-30", "0205-01-01") are no periods.
bool plausible(Date date) {
  constexpr Date kFirst = std::chrono::sys_days(std::chrono::year(1900) / 1 / 1);
  constexpr Date kEnd = std::chrono::sys_days(std::chrono::year(2100) / 1 / 1);
  return date >= kFirst && date < kEnd;
}

Fault judge(const Fact& fact) {
  if (!plausible(fact.end) || !plausible(fact.filed) || (fact.start && !plausible(*fact.start))) {
    return Fault::out_of_range;
  }
  if (fact.start && *fact.start > fact.end) return Fault::out_of_range;
  return fact.accession.empty() || fact.form.empty() ? Fault::empty_text : Fault::none;
}

// Goes over the tokens of a document once. Every reader leaves `at_` behind the value that it was at.
class Decoding {
 public:
  Decoding(Document& document, const json::Tokens& tokens, CompanyFacts& out)
      : document_(document), tokens_(tokens), out_(out) {}

  Result<void> run() {
    ICINGEST_TRY(each_member("not an object", [&](std::string_view name) -> Result<void> {
      if (name == "cik") return take_cik();
      if (name == "entityName") return take_name();
      if (name == "facts") return take_facts();
      return skip();
    }));
    if (at_ != tokens_.size()) return document_.malformed("text behind the object");
    return {};
  }

 private:
  Result<void> skip() {
    at_ = tokens_.skip(at_);
    if (at_ > tokens_.size()) return document_.malformed("broken", simdjson::INCOMPLETE_ARRAY_OR_OBJECT);
    return {};
  }

  Result<void> take_cik() {
    std::string_view text = tokens_.text(at_);
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    out_.cik = parse_cik(text);
    if (!out_.cik) return document_.malformed("cik is no number");
    return skip();
  }

  Result<void> take_name() {
    const std::string_view token = tokens_.text(at_);
    ICINGEST_TRY(skip());
    if (token.front() != '"') return {};
    ICINGEST_TRY_LET(ondemand::document text, document_.json(token));
    std::string_view name;
    if (text.get_string().get(name) == simdjson::SUCCESS) out_.entity_name = keep(name);
    return {};
  }

  Result<void> take_facts() {
    return each_member("facts", [&](std::string_view taxonomy) -> Result<void> {
      return each_member(taxonomy, [&](std::string_view name) -> Result<void> {
        out_.has_facts = true;
        if (const auto what = find_concept(taxonomy, name)) return take_concept(*what);
        // An unread concept must at least be an object: caches have been seen that hold `true` instead.
        if (tokens_.at(at_) != '{') return document_.malformed("a concept is no object");
        return skip();
      });
    });
  }

  Result<void> take_concept(ConceptId what) {
    return each_member("concept", [&](std::string_view name) -> Result<void> {
      if (name != "units") return skip();
      return each_member("units", [&](std::string_view unit) { return take_rows(what, unit); });
    });
  }

  Result<void> take_rows(ConceptId what, std::string_view unit) {
    if (tokens_.at(at_) != '[') return document_.malformed("rows are no array", simdjson::INCORRECT_TYPE);
    ++at_;
    if (tokens_.at(at_) == ']') return skip_one();
    for (;;) {
      if (tokens_.at(at_) != '{') return document_.malformed("a row", simdjson::INCORRECT_TYPE);
      Fact& fact = out_.facts.emplace_back();
      fact.what = what;
      fact.unit = unit;
      ICINGEST_TRY(take_row(fact));
      ++out_.rows_seen;
      const char next = tokens_.at(at_++);
      if (next == ']') return {};
      if (next != ',') return document_.malformed("rows", simdjson::TAPE_ERROR);
    }
  }

  Result<void> take_row(Fact& fact) {
    const std::uint32_t begin = tokens_.start(at_);
    if (!tokens_.read_row<kFact>(at_, fact)) return take_odd_row(fact);
    const Fault fault = judge(fact);
    if (fault != Fault::none) refuse(fault, {}, text_since(begin));
    return {};
  }

  // What was read last, from `begin` on.
  [[nodiscard]] std::string_view text_since(std::uint32_t begin) const {
    return document_.body().substr(begin, tokens_.start(at_ - 1) + 1 - begin);
  }

  Result<void> take_odd_row(Fact& fact) {
    const std::uint32_t begin = tokens_.start(at_);
    ICINGEST_TRY(skip());
    const std::string_view text = text_since(begin);
    fact = {.what = fact.what, .unit = fact.unit};
    ICINGEST_TRY_LET(ondemand::document row, document_.json(text));
    ondemand::object object;
    if (const auto error = row.get_object().get(object)) return document_.malformed("a row", error);
    const json::Outcome outcome = json::read<kFact>(object, fact);
    if (outcome.error != simdjson::SUCCESS) return document_.malformed("a row", outcome.error);
    const Fault fault = outcome.fault != Fault::none ? outcome.fault : judge(fact);
    if (fault != Fault::none) {
      refuse(fault, outcome.field, text);
      return {};
    }
    fact.accession = keep(fact.accession);
    fact.form = keep(fact.form);
    if (fact.fp) fact.fp = keep(*fact.fp);
    if (fact.frame) fact.frame = keep(*fact.frame);
    return {};
  }

  void refuse(Fault fault, std::string_view field, std::string_view raw) {
    out_.facts.pop_back();
    out_.refused.push_back({fault, std::string(field), std::string(raw.substr(0, kRawLimit))});
  }

  // Text that was unescaped lies in the parser's buffer, which the next odd row uses again.
  std::string_view keep(std::string_view text) {
    const std::string_view body = document_.body();
    const bool stays = std::less_equal<>()(body.data(), text.data()) &&
                       std::less<>()(text.data(), body.data() + body.size());
    return stays ? text : std::string_view(out_.unescaped.emplace_back(text));
  }

  Result<void> skip_one() {
    ++at_;
    return {};
  }

  // Calls `take` at each member's value; a value that is no object ends the document.
  template <class Take>
  Result<void> each_member(std::string_view what, Take&& take) {
    if (tokens_.at(at_) != '{') return document_.malformed(what, simdjson::INCORRECT_TYPE);
    ++at_;
    if (tokens_.at(at_) == '}') return skip_one();
    for (;;) {
      if (tokens_.at(at_) != '"' || tokens_.at(at_ + 1) != ':')
        return document_.malformed(what, simdjson::TAPE_ERROR);
      // As it stands between its quotes; names we look for hold no escapes.
      const std::string_view name = tokens_.text(at_);
      at_ += 2;
      if (at_ >= tokens_.size()) return document_.malformed(what, simdjson::TAPE_ERROR);
      ICINGEST_TRY(take(name.substr(1, name.size() - 2)));
      const char next = tokens_.at(at_++);
      if (next == '}') return {};
      if (next != ',') return document_.malformed(what, simdjson::TAPE_ERROR);
    }
  }

  Document& document_;
  const json::Tokens& tokens_;
  CompanyFacts& out_;
  std::uint32_t at_ = 0;
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
  out.unescaped.clear();
  out.rows_seen = 0;
  static thread_local json::Tokens tokens;  // its memory is used again
  if (const auto error = tokens.find(document.body())) return document.malformed("not JSON", error);
  return Decoding(document, tokens, out).run();
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
