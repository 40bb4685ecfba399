#include <simdjson.h>

#include <algorithm>
#include <set>

#include "core/text.h"
#include "fuzz/properties.h"
#include "icingest/copy_encoder.h"
#include "load/tuples.h"
#include "support/decoding.h"
#include "support/slow_encoder.h"

namespace icingest::fuzz {
namespace {

using load::Field;
using test::Decoded;

// What follows the first `name` in a body, up to the next quote, comma or bracket: enough to ask for what it
// answers.
std::string_view value_after(std::string_view body, std::string_view name) {
  const auto at = body.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view value = body.substr(at + name.size());
  return value.substr(0, std::min(value.find_first_of("\",}] \n"), std::size_t{40}));
}

// The session of the body's first bar, so that bars of any day can be accepted.
Date session_of(std::string_view body) {
  const auto stamp = text::parse_int(value_after(body, "\"t\":"));
  constexpr std::int64_t kYear2100 = 4'102'444'800'000;
  if (!stamp || *stamp < 0 || *stamp > kYear2100) return make_date(2019, 2, 1);
  return new_york::date_of(from_unix_ms(*stamp));
}

std::string symbol_of(std::string_view body) {
  const std::string_view symbol = value_after(body, "\"ticker\":\"");
  return symbol.empty() ? "AAPL" : std::string(symbol);
}

bool same(const Digest& a, const Digest& b) { return a == b; }

bool same(const BucketDelta& a, const BucketDelta& b) {
  return a.bucket == b.bucket && a.rows == b.rows && same(a.digest, b.digest);
}

bool same(const Reject& a, const Reject& b) {
  return a.fault == b.fault && a.column == b.column && a.raw == b.raw;
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T& x, const T& y) { return same(x, y); });
}

bool same(const Batch& a, const Batch& b) {
  return a.rows.view() == b.rows.view() && a.row_count == b.row_count && same(a.digest, b.digest) &&
         same(a.buckets, b.buckets) && same(a.rejects, b.rejects) && a.answered == b.answered &&
         a.seen == b.seen && a.duplicates == b.duplicates && a.rounded == b.rounded;
}

bool same(const Decoded& a, const Decoded& b) {
  if (a.result.has_value() != b.result.has_value()) return false;
  return !a.result || (same(a.batch, b.batch) && a.next_page == b.next_page);
}

// What reading a batch's tuples back gave.
struct ReadBack {
  std::int64_t rows = 0;
  Digest digest;
  bool repeats_a_key = false;
  bool widths_fit = true;  // every tuple has the table's columns
};

Result<ReadBack> read_back(const TableInfo& table, const Batch& batch) {
  ReadBack read;
  Buffer scratch;
  std::set<std::string> keys;
  load::TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
    ++read.rows;
    read.widths_fit = read.widths_fit && fields.size() == table.columns.size();
    if (!read.widths_fit) return {};
    read.digest.add(load::digest_of_fields(table, fields.data(), scratch));
    std::string key;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      // Where several rows of one key are legal, whole rows must differ.
      if (!table.columns[i].key && table.prefer.empty()) continue;
      key += fields[i] ? test::slow_text(std::string(*fields[i])) : test::kSlowNull;
    }
    read.repeats_a_key = !keys.insert(key).second || read.repeats_a_key;
    return {};
  });
  ICINGEST_TRY(reader.feed(copy::kHeader));
  ICINGEST_TRY(reader.feed(batch.rows.view()));
  ICINGEST_TRY(reader.feed(copy::kTrailer));
  ICINGEST_TRY(reader.finish());
  return read;
}

