// inflate.h: gzip bodies → bytes, whole or not at all.
//
// Errors    retry: cut stream, wrong checksum, trailing bytes (the trailer proves wholeness);
//           fail_unit: more than `limit` bytes would come out
// Threads   one Inflater per decode thread
// Source    RFC 1952; libdeflate.h
#pragma once

#include <memory>
#include <string_view>

#include "icingest/buffer.h"
#include "icingest/result.h"

struct libdeflate_decompressor;

namespace icingest::decode {

// Whether these are the first bytes of a gzip stream: an object that is stored compressed comes without a
// header that says so. No JSON and no CSV of ours begins like it.
[[nodiscard]] inline bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

class Inflater {
 public:
  Inflater();

  // Replaces `out` by the inflated bytes of a gzip stream of one or more members. `padding` bytes of room
  // stay behind them.
  Result<void> gunzip(std::string_view compressed, std::size_t limit, std::size_t padding, Buffer& out);

  // Replaces `out` by the inflated bytes of a bare deflate stream; false unless it is all of `compressed` and gives
  // exactly `plain` bytes.
  [[nodiscard]] bool inflate(std::string_view compressed, std::size_t plain, std::size_t padding,
                             Buffer& out);

 private:
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const;
  };
  std::unique_ptr<libdeflate_decompressor, Free> decompressor_;
};

}  // namespace icingest::decode
