// zip.h: the directory of a zip archive, and its members, from pieces of the file.
//
// The directory at the end says where each member is and how long; so members can be cut out of a stream without
// inflating what is not wanted, whatever their headers leave open (data descriptors), and one that is broken costs
// only itself.
//
// Units     bytes; offsets from the beginning of the file
// Limits    archives of several disks, encrypted members and methods other than stored and deflate are refused
// Errors    retry: the bytes are no zip, or not whole; fail_unit: a member is larger than allowed
// Threads   pure functions; Inflater is one per thread
// Source    PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3 (zip64)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/inflate.h"

namespace icingest::decode {

struct ZipEntry {
  std::string name;
  std::uint64_t offset = 0;      // of its local header
  std::uint64_t end = 0;         // where the next member or the directory begins
  std::uint64_t compressed = 0;  // bytes of data
  std::uint64_t plain = 0;       // inflated
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
};

struct ZipTail {
  std::uint64_t directory_offset = 0;
  std::uint64_t directory_bytes = 0;
  std::uint64_t entries = 0;
};

// Where the directory is, from the last bytes of a file of `total` bytes.
[[nodiscard]] Result<ZipTail> find_zip_directory(std::string_view tail, std::uint64_t total);
// Its entries, by offset.
[[nodiscard]] Result<std::vector<ZipEntry>> read_zip_directory(std::string_view directory,
                                                               const ZipTail& tail);

// Replaces `out` by the member's contents: sizes and checksum are as the directory says. `raw` is the file from
// entry.offset to entry.end. `padding` bytes of room stay behind them.
[[nodiscard]] Result<void> extract(std::string_view raw, const ZipEntry& entry, std::size_t limit,
                                   std::size_t padding, Inflater& inflater, Buffer& out);

}  // namespace icingest::decode
