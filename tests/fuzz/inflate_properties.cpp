#include <libdeflate.h>

#include "decode/inflate.h"
#include "fuzz/properties.h"

namespace icingest::fuzz {
namespace {

constexpr std::size_t kLimit = std::size_t{64} << 10;
constexpr std::size_t kPadding = 64;

std::string gzip(std::string_view plain) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(1);
  std::string out(libdeflate_gzip_compress_bound(compressor, plain.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor, plain.data(), plain.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

struct Inflated {
  bool whole = false;
  std::string plain;
  bool padded = false;
};

Inflated inflate(std::string_view stream, std::size_t limit) {
  // The stream ends where its memory ends, so that reading on is seen.
  const std::unique_ptr<char[]> exact(new char[stream.size()]);
  stream.copy(exact.get(), stream.size());
  decode::Inflater inflater;
  Buffer out;
  Inflated inflated;
  inflated.whole = inflater.gunzip({exact.get(), stream.size()}, limit, kPadding, out).has_value();
  inflated.padded = out.capacity() >= out.size() + kPadding;
  if (inflated.whole) inflated.plain = out.view();
  return inflated;
}

// A stream that was taken: within its limit, refused one byte below, and each part of it that is taken too
// (whole members) is the beginning of the same text.
std::string broken_by_taken(std::string_view stream, const Inflated& taken) {
  ICINGEST_HOLDS(taken.plain.size() <= kLimit);
  ICINGEST_HOLDS(taken.padded);
  ICINGEST_HOLDS(inflate(stream, taken.plain.size()).plain == taken.plain);
  ICINGEST_HOLDS(taken.plain.empty() || !inflate(stream, taken.plain.size() - 1).whole);
  const std::size_t step = stream.size() / 24 + 1;
  for (std::size_t cut = 0; cut < stream.size(); cut += step) {
    const Inflated part = inflate(stream.substr(0, cut), kLimit);
    ICINGEST_HOLDS(!part.whole || taken.plain.starts_with(part.plain));
  }
  return {};
}

}  // namespace

std::string broken_by_inflate(std::string_view input) {
  if (const Inflated given = inflate(input, kLimit); given.whole) {
    ICINGEST_ALL_HOLD(broken_by_taken(input, given));
  }
  const std::string stream = gzip(input);
  const Inflated own = inflate(stream, kLimit);
  ICINGEST_HOLDS(own.whole && own.plain == input);
  ICINGEST_ALL_HOLD(broken_by_taken(stream, own));
  const std::size_t middle = stream.size() / 2;
  ICINGEST_HOLDS(!inflate(std::string_view(stream).substr(0, middle), kLimit).whole);
  ICINGEST_HOLDS(!inflate(stream + '\0', kLimit).whole);
  const Inflated twice = inflate(stream + stream, kLimit);
  ICINGEST_HOLDS(twice.whole && twice.plain == std::string(input) + std::string(input));
  return {};
}

}  // namespace icingest::fuzz
