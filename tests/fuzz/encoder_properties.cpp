#include <algorithm>
#include <array>
#include <limits>

#include "fuzz/properties.h"
#include "icingest/copy_encoder.h"
#include "load/tuples.h"
#include "support/slow_encoder.h"

namespace icingest::fuzz {
namespace {

using load::Field;
using test::SlowNumber;

// Takes an input apart. An exhausted input gives zeros.
class Bytes {
 public:
  explicit Bytes(std::string_view input) : rest_(input) {}

  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | byte();
    return value;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::string_view text() {
    const std::size_t size = std::min<std::size_t>(byte() & 63, rest_.size());
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  // Mostly characters of numbers, in any order.
  std::string token() {
    if (byte() % 8 == 0) return std::string(text());
    std::string token;
    for (const char c : text()) token += "0123456789.e-+E0"[static_cast<unsigned char>(c) % 16];
    return token;
  }

 private:
  unsigned char byte() {
    if (rest_.empty()) return 0;
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return static_cast<unsigned char>(first);
  }

  std::string_view rest_;
};

// Every column type, and NUMERIC in several shapes.
struct AnyRow {
  Instant time{};
  std::string_view name;
  Date day{};
  bool flag = false;
  std::int64_t small = 0, big = 0;
  Decimal price, share, whole, plain, volume;
  std::optional<Decimal> fine;
  std::optional<std::string_view> note;
  std::optional<Date> maybe_day;
};

std::int64_t big_of(const AnyRow& row) { return row.big; }

constexpr auto kAnyTable =
    table<AnyRow>(
        "any", key("time", &AnyRow::time, "timestamptz"), key("name", &AnyRow::name, "varchar(12)"),
        key("day", &AnyRow::day, "date"), column("flag", &AnyRow::flag, "bool"),
        column("small", &AnyRow::small, "int4"), column("big", &AnyRow::big, "int8"),
        column("price", &AnyRow::price, "numeric(20,6)"), column("share", &AnyRow::share, "numeric(38,20)"),
        column("whole", &AnyRow::whole, "numeric(10,0)"), column("plain", &AnyRow::plain, "numeric"),
        column("volume", &AnyRow::volume, "int8"), column("fine", &AnyRow::fine, "numeric(38,36)"),
        column("note", &AnyRow::note, "text"), column("maybe_day", &AnyRow::maybe_day, "date"),
        constant_key<AnyRow>("interval", "1day", "varchar(10)"))
        .proved_by(BucketKind::number, &big_of, "big");

// What the slow encoder makes of a row.
struct Expected {
  std::string bytes;
  Fault fault = Fault::none;
  std::size_t column = 0;
  int rounded = 0;

  void add(const std::string& field, Fault field_fault = Fault::none) {
    if (fault != Fault::none) return;
    fault = field_fault;
    if (fault != Fault::none) return;
    bytes += field;
    ++column;
  }
  void add_text(std::string_view text, std::size_t limit) {
    std::size_t characters = 0;
    for (const char c : text) characters += (static_cast<unsigned char>(c) >> 6) != 2 ? 1 : 0;
    const Fault field_fault = characters > limit                          ? Fault::too_long
                              : text.find('\0') != std::string_view::npos ? Fault::nul_in_text
                                                                          : Fault::none;
    add(test::slow_text(std::string(text)), field_fault);
  }
  void add_numeric(const SlowNumber& number, std::size_t precision, std::size_t scale) {
    if (fault != Fault::none) return;
    const SlowNumber kept = test::slow_round(number, scale);
    add(test::slow_numeric(kept.text(), static_cast<int>(scale)),
        kept.integer.size() > precision - scale ? Fault::out_of_range : Fault::none);
    if (fault == Fault::none) rounded += number.fraction.size() > scale ? 1 : 0;
  }
  void add_whole(const SlowNumber& number) {
    if (fault != Fault::none) return;
    const SlowNumber kept = test::slow_round(number, 0);
    const std::string most = kept.negative ? "9223372036854775808" : "9223372036854775807";
    if (kept.integer.size() > most.size() || (kept.integer.size() == most.size() && kept.integer > most)) {
      add({}, Fault::out_of_range);
      return;
    }
    // Through the unsigned number, where the lowest int64 has a place.
    const std::uint64_t magnitude = kept.integer.empty() ? 0 : std::stoull(kept.integer);
    add(test::slow_int8(static_cast<std::int64_t>(kept.negative ? 0 - magnitude : magnitude)));
    rounded += number.fraction.empty() ? 0 : 1;
  }
};

// A row with the numbers its decimals were read from.
struct Case {
  AnyRow row;
  SlowNumber price, share, whole, plain, volume, fine;
};

// Reads `token` in both ways and compares them; a token that is no number leaves zero.
std::string broken_by_token(const std::string& token, Decimal& fast, SlowNumber& slow) {
  const Fault fault = Decimal::parse(token, fast);
  const auto parsed = test::slow_parse(token);
  // What breaks off after too many digits may be called either.
  if (!parsed) {
    ICINGEST_HOLDS(fault != Fault::none);
    return {};
  }
  const bool fits = parsed->written <= 38 && parsed->integer.size() <= 38 && parsed->fraction.size() <= 36;
  ICINGEST_HOLDS(fault == (fits ? Fault::none : Fault::out_of_range));
  if (!fits) return {};
  slow = *parsed;
  const auto shown = test::slow_parse(fast.to_string());
  ICINGEST_HOLDS(shown.has_value());
  ICINGEST_HOLDS(shown->text() == slow.text());
  return {};
}

// Dates and instants that time.h can name.
Date date_from(Bytes& bytes) {
  constexpr std::uint64_t kDays = 3'652'059;  // of the years 1 to 9999
  return make_date(1, 1, 1) + std::chrono::days(static_cast<int>(bytes.number(4) % kDays));
}

std::string broken_by_reading(Bytes& bytes, Case& out) {
  AnyRow& row = out.row;
  row.day = date_from(bytes);
  row.time = Instant(date_from(bytes)) + std::chrono::microseconds(bytes.number(5) % 86'400'000'000);
  row.name = bytes.text();
  row.flag = bytes.flag();
  row.small = static_cast<std::int64_t>(bytes.number(8)) >> (bytes.number(1) % 64);
  row.big = static_cast<std::int64_t>(bytes.number(8));
  ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.price, out.price));
  ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.share, out.share));
  ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.whole, out.whole));
  ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.plain, out.plain));
  ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.volume, out.volume));
  if (bytes.flag()) ICINGEST_ALL_HOLD(broken_by_token(bytes.token(), row.fine.emplace(), out.fine));
  if (bytes.flag()) row.note = bytes.text();
  if (bytes.flag()) row.maybe_day = date_from(bytes);
  return {};
}

