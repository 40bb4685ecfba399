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

// Reads an answer whose results are rows: `each(row, raw)` for every whole row that `wanted(row)`; rows that
// are wanted and not whole are rejected. A row at fault is asked about with what could be read of it.
template <const auto& kObject, class Wanted, class Each>
Result<Envelope> each_row(Document& document, RowWriter& rows, Wanted&& wanted, Each&& each) {
  using Row = typename std::remove_cvref_t<decltype(kObject)>::Row;
  ICINGEST_TRY_LET(Envelope envelope,
                   read_envelope(document, [&](simdjson::ondemand::value& value) -> Result<void> {
                     simdjson::ondemand::object object;
                     if (value.get_object().get(object) != simdjson::SUCCESS) {
                       rows.reject(Fault::wrong_type, "results", value.raw_json_token());
                       return {};
                     }
                     Row row{};
                     const json::Outcome outcome = json::read<kObject>(object, row);
                     if (outcome.error != simdjson::SUCCESS)
                       return document.malformed("results", outcome.error);
                     const auto raw = [&object]() -> std::string_view {
                       std::string_view text;
                       return object.raw_json().get(text) == simdjson::SUCCESS ? text : std::string_view{};
                     };
                     if (!wanted(row)) return {};
                     if (outcome.fault != Fault::none) rows.reject(outcome.fault, outcome.field, raw());
                     else each(row, raw);
                     return {};
                   }));
  rows.answered(envelope.rows);
  return envelope;
}

}  // namespace icingest::massive
