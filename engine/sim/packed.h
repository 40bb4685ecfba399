// packed.h: texts kept deflated, so that each is compressed once and then joined with others unread.
//
// A text that differs from many others in its first bytes alone is written as open_block(beginning) followed by
// the packed rest: two deflate pieces, one stream. Its CRC comes from those of its pieces.
//
// Threads   pure functions
// Source    RFC 1951; the joining of CRCs as in zlib's crc32_combine()
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace icingest::sim {

struct Packed {
  std::shared_ptr<const std::string> bytes;  // deflate blocks, the last one marked as such
  std::uint64_t plain_size = 0;
  std::uint32_t crc = 0;  // CRC-32 of the plain text
};

[[nodiscard]] Packed pack(std::string_view plain);
[[nodiscard]] std::string unpack(const Packed& packed);
// `size` blanks, at about 1/158 of their size.
[[nodiscard]] Packed pack_blanks(std::uint64_t size);

// The text as one stored block that leaves the stream open; at most 65,535 bytes.
[[nodiscard]] std::string open_block(std::string_view text);

[[nodiscard]] std::uint32_t crc32_of(std::string_view text);
// The CRC of two texts one after the other; the second is `second_size` bytes long.
[[nodiscard]] std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second,
                                         std::uint64_t second_size);

// A text that is kept in two pieces: the bytes that are its own, and those it shares with others.
struct SplitText {
  std::string head;
  Packed tail;

  [[nodiscard]] std::uint64_t plain_size() const { return head.size() + tail.plain_size; }
  [[nodiscard]] std::uint32_t crc() const { return crc32_joined(crc32_of(head), tail.crc, tail.plain_size); }
  [[nodiscard]] std::string plain() const { return head + unpack(tail); }
  // A gzip stream of the whole.
  [[nodiscard]] std::string gzip() const;
};

}  // namespace icingest::sim
