// gzip bodies back to JSON: the engine's inflater beside zlib's. Bytes are those that come out; a row is a
// bar.
#include <zlib.h>

#include <simdjson.h>

#include <limits>
#include <string>

#include "bench/support/market_body.h"
#include "bench/support/measured.h"
#include "decode/inflate.h"

namespace icingest::bench {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 15 bits, and 16 for the gzip frame

std::string gzip(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, plain.size()), '\0');
  std::string input = plain;  // zlib wants it writable
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void engine_inflate(benchmark::State& state) {
  const MarketBody& body = grouped_body();
  const std::string packed = gzip(body.json);
  decode::Inflater inflater;
  Buffer out;
  const auto inflate_once = [&] {
    return inflater.gunzip(packed, std::size_t{256} << 20, simdjson::SIMDJSON_PADDING, out).has_value();
  };
  if (!inflate_once() || out.view() != body.json) return refuse(state, "other bytes came out than went in");
  const Measured measured(state, body.rows, body.json.size());
  while (state.KeepRunning()) benchmark::DoNotOptimize(inflate_once());
}

void zlib_inflate(benchmark::State& state) {
  const MarketBody& body = grouped_body();
  std::string packed = gzip(body.json);
  std::string out(body.json.size() + 1, '\0');
  z_stream stream{};
  inflateInit2(&stream, kGzipWindow);
  const auto inflate_once = [&] {
    inflateReset(&stream);
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    return inflate(&stream, Z_FINISH) == Z_STREAM_END;
  };
  if (!inflate_once() || std::string_view(out).substr(0, stream.total_out) != body.json) {
    refuse(state, "other bytes came out than went in");
  } else {
    const Measured measured(state, body.rows, body.json.size());
    while (state.KeepRunning()) benchmark::DoNotOptimize(inflate_once());
  }
  inflateEnd(&stream);
}

const benchmark::internal::Benchmark* const kCases[] = {
    benchmark::RegisterBenchmark("inflate/engine", engine_inflate),
    benchmark::RegisterBenchmark("inflate/zlib", zlib_inflate),
};

}  // namespace
}  // namespace icingest::bench
