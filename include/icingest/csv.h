// csv.h: CSV documents → Row structs, by the column names of their first line, without copying numbers.
//
// Shape     csv::record<Row>(csv::required("open", &Row::open), csv::optional("transactions", &Row::count));
// columns
//           come in whatever order, unknown ones are skipped. RFC 4180: a field may be quoted, "" inside is a
//           quote. What is not quoted is text as it stands: NA, NULL and TRUE are symbols
// Lifetime  string_views point into the document, or into the reader until its next record
// Errors    a field that is missing, empty, no number or out of range, and a record with another number of
// fields
//           than the first line, are the row's fault; the document goes on. A first line without a required
//           column, an unclosed quote, and a last record that is short and does not end its line are the
//           document's
// Threads   one reader per document
// Source    RFC 4180
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "icingest/document.h"
#include "icingest/field.h"
#include "icingest/row_sink.h"
#include "icingest/table.h"

namespace icingest::csv {

using fields::optional;
using fields::required;

template <class RowT, class... Fields>
struct Record {
  using Row = RowT;
  std::tuple<Fields...> fields;
};
template <class Row, class... Fields>
constexpr auto record(Fields... fields) {
  return Record<Row, Fields...>{{fields...}};
}

// One record after the other.
class Reader {
 public:
  enum class Next : std::uint8_t {
    record,
    misquoted,  // something stands behind a closing quote; fields() holds what could be read
    unclosed,   // the body ends inside a quoted field
    end,
  };

  explicit Reader(std::string_view body);

  [[nodiscard]] Next next();
  [[nodiscard]] std::span<const std::string_view> fields() const { return fields_; }
  // The record as it came, without its line end.
  [[nodiscard]] std::string_view raw() const { return raw_; }
  // Whether the record had a line end, or was the last bytes of the body.
  [[nodiscard]] bool ended_line() const { return ended_line_; }

 private:
  bool take_quoted(std::string_view& field);

  std::string_view body_;
  std::size_t at_ = 0;
  std::vector<std::string_view> fields_;
  std::deque<std::string>
      unescaped_;  // of this record's fields with quotes inside; views need it not to move them
  std::size_t unescaped_used_ = 0;
  std::string_view raw_;
  bool ended_line_ = false;
};

namespace detail {

[[nodiscard]] inline Fault take(std::string_view token, Decimal& out) {
  return token.empty() ? Fault::null_value : Decimal::parse(token, out);
}
[[nodiscard]] inline Fault take(std::string_view token, std::int64_t& out) {
  if (token.empty()) return Fault::null_value;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error == std::errc::result_out_of_range) return Fault::out_of_range;
  return error == std::errc{} && end == token.data() + token.size() ? Fault::none : Fault::malformed;
}
[[nodiscard]] inline Fault take(std::string_view token, std::string_view& out) {
  out = token;
  return Fault::none;
}
template <class T>
[[nodiscard]] Fault take(std::string_view token, std::optional<T>& out) {
  if (token.empty()) return Fault::null_value;
  return take(token, out.emplace());
}

// Where each field of a record stands; npos for an optional one that is not there.
template <std::size_t kCount>
using Columns = std::array<std::size_t, kCount>;

struct RowFault {
  Fault fault = Fault::none;
  std::string_view field{};
};

template <const auto& kRecord, std::size_t kCount, class Row>
RowFault read(std::span<const std::string_view> tokens, const Columns<kCount>& columns, Row& row) {
  RowFault found;
  std::size_t index = 0;
  const auto take_one = [&](const auto& field) {
    const std::size_t at = columns[index++];
    const bool absent = at >= tokens.size();
    Fault fault = absent ? Fault::missing : take(tokens[at], row.*field.member);
    if ((absent || fault == Fault::null_value) && !field.is_required) fault = Fault::none;
    if (fault != Fault::none && found.fault == Fault::none) found = {fault, field.name};
  };
  std::apply([&](const auto&... field) { (take_one(field), ...); }, kRecord.fields);
  return found;
}

}  // namespace detail

// Calls `each(row, raw)` for every whole row that `wanted(row)`; rows that are wanted and not whole are
// rejected. A row at fault is asked about with what could be read of it.
template <const auto& kRecord, class Wanted, class Each>
Result<void> each_row(Document& document, RowWriter& rows, Wanted&& wanted, Each&& each) {
  using Row = typename std::remove_cvref_t<decltype(kRecord)>::Row;
  constexpr std::size_t kCount = std::tuple_size_v<decltype(kRecord.fields)>;
  Reader reader(document.body());
  if (reader.next() != Reader::Next::record) return document.malformed("no first line of column names");
  const std::vector<std::string> names(reader.fields().begin(), reader.fields().end());
  detail::Columns<kCount> columns{};
  std::string_view lacking;
  std::size_t index = 0;
  const auto find = [&](const auto& field) {
    const auto found =
        static_cast<std::size_t>(std::find(names.begin(), names.end(), field.name) - names.begin());
    columns[index++] = found < names.size() ? found : std::string::npos;
    if (found == names.size() && field.is_required && lacking.empty()) lacking = field.name;
  };
  std::apply([&](const auto&... field) { (find(field), ...); }, kRecord.fields);
  if (!lacking.empty()) return document.malformed("the first line lacks the column " + std::string(lacking));

  std::int64_t answered = 0;
  for (;;) {
    const Reader::Next next = reader.next();
    if (next == Reader::Next::end) break;
    if (next == Reader::Next::unclosed) return document.malformed("a quoted field does not end");
    const bool whole = reader.fields().size() == names.size();
    if (!whole && !reader.ended_line()) return document.malformed("the last line is cut");
    ++answered;
    Row row{};
    detail::RowFault fault = detail::read<kRecord>(reader.fields(), columns, row);
    if (next == Reader::Next::misquoted || !whole) fault = {Fault::malformed, "line"};
    if (!wanted(row)) continue;
    const auto raw = [&reader] { return reader.raw(); };
    if (fault.fault != Fault::none) rows.reject(fault.fault, fault.field, raw());
    else each(row, raw);
  }
  rows.answered(answered);
  return {};
}

}  // namespace icingest::csv
