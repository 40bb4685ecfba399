// byte_ranges.h: the header Range, and bodies of which ranges can be had.
//
// Threads   pure functions
// Source    RFC 9110, 14.1.2
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "icingest/time.h"
#include "sim/http_types.h"
#include "sim/zip_layout.h"

namespace icingest::sim {

struct ByteRange {
  std::uint64_t from = 0;
  std::uint64_t size = 0;  // 0: cannot be satisfied
};
// "bytes=0-99", "bytes=100-", "bytes=-20" of a body of that size. Nothing, which means all of it, when there is
// no such header, it cannot be read, or it asks for several ranges.
[[nodiscard]] std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size);

// "Wed, 25 Nov 2026 04:30:00 GMT"
[[nodiscard]] std::string http_date(Instant at);

// What a GET of these bytes gives: 200, 206, or 416, by Range and If-Range.
[[nodiscard]] SimAnswer ranged(const SimRequest& request, std::shared_ptr<const ByteSource> bytes,
                               const std::string& etag, Instant modified, bool ignore_range = false);

// Bytes that are held.
class HeldBytes final : public ByteSource {
 public:
  explicit HeldBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<char> out) const override {
    std::copy_n(bytes_.data() + offset, out.size(), out.data());
  }

 private:
  std::string bytes_;
};

// Other bytes with one of them changed.
class FlippedByte final : public ByteSource {
 public:
  FlippedByte(std::shared_ptr<const ByteSource> bytes, std::uint64_t at)
      : bytes_(std::move(bytes)), at_(at) {}

  [[nodiscard]] std::uint64_t size() const override { return bytes_->size(); }
  void read(std::uint64_t offset, std::span<char> out) const override {
    bytes_->read(offset, out);
    if (at_ >= offset && at_ - offset < out.size()) out[at_ - offset] = static_cast<char>(~out[at_ - offset]);
  }

 private:
  std::shared_ptr<const ByteSource> bytes_;
  std::uint64_t at_;
};

}  // namespace icingest::sim