std::int32_t days_since_2000(Date date) {
  return static_cast<std::int32_t>((date - make_date(2000, 1, 1)).count());
}

Expected expect(const Case& given) {
  const AnyRow& row = given.row;
  Expected expected{.bytes = std::string("\0\x0f", 2)};
  expected.add(test::slow_int8((row.time - make_date(2000, 1, 1)).count()));
  expected.add_text(row.name, 12);
  expected.add(test::slow_int4(days_since_2000(row.day)));
  expected.add(test::slow_bool(row.flag));
  const bool is_small = row.small >= std::numeric_limits<std::int32_t>::min() &&
                        row.small <= std::numeric_limits<std::int32_t>::max();
  expected.add(test::slow_int4(is_small ? static_cast<std::int32_t>(row.small) : 0),
               is_small ? Fault::none : Fault::out_of_range);
  expected.add(test::slow_int8(row.big));
  expected.add_numeric(given.price, 20, 6);
  expected.add_numeric(given.share, 38, 20);
  expected.add_numeric(given.whole, 10, 0);
  expected.add(test::slow_numeric(given.plain.text(), row.plain.scale()));
  expected.add_whole(given.volume);
  if (row.fine) expected.add_numeric(given.fine, 38, 36);
  else expected.add(test::kSlowNull);
  if (row.note) expected.add_text(*row.note, std::numeric_limits<std::size_t>::max());
  else expected.add(test::kSlowNull);
  expected.add(row.maybe_day ? test::slow_int4(days_since_2000(*row.maybe_day)) : test::kSlowNull);
  expected.add_text("1day", 10);
  return expected;
}

// A NUMERIC field as the server sends it: no zero groups in front or behind.
std::string as_sent_by_server(std::string_view field) {
  std::string header(field.substr(0, 8));
  std::string groups(field.substr(8));
  while (groups.ends_with(std::string_view("\0\0", 2))) groups.resize(groups.size() - 2);
  int weight = static_cast<std::int16_t>(static_cast<unsigned char>(header[2]) << 8 |
                                         static_cast<unsigned char>(header[3]));
  for (; groups.starts_with(std::string_view("\0\0", 2)); --weight) groups.erase(0, 2);
  header[1] = static_cast<char>(groups.size() / 2);
  header[2] = static_cast<char>(weight >> 8);
  header[3] = static_cast<char>(weight & 0xFF);
  return header + groups;
}

std::string broken_by_reading_back(const Expected& expected, const copy::Encoded& encoded) {
  static const TableInfo kInfo = describe(kAnyTable);
  Buffer scratch;
  int tuples = 0;
  Digest ours;
  Digest servers;
  load::TupleReader reader([&](const std::vector<Field>& fields) -> Result<void> {
    ++tuples;
    if (fields.size() != kInfo.columns.size()) return {};
    ours = load::digest_of_fields(kInfo, fields.data(), scratch);
    std::vector<std::string> kept(fields.size());
    std::vector<Field> sent(fields);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!fields[i] || kInfo.columns[i].type.type != PgType::numeric) continue;
      kept[i] = as_sent_by_server(*fields[i]);
      sent[i] = kept[i];
    }
    servers = load::digest_of_fields(kInfo, sent.data(), scratch);
    return {};
  });
  const std::string stream = std::string(copy::kHeader) + expected.bytes + std::string(copy::kTrailer);
  ICINGEST_HOLDS(reader.feed(stream).has_value());
  ICINGEST_HOLDS(reader.finish().has_value());
  ICINGEST_HOLDS(tuples == 1);
  ICINGEST_HOLDS(ours == encoded.digest);
  ICINGEST_HOLDS(servers == encoded.digest);
  return {};
}

}  // namespace

std::string broken_by_encoder(std::string_view input) {
  Bytes bytes(input);
  Case given;
  ICINGEST_ALL_HOLD(broken_by_reading(bytes, given));
  const Expected expected = expect(given);
  Buffer out;
  out.append("before");
  const copy::Encoded encoded = copy::encode_row<kAnyTable>(given.row, out);
  ICINGEST_HOLDS(encoded.fault == expected.fault);
  if (expected.fault != Fault::none) {
    ICINGEST_HOLDS(encoded.column == expected.column);
    ICINGEST_HOLDS(out.view() == "before");
    return {};
  }
  ICINGEST_HOLDS(out.view() == "before" + expected.bytes);
  ICINGEST_HOLDS(encoded.size == expected.bytes.size());
  ICINGEST_HOLDS(encoded.rounded == expected.rounded);
  ICINGEST_HOLDS(encoded.bucket == given.row.big);
  return broken_by_reading_back(expected, encoded);
}

}  // namespace icingest::fuzz