// A batch's counts, digests and bytes say the same thing.
std::string broken_by_batch(const TableInfo& table, const Batch& batch) {
  const Result<ReadBack> read = read_back(table, batch);
  ICINGEST_HOLDS(read.has_value());
  ICINGEST_HOLDS(read->widths_fit);
  ICINGEST_HOLDS(read->rows == batch.row_count);
  ICINGEST_HOLDS(read->digest == batch.digest);
  ICINGEST_HOLDS(!read->repeats_a_key);
  BucketDelta sum;
  for (const BucketDelta& bucket : batch.buckets) sum.rows += bucket.rows, sum.digest.add(bucket.digest);
  ICINGEST_HOLDS(sum.rows == batch.row_count);
  ICINGEST_HOLDS(sum.digest == batch.digest);
  ICINGEST_HOLDS(batch.seen == batch.row_count + static_cast<std::int64_t>(batch.rejects.size()));
  for (const Reject& reject : batch.rejects) {
    ICINGEST_HOLDS(reject.fault != Fault::none);
    ICINGEST_HOLDS(reject.raw.size() <= 2000);
  }
  return {};
}

// An accepted answer beside what simdjson's other parser makes of it. That one validates members the decoder
// skips, so it may refuse an answer that the decoder took.
std::string broken_by_counts(const std::string& body, const Batch& batch) {
  simdjson::dom::parser parser;
  simdjson::dom::object answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS) return {};
  std::int64_t delivered = 0;
  for (const auto member : answer) {
    if (member.key == "results") {
      simdjson::dom::array rows;
      if (member.value.get(rows) == simdjson::SUCCESS) delivered += static_cast<std::int64_t>(rows.size());
      else delivered += member.value.is_object() ? 1 : 0;
    }
  }
  for (const auto member : answer) {
    std::int64_t declared = 0;
    if (member.key != "count" && member.key != "resultsCount") continue;
    ICINGEST_HOLDS(member.value.get(declared) == simdjson::SUCCESS);
    ICINGEST_HOLDS(declared == delivered);
  }
  ICINGEST_HOLDS(batch.answered == delivered);
  ICINGEST_HOLDS(batch.answered == batch.seen + batch.duplicates);
  return {};
}

// Where to cut a body: everywhere when it is short, else behind its brackets and at even distances.
std::vector<std::size_t> cuts_of(std::string_view body) {
  constexpr std::size_t kMost = 16;
  std::vector<std::size_t> cuts;
  const std::size_t step = body.size() / kMost + 1;
  for (std::size_t at = 0; at < body.size(); at += step) cuts.push_back(at);
  for (std::size_t at = body.size(); --at > 0 && cuts.size() < 2 * kMost;) {
    if (body[at - 1] == '}' || body[at - 1] == ']') cuts.push_back(at);
  }
  return cuts;
}

// No part of a whole answer passes for an answer, whatever a recycled buffer holds behind it. `accepts(body,
// behind)`.
template <class Accepts>
std::string broken_by_cuts(std::string_view body, Accepts&& accepts) {
  while (!body.empty() && static_cast<unsigned char>(body.back()) <= ' ') body.remove_suffix(1);
  for (const std::size_t cut : cuts_of(body)) {
    ICINGEST_HOLDS(!accepts(body.substr(0, cut), body[cut]));
  }
  return {};
}

std::string broken_by_route(const Route& route, const Unit& unit, const std::string& body) {
  const Decoded decoded = test::decode(route, unit, body);
  ICINGEST_ALL_HOLD(broken_by_batch(route.load.table, decoded.batch));
  ICINGEST_HOLDS(same(decoded, test::decode(route, unit, body)));
  for (const char behind : {'}', '1'}) {
    ICINGEST_HOLDS(same(decoded, test::decode(route, unit, body, Universe::everything(), behind)));
  }
  if (!decoded.result) return {};
  ICINGEST_ALL_HOLD(broken_by_counts(body, decoded.batch));
  return broken_by_cuts(body, [&](std::string_view part, char behind) {
    return test::decode(route, unit, part, Universe::everything(), behind).result.has_value();
  });
}

