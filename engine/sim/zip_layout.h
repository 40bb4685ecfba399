// zip_layout.h: a zip of any size that exists as a plan: where each member lies, and the bytes of any range of
// it on demand.
//
// Shape     members in the order given, deflated, then the central directory; zip64 records where a number does
//           not fit its field, or everywhere when asked for
// Memory    16 bytes a member; the members' own bytes are asked for each time and shared with their cache
// Threads   immutable after construction, as long as what `member_at` gives is the same each time
// Source    PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/packed.h"

namespace icingest::sim {

// Bytes of which any range can be had.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills `out` with the bytes from `offset` on; the range lies inside.
  virtual void read(std::uint64_t offset, std::span<char> out) const = 0;
};

struct ZipMember {
  std::string name;
  SplitText text;
  std::uint32_t wrong_crc = 0;  // by how much the directory lies about the CRC
};

struct ZipStyle {
  bool zip64 = false;        // zip64 records even where nothing needs them
  bool descriptors = false;  // sizes and CRC behind each member instead of before it
};

class ZipLayout final : public ByteSource {
 public:
  using MemberAt = std::function<ZipMember(std::size_t)>;
  ZipLayout(std::size_t members, MemberAt member_at, ZipStyle style);

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<char> out) const override;

 private:
  [[nodiscard]] std::string before(const ZipMember& member) const;  // local header and open block
  [[nodiscard]] std::string after(const ZipMember& member) const;   // descriptor, if any
  [[nodiscard]] std::string entry(std::size_t index) const;         // in the central directory
  [[nodiscard]] std::string end() const;
  // Copies what of `piece`, which lies at `at`, falls into the range; true when the range is full.
  static bool copy(std::string_view piece, std::uint64_t at, std::uint64_t offset, std::span<char> out);

  MemberAt member_at_;
  ZipStyle style_;
  std::vector<std::uint64_t> members_;  // where each begins, and the directory behind the last
  std::vector<std::uint64_t> entries_;  // where each directory entry begins, and what follows behind the last
  std::uint64_t size_ = 0;
};

}  // namespace icingest::sim
