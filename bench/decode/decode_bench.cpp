// Bars from JSON to COPY tuples by the pipeline's own decoder, beside a bare simdjson pass over the same
// bytes.
#include <simdjson.h>

#include "bench/support/market_body.h"
#include "bench/support/measured.h"
#include "bench/support/reference_rows.h"
#include "support/decoding.h"

namespace icingest::bench {
namespace {

// As the engine keeps them: recycled from answer to answer.
struct Decoder {
  const Route& route;
  Buffer body;
  const Universe universe = Universe::everything();
  simdjson::ondemand::parser parser{};
  KeySet keys{};
  Batch batch{};

  bool decode(const Unit& unit) {
    Buffer rows = std::move(batch.rows);
    rows.clear();
    batch = Batch{.rows = std::move(rows)};
    keys.clear();
    Document document(body, "http://bench/", parser);
    std::string next_page;
    return route.load.decode(document, unit, batch, keys, universe, next_page).has_value();
  }
};

void decode(benchmark::State& state, const char* route, const MarketBody& body) {
  Decoder decoder{test::route("prices", route), {}};
  decoder.body.append(body.json);
  if (!decoder.decode(body.unit) || decoder.batch.rows.view() != reference_tuples(body)) {
    return refuse(state, "the tuples differ from the slow encoder's");
  }
  const Measured measured(state, body.rows, body.json.size());
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(decoder.decode(body.unit));
    benchmark::ClobberMemory();
  }
}

struct Sums {
  std::size_t rows = 0;
  double numbers = 0;
  std::size_t characters = 0;
};

// The least anybody can do who reads every member: On-Demand, doubles for numbers.
Sums bare_pass(simdjson::ondemand::parser& parser, const simdjson::padded_string& json) {
  Sums sums;
  simdjson::ondemand::document document = parser.iterate(json);
  for (simdjson::ondemand::object bar : document.find_field("results").get_array()) {
    ++sums.rows;
    for (auto field : bar) {
      simdjson::ondemand::value value = field.value();
      switch (value.type()) {
        case simdjson::ondemand::json_type::number: sums.numbers += value.get_double(); break;
        case simdjson::ondemand::json_type::string:
          sums.characters += value.get_string().value().size();
          break;
        default: break;
      }
    }
  }
  return sums;
}

void bare(benchmark::State& state, const MarketBody& body) {
  const simdjson::padded_string json(body.json);
  simdjson::ondemand::parser parser;
  if (bare_pass(parser, json).rows != body.rows) return refuse(state, "rows were lost");
  const Measured measured(state, body.rows, body.json.size());
  while (state.KeepRunning()) benchmark::DoNotOptimize(bare_pass(parser, json));
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("decode/grouped",
                                 [](auto& state) { decode(state, "grouped", grouped_body()); }),
    benchmark::RegisterBenchmark("decode/grouped/bare_simdjson",
                                 [](auto& state) { bare(state, grouped_body()); }),
    benchmark::RegisterBenchmark("decode/range",
                                 [](auto& state) { decode(state, "per-ticker", range_body()); }),
    benchmark::RegisterBenchmark("decode/range/bare_simdjson",
                                 [](auto& state) { bare(state, range_body()); }),
};

}  // namespace
}  // namespace icingest::bench