// A grouped answer with the rows that were accepted, written anew from the tuples: time, ticker, open, high,
// low, close, volume, vwap, interval. Empty when a field is not what its column says.
std::string grouped_body(const Batch& batch, Date session) {
  std::string rows;
  std::int64_t stamp = 0;
  bool sound = true;
  constexpr std::array<const char*, 9> kNames = {"t", "T", "o", "h", "l", "c", "v", "vw", "interval"};
  load::TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
    rows += rows.empty() ? "{" : ",{";
    stamp =
        std::chrono::duration_cast<std::chrono::milliseconds>(new_york::midnight(session).time_since_epoch())
            .count();
    rows += "\"t\":" + std::to_string(stamp);
    for (std::size_t i = 1; i < fields.size() && i < 8; ++i) {
      if (!fields[i]) continue;
      rows += ",\"" + std::string(kNames.at(i)) + "\":";
      if (i == 1) {
        rows += text::json_quote(*fields[i]);
      } else if (i == 6) {
        std::uint64_t volume = 0;
        for (const char c : *fields[i]) volume = volume << 8 | static_cast<unsigned char>(c);
        rows += std::to_string(static_cast<std::int64_t>(volume));
      } else {
        const auto number = test::slow_read_numeric(*fields[i]);
        sound = sound && number.has_value();
        if (number) rows += number->text();
      }
    }
    rows += '}';
    return {};
  });
  sound = reader.feed(copy::kHeader).has_value() && reader.feed(batch.rows.view()).has_value() && sound;
  if (!sound) return {};
  return "{\"status\":\"OK\",\"count\":" + std::to_string(batch.row_count) + ",\"results\":[" + rows + "]}";
}

// Accepted bars, written as JSON and decoded again, are the same rows to the last digit.
std::string broken_by_second_trip(const Route& route, const Unit& unit, const std::string& body) {
  const Decoded first = test::decode(route, unit, body);
  if (!first.result) return {};
  const std::string again = grouped_body(first.batch, unit.from);
  ICINGEST_HOLDS(!again.empty());
  const Decoded second = test::decode(route, unit, again);
  ICINGEST_HOLDS(second.result.has_value());
  ICINGEST_HOLDS(second.batch.rejects.empty() && second.batch.rounded == 0 && second.batch.duplicates == 0);
  ICINGEST_HOLDS(second.batch.rows.view() == first.batch.rows.view());
  return {};
}

struct Splits {
  bool whole = false;
  std::vector<Restatement> found;
  std::string next_page;
};

Splits decode_splits(std::string_view body, char behind) {
  Buffer bytes = test::recycled(body, behind);
  simdjson::ondemand::parser parser;
  Document document(bytes, "http://test/", parser);
  Splits splits;
  splits.whole =
      test::pipeline("prices").restatements->decode(document, splits.found, splits.next_page).has_value();
  return splits;
}

std::string broken_by_splits(const std::string& body) {
  const Splits splits = decode_splits(body, '\0');
  if (!splits.whole) return {};
  Batch rows;  // splits are counted like rows, all of them
  rows.answered = rows.seen = static_cast<std::int64_t>(splits.found.size());
  ICINGEST_ALL_HOLD(broken_by_counts(body, rows));
  return broken_by_cuts(body,
                        [](std::string_view part, char behind) { return decode_splits(part, behind).whole; });
}

}  // namespace

std::string broken_by_bars(std::string_view input) {
  const std::string body(input);
  const Date session = session_of(body);
  const Unit day{.key = "day", .grain = Grain::session, .from = session, .to = session};
  const Unit range{.key = "ticker",
                   .grain = Grain::symbol,
                   .from = session,
                   .to = session + std::chrono::days(40),
                   .symbol = symbol_of(body)};
  const Route& grouped = test::route("prices", "grouped");
  ICINGEST_ALL_HOLD(broken_by_route(grouped, day, body));
  ICINGEST_ALL_HOLD(broken_by_second_trip(grouped, day, body));
  return broken_by_route(test::route("prices", "per-ticker"), range, body);
}

std::string broken_by_tickers(std::string_view input) {
  const std::string body(input);
  const Unit list{.key = "list"};
  const Unit details{.key = "details", .grain = Grain::symbol, .symbol = symbol_of(body)};
  ICINGEST_ALL_HOLD(broken_by_route(test::route("tickers", "list"), list, body));
  ICINGEST_ALL_HOLD(broken_by_route(test::route("tickers", "details"), details, body));
  return broken_by_splits(body);
}

}  // namespace icingest::fuzz
