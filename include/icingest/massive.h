// massive.h: what every dataset of Massive (formerly Polygon.io) shares: address, key, limits, errors,
// envelope.
//
// Shape     {"status":"OK","results":[…],"resultsCount":n,"next_url":"…"}; `results` is absent when there is
//           nothing
// Errors    an answer that contradicts itself (count and rows differ, an error status in a 200, no count and
//           no results) is malformed and asked for again; it is never taken for "nothing"
// Source    massive.com/docs/rest (read 2026-11); recorded answers in tests
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "icingest/document.h"
#include "icingest/json.h"
#include "icingest/json_rows.h"
#include "icingest/row_sink.h"
#include "icingest/source.h"

namespace icingest::massive {

[[nodiscard]] Source source();

// Its flat files: gzip CSV objects of an S3 store, with keys of their own.
[[nodiscard]] Source files();

// Tells what an answer other than 200 means, by status first and the body's `status` and message second.
[[nodiscard]] Judgement judge(const AnswerHead& answer);
// The same for the store of the flat files, by the <Code> of its XML. An object that the plan does not cover
// and one that is not there are told apart by it; a page without <Code> is not the store's word.
[[nodiscard]] Judgement judge_file(const AnswerHead& answer);

// Everything around the rows.
struct Envelope {
  std::string status;
  std::string ticker;
  std::string error;
  std::string next_url;
  std::int64_t declared = -1;  // resultsCount, or count where that is the number of rows
  bool has_results = false;
  std::int64_t rows = 0;
};

// Reads the members around `results`. `each` gets every element of results.
using EachResult = std::function<Result<void>(simdjson::ondemand::value&)>;
[[nodiscard]] Result<Envelope> read_envelope(Document& document, const EachResult& each);

// The same of an answer whose results were read already: `around` is the body without them, `rows` how many they were.
[[nodiscard]] Result<Envelope> read_envelope(Document& document, std::string_view around, std::int64_t rows);

namespace detail {

// One object of results, whatever it looks like.
template <const auto& kObject, class Wanted, class Each>
Result<void> read_row(Document& document, simdjson::ondemand::object& object, RowWriter& rows, Wanted& wanted,
                      Each& each) {
  typename std::remove_cvref_t<decltype(kObject)>::Row row{};
  const json::Outcome outcome = json::read<kObject>(object, row);
  if (outcome.error != simdjson::SUCCESS) return document.malformed("results", outcome.error);
  const auto raw = [&object]() -> std::string_view {
    std::string_view text;
    return object.raw_json().get(text) == simdjson::SUCCESS ? text : std::string_view{};
  };
  if (!wanted(row)) return {};
  if (outcome.fault != Fault::none) rows.reject(outcome.fault, outcome.field, raw());
  else each(row, raw);
  return {};
}

// The object that is `text`, of the document's body.
template <const auto& kObject, class Wanted, class Each>
Result<void> read_row(Document& document, std::string_view text, RowWriter& rows, Wanted& wanted,
                      Each& each) {
  ICINGEST_TRY_LET(auto part, document.json(text));
  simdjson::ondemand::object object;
  if (const auto error = part.get_object().get(object); error != simdjson::SUCCESS)
    return document.malformed("results", error);
  return read_row<kObject>(document, object, rows, wanted, each);
}

// Results that are plain rows for the most part.
template <const auto& kObject, class Wanted, class Each>
Result<Envelope> each_plain_row(Document& document, const json::RowsAt& found, RowWriter& rows,
                                Wanted& wanted, Each& each) {
  using Row = typename std::remove_cvref_t<decltype(kObject)>::Row;
  if (!simdjson::validate_utf8(found.rows.data(), found.rows.size())) return document.malformed("not UTF-8");
  const char* const end = found.rows.data() + found.rows.size();
  const char* at = json::skip_blanks(found.rows.data());
  std::int64_t count = 0;
  for (bool more = *at != ']'; more;) {
    const char* const begin = at;
    ++count;
    Row row{};
    at = json::read_plain<kObject>(begin, row);
    const auto raw = [&]() -> std::string_view { return {begin, static_cast<std::size_t>(at - begin)}; };
    if (at != nullptr) {
      if (wanted(std::as_const(row))) each(row, raw);
    } else {
      at = json::skip_value(begin, end);
      if (at == nullptr) return document.malformed("results");
      if (*begin == '{') ICINGEST_TRY(read_row<kObject>(document, raw(), rows, wanted, each));
      else rows.reject(Fault::wrong_type, "results", raw());
    }
    at = json::skip_blanks(at);
    more = *at == ',';
    if (!more && *at != ']') return document.malformed("results");
    if (more) at = json::skip_blanks(at + 1);
  }
  std::string around(found.before);
  around.append(at, end);
  return read_envelope(document, around, count);
}

}  // namespace detail

// Reads an answer whose results are rows: `each(row, raw)` for every whole row that `wanted(row)`; rows that
// are wanted and not whole are rejected. A row at fault is asked about with what could be read of it.
template <const auto& kObject, class Wanted, class Each>
Result<Envelope> each_row(Document& document, RowWriter& rows, Wanted&& wanted, Each&& each) {
  Result<Envelope> envelope = [&]() -> Result<Envelope> {
    if constexpr (json::kIsPlain<kObject>) {
      if (const auto found = json::find_rows(document.body(), "results"))
        return detail::each_plain_row<kObject>(document, *found, rows, wanted, each);
    }
    return read_envelope(document, [&](simdjson::ondemand::value& value) -> Result<void> {
      simdjson::ondemand::object object;
      if (value.get_object().get(object) == simdjson::SUCCESS)
        return detail::read_row<kObject>(document, object, rows, wanted, each);
      rows.reject(Fault::wrong_type, "results", value.raw_json_token());
      return {};
    });
  }();
  if (envelope) rows.answered(envelope->rows);
  return envelope;
}

}  // namespace icingest::massive
