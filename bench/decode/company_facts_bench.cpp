// Company facts from JSON to the COPY tuples of all three tables by the pipeline's own decoder, beside a bare simdjson
// pass over the same bytes. The documents are recorded ones, so the case needs ICINGEST_SHARED_DATA.
#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bench/support/measured.h"
#include "decode/inflate.h"
#include "icingest/company_facts.h"
#include "run/decode_unit.h"
#include "support/decoding.h"

namespace icingest::bench {
namespace {

std::string read_gz(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  decode::Inflater inflater;
  Buffer plain;
  if (!inflater.gunzip(bytes, std::size_t{1} << 30, 0, plain)) return {};
  return std::string(plain.view());
}

struct Documents {
  std::vector<std::string> bodies;
  std::vector<Unit> units;
  std::size_t bytes = 0;
};

const Documents& documents() {
  static const Documents found = [] {
    Documents all;
    const char* const given = std::getenv("ICINGEST_SHARED_DATA");
    const auto folder =
        std::filesystem::path(given != nullptr ? given : "../shared/data") / "sec/companyfacts";
    if (!std::filesystem::exists(folder)) return all;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".gz") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      all.bodies.push_back(read_gz(file));
      all.bytes += all.bodies.back().size();
      all.units.push_back({.grain = Grain::entity,
                           .entity = std::stoll(file.filename().string().substr(3, 10)),
                           .symbols = {"TEST"}});
    }
    return all;
  }();
  return found;
}

// As the engine keeps them: used again from document to document. A body lies in its buffer, as inflation leaves it.
class Decoder {
 public:
  std::size_t decode(Buffer& body, const Unit& unit) {
    Buffer rows = std::move(batch_.rows);
    rows.clear();
    batch_ = Batch{.rows = std::move(rows)};
    keys_.clear();
    for (Batch& side : sides_) pool_.give_back(std::move(side.rows));
    sides_.clear();
    std::string reason;
    Document document(body, "http://bench/", parser_);
    const auto decoded = run::decode_unit(load_, document, unit, universe_, nullptr, {}, keys_, pool_,
                                          {.first = batch_, .sides = sides_, .reason = reason});
    if (!decoded) return 0;
    return static_cast<std::size_t>(batch_.row_count);
  }
  [[nodiscard]] std::size_t side_rows() const {
    std::size_t rows = 0;
    for (const Batch& side : sides_) rows += static_cast<std::size_t>(side.row_count);
    return rows;
  }

 private:
  const Load& load_ = test::route("financials", "live").load;
  const Universe universe_ = Universe::everything();
  simdjson::ondemand::parser parser_;
  BufferPool pool_{std::size_t{64} << 20};
  KeySet keys_;
  Batch batch_;
  std::vector<Batch> sides_;
};

// The least anybody can do who reads every value of every row: On-Demand, doubles for numbers.
struct Sums {
  std::size_t rows = 0;
  std::size_t wanted = 0;  // rows of concepts that our tables need
  double numbers = 0;
  std::size_t characters = 0;
};

void read_row(simdjson::ondemand::object row, Sums& sums) {
  for (auto field : row) {
    simdjson::ondemand::value value = field.value();
    switch (value.type()) {
      case simdjson::ondemand::json_type::number: sums.numbers += value.get_double(); break;
      case simdjson::ondemand::json_type::string: sums.characters += value.get_string().value().size(); break;
      default: break;
    }
  }
}

Sums bare_pass(simdjson::ondemand::parser& parser, const simdjson::padded_string& json, bool look_up) {
  Sums sums;
  simdjson::ondemand::document document = parser.iterate(json);
  for (auto taxonomy : document.find_field("facts").get_object()) {
    const std::string_view taxonomy_name = taxonomy.unescaped_key();
    for (auto what : taxonomy.value().get_object()) {
      const std::string_view name = what.unescaped_key();
      const bool wanted = look_up && find_concept(taxonomy_name, name).has_value();
      for (auto unit : what.value().get_object().find_field("units").get_object()) {
        for (simdjson::ondemand::object row : unit.value().get_array()) {
          ++sums.rows;
          sums.wanted += wanted ? 1 : 0;
          read_row(row, sums);
        }
      }
    }
  }
  return sums;
}

void decode(benchmark::State& state) {
  const Documents& all = documents();
  if (all.bodies.empty()) return state.SkipWithError("no recorded documents: set ICINGEST_SHARED_DATA");
  Decoder decoder;
  std::vector<Buffer> bodies(all.bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) bodies[i].append(all.bodies[i]);
  simdjson::ondemand::parser parser;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < all.bodies.size(); ++i) {
    const std::size_t decoded = decoder.decode(bodies[i], all.units[i]);
    const Sums sums = bare_pass(parser, simdjson::padded_string(all.bodies[i]), true);
    // The recorded documents hold no row that must be refused and none twice.
    if (decoded != sums.wanted)
      return refuse(state, std::to_string(decoded) + " facts, not " + std::to_string(sums.wanted));
    rows += decoded + decoder.side_rows();
  }
  const Measured measured(state, rows, all.bytes);
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < all.bodies.size(); ++i)
      benchmark::DoNotOptimize(decoder.decode(bodies[i], all.units[i]));
    benchmark::ClobberMemory();
  }
  state.counters["companies/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(all.bodies.size()),
                         benchmark::Counter::kIsRate);
}

void bare(benchmark::State& state) {
  const Documents& all = documents();
  if (all.bodies.empty()) return state.SkipWithError("no recorded documents: set ICINGEST_SHARED_DATA");
  std::vector<simdjson::padded_string> padded;
  for (const std::string& body : all.bodies) padded.emplace_back(body);
  simdjson::ondemand::parser parser;
  std::size_t rows = 0;
  for (const auto& json : padded) rows += bare_pass(parser, json, false).rows;
  if (rows < 100'000) return refuse(state, "rows were lost");
  const Measured measured(state, rows, all.bytes);
  while (state.KeepRunning()) {
    for (const auto& json : padded) benchmark::DoNotOptimize(bare_pass(parser, json, false));
  }
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Both in turn, document by document, so that whatever else the machine does slows them alike: the speed of the decoder as
// a part of the bare pass's.
void of_bare(benchmark::State& state) {
  const Documents& all = documents();
  if (all.bodies.empty()) return state.SkipWithError("no recorded documents: set ICINGEST_SHARED_DATA");
  Decoder decoder;
  simdjson::ondemand::parser parser;
  std::vector<Buffer> bodies(all.bodies.size());
  std::vector<simdjson::padded_string> padded;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    bodies[i].append(all.bodies[i]);
    padded.emplace_back(all.bodies[i]);
  }
  double ours = 0;
  double theirs = 0;
  while (state.KeepRunning()) {
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const double begin = cpu_seconds();
      benchmark::DoNotOptimize(decoder.decode(bodies[i], all.units[i]));
      const double between = cpu_seconds();
      benchmark::DoNotOptimize(bare_pass(parser, padded[i], false));
      ours += between - begin;
      theirs += cpu_seconds() - between;
    }
  }
  state.counters["of_bare"] = theirs / ours;
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("decode/company_facts", decode),
    benchmark::RegisterBenchmark("decode/company_facts/bare_simdjson", bare),
    benchmark::RegisterBenchmark("decode/company_facts/ratio", of_bare),
};

}  // namespace
}  // namespace icingest::bench
