#include "decode/inflate.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>

namespace icingest::decode {
namespace {

// The size a gzip member says it has, mod 2^32: a hint for the first try only.
std::size_t declared_size(std::string_view member) {
  std::uint32_t size = 0;
  std::memcpy(&size, member.data() + member.size() - 4, 4);
  return size;
}

Failure cut_stream(std::size_t bytes, std::string_view what) {
  return Failure(Error{.action = Action::retry,
                       .exit = ExitCode::later,
                       .message = fmt::format("gzip body of {} bytes is {}", bytes, what)});
}

}  // namespace

void Inflater::Free::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

Inflater::Inflater() : decompressor_(libdeflate_alloc_decompressor()) {
  ICINGEST_CHECK(decompressor_ != nullptr);
}

Result<void> Inflater::gunzip(std::string_view compressed, std::size_t limit, std::size_t padding,
                              Buffer& out) {
  out.clear();
  const std::size_t whole = compressed.size();
  if (whole < 18) return cut_stream(whole, "too short for a gzip stream");
  std::size_t room = std::min(limit, std::max(declared_size(compressed), compressed.size()));
  while (!compressed.empty()) {
    std::size_t used = 0;
    std::size_t made = 0;
    char* const at = out.reserve(room + padding);
    const auto result = libdeflate_gzip_decompress_ex(decompressor_.get(), compressed.data(),
                                                      compressed.size(), at, room, &used, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (out.size() + room >= limit) {
        return Failure(
            Error{.action = Action::fail_unit,
                  .exit = ExitCode::later,
                  .message = fmt::format("gzip body of {} bytes inflates to more than the limit of {} bytes",
                                         whole, limit)});
      }
      room = std::min(room * 2, limit - out.size());
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS) return cut_stream(whole, "cut or corrupt");
    out.commit(made);
    compressed.remove_prefix(used);
    room = std::min(std::max<std::size_t>(compressed.size() * 4, 1024), limit - out.size());
  }
  out.reserve(padding);
  return {};
}

bool Inflater::inflate(std::string_view compressed, std::size_t plain, std::size_t padding, Buffer& out) {
  out.clear();
  char* const at = out.reserve(plain + padding + 1);
  std::size_t used = 0;
  std::size_t made = 0;
  const auto result = libdeflate_deflate_decompress_ex(decompressor_.get(), compressed.data(),
                                                       compressed.size(), at, plain, &used, &made);
  if (result != LIBDEFLATE_SUCCESS || used != compressed.size() || made != plain) return false;
  out.commit(made);
  return true;
}

}  // namespace icingest::decode
