// One value of each column type, and a whole bar, to COPY tuples; the slow encoder beside the bar for scale.
//
// A case of one type is a table of that one column: the field, the tuple's frame and its digest are timed
// together.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "bench/support/measured.h"
#include "bench/support/reference_rows.h"
#include "icingest/copy_encoder.h"
#include "support/bar_row.h"
#include "support/slow_encoder.h"

namespace icingest::bench {
namespace {

constexpr std::size_t kRows = 4'096;

template <class T>
struct One {
  T value{};
};

template <class T>
constexpr auto one_column(std::string_view type) {
  return table<One<T>>("one", column("value", &One<T>::value, type));
}

constexpr auto kBool = one_column<bool>("bool");
constexpr auto kInt4 = one_column<std::int64_t>("int4");
constexpr auto kInt8 = one_column<std::int64_t>("int8");
constexpr auto kDate = one_column<Date>("date");
constexpr auto kTimestamp = one_column<Instant>("timestamptz");
constexpr auto kText = one_column<std::string_view>("text");
constexpr auto kVarchar = one_column<std::string_view>("varchar(32)");
constexpr auto kPrice = one_column<Decimal>("numeric(20,6)");
constexpr auto kNumeric = one_column<Decimal>("numeric");
constexpr auto kVolume = one_column<Decimal>("int8");
constexpr auto kNull = one_column<std::optional<Decimal>>("numeric(20,6)");

// Seeded, so that every run encodes the same rows.
template <class Make>
auto draw(Make make) {
  std::mt19937_64 random(20'260'102);
  std::vector<decltype(make(random))> values;
  for (std::size_t i = 0; i < kRows; ++i) values.push_back(make(random));
  return values;
}

std::int64_t below(std::mt19937_64& random, std::int64_t limit) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
}

// Rows of one column: `slow` gives the field a value should become.
template <const auto& kTable, class Values, class Slow>
void encode_one(benchmark::State& state, const Values& values, Slow slow) {
  using Row = typename std::remove_cvref_t<decltype(kTable)>::Row;
  std::vector<Row> rows;
  std::string wanted;
  for (const auto& value : values) {
    rows.push_back(Row{value});
    wanted += std::string("\0\1", 2) + slow(value);
  }
  Buffer out;
  const auto encode = [&] {
    out.clear();
    for (const Row& row : rows) benchmark::DoNotOptimize(copy::encode_row<kTable>(row, out));
  };
  encode();
  if (out.view() != wanted) return refuse(state, "the tuples differ from the slow encoder's");
  const Measured measured(state, rows.size(), out.size());
  while (state.KeepRunning()) encode();
}

void encode_bool(benchmark::State& state) {
  std::vector<char> drawn = draw([](auto& random) { return static_cast<char>(random() & 1); });
  std::vector<bool> values(drawn.begin(), drawn.end());
  encode_one<kBool>(state, values, [](bool value) { return slow_integer(value ? 1 : 0, 1); });
}

void encode_int4(benchmark::State& state) {
  encode_one<kInt4>(state, draw([](auto& random) { return below(random, 1'000'000) - 500'000; }),
                    [](std::int64_t value) { return slow_integer(value, 4); });
}

void encode_int8(benchmark::State& state) {
  encode_one<kInt8>(state, draw([](auto& random) { return below(random, std::int64_t{1} << 50); }),
                    [](std::int64_t value) { return slow_integer(value, 8); });
}

void encode_date(benchmark::State& state) {
  encode_one<kDate>(state, draw([](auto& random) {
                      return make_date(2000, 1, 1) + std::chrono::days(below(random, 10'000));
                    }),
                    [](Date value) { return slow_integer((value - make_date(2000, 1, 1)).count(), 4); });
}

void encode_timestamp(benchmark::State& state) {
  const Instant epoch = copy::kPgEpoch;
  encode_one<kTimestamp>(state, draw([&](auto& random) {
                           return epoch + std::chrono::microseconds(below(random, 800'000'000'000'000));
                         }),
                         [&](Instant value) { return slow_integer((value - epoch).count(), 8); });
}

const std::vector<std::string>& symbols() {
  static const std::vector<std::string> drawn = draw([](auto& random) {
    std::string symbol;
    for (std::int64_t length = 1 + below(random, 6); length > 0; --length)
      symbol += static_cast<char>('A' + below(random, 26));
    return symbol;
  });
  return drawn;
}

template <const auto& kTable>
void encode_symbol(benchmark::State& state) {
  const std::vector<std::string_view> values(symbols().begin(), symbols().end());
  encode_one<kTable>(state, values,
                     [](std::string_view value) { return test::slow_text(std::string(value)); });
}

// $0.01 to $1,000 with two to four decimals, as bars have them.
Decimal draw_price(std::mt19937_64& random) {
  const int scale = 2 + static_cast<int>(below(random, 3));
  return {Int128{1} + below(random, scale == 2 ? 100'000 : scale == 3 ? 1'000'000 : 10'000'000), scale};
}
std::string slow_price(const Decimal& value) {
  return test::slow_numeric(plain_number(value.to_string(), 6), 6);
}

void encode_price(benchmark::State& state) { encode_one<kPrice>(state, draw(draw_price), slow_price); }

void encode_unconstrained(benchmark::State& state) {
  encode_one<kNumeric>(state, draw(draw_price), [](const Decimal& value) {
    return test::slow_numeric(value.to_string(), value.scale());
  });
}

// Shares with up to two decimals, rounded half-even to whole ones.
Decimal draw_volume(std::mt19937_64& random) {
  return {Int128{below(random, 2'000'000'000)}, static_cast<int>(below(random, 3))};
}
std::string slow_volume(const Decimal& value) {
  return slow_integer(std::atoll(plain_number(value.to_string(), 0).c_str()), 8);
}

void encode_volume(benchmark::State& state) { encode_one<kVolume>(state, draw(draw_volume), slow_volume); }

void encode_null(benchmark::State& state) {
  encode_one<kNull>(state, std::vector<std::optional<Decimal>>(kRows),
                    [](const auto&) { return test::kSlowNull; });
}

std::vector<test::BarRow> draw_bars() {
  std::size_t at = 0;
  return draw([&](auto& random) {
    test::BarRow bar{
        .time = new_york::midnight(make_date(2016, 1, 4) + std::chrono::days(below(random, 3'600))),
        .ticker = symbols()[at++]};
    for (Decimal* price : {&bar.open, &bar.high, &bar.low, &bar.close}) *price = draw_price(random);
    bar.volume = draw_volume(random);
    if (below(random, 50) != 0) bar.vwap = draw_price(random);
    return bar;
  });
}

std::string slow_bar(const test::BarRow& bar) {
  std::string out("\0\x09", 2);
  out += slow_integer((bar.time - copy::kPgEpoch).count(), 8) + test::slow_text(std::string(bar.ticker));
  for (const Decimal* price : {&bar.open, &bar.high, &bar.low, &bar.close}) out += slow_price(*price);
  out += slow_volume(bar.volume);
  out += bar.vwap ? slow_price(*bar.vwap) : test::kSlowNull;
  return out + test::slow_text("1day");
}

std::string slow_bars(const std::vector<test::BarRow>& bars) {
  std::string out;
  for (const test::BarRow& bar : bars) out += slow_bar(bar);
  return out;
}

void encode_bar(benchmark::State& state) {
  const auto bars = draw_bars();
  Buffer out;
  const auto encode = [&] {
    out.clear();
    for (const test::BarRow& bar : bars)
      benchmark::DoNotOptimize(copy::encode_row<test::kBarTable>(bar, out));
  };
  encode();
  if (out.view() != slow_bars(bars)) return refuse(state, "the tuples differ from the slow encoder's");
  const Measured measured(state, bars.size(), out.size());
  while (state.KeepRunning()) encode();
}

void encode_bar_slowly(benchmark::State& state) {
  const auto bars = draw_bars();
  const Measured measured(state, bars.size(), slow_bars(bars).size());
  while (state.KeepRunning()) benchmark::DoNotOptimize(slow_bars(bars));
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("encode/bool", encode_bool),
    benchmark::RegisterBenchmark("encode/int4", encode_int4),
    benchmark::RegisterBenchmark("encode/int8", encode_int8),
    benchmark::RegisterBenchmark("encode/date", encode_date),
    benchmark::RegisterBenchmark("encode/timestamptz", encode_timestamp),
    benchmark::RegisterBenchmark("encode/text", encode_symbol<kText>),
    benchmark::RegisterBenchmark("encode/varchar", encode_symbol<kVarchar>),
    benchmark::RegisterBenchmark("encode/numeric(20,6)", encode_price),
    benchmark::RegisterBenchmark("encode/numeric", encode_unconstrained),
    benchmark::RegisterBenchmark("encode/decimal_to_int8", encode_volume),
    benchmark::RegisterBenchmark("encode/null", encode_null),
    benchmark::RegisterBenchmark("encode/bar", encode_bar),
    benchmark::RegisterBenchmark("encode/bar/slow_encoder", encode_bar_slowly),
};

}  // namespace
}  // namespace icingest::bench
