#include "sim/zip_layout.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace icingest::sim {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDescriptor = 0x08074b50;
constexpr std::uint32_t kEntry = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kLocator64 = 0x07064b50;
constexpr std::uint64_t kMax32 = 0xffffffff;
constexpr std::uint64_t kMax16 = 0xffff;
constexpr std::uint16_t kDate = (46 << 9) | (1 << 5) | 1;  // 2026-01-01; nobody should read it
constexpr std::uint16_t kDeflate = 8;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::uint64_t packed_size(const ZipMember& member) {
  const std::size_t head = member.text.head.size();
  return (head == 0 ? 0 : head + 5) + member.text.tail.bytes->size();
}

}  // namespace

ZipLayout::ZipLayout(std::size_t members, MemberAt member_at, ZipStyle style)
    : member_at_(std::move(member_at)), style_(style) {
  members_.reserve(members + 1);
  std::vector<std::uint64_t> entry_sizes;
  entry_sizes.reserve(members);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < members; ++i) {
    const ZipMember member = member_at_(i);
    members_.push_back(at);
    const std::uint64_t extra = style_.zip64 ? 28 : at >= kMax32 ? 12 : 0;
    entry_sizes.push_back(46 + member.name.size() + extra);
    at += before(member).size() + member.text.tail.bytes->size() + after(member).size();
  }
  members_.push_back(at);
  entries_.reserve(members + 1);
  for (const std::uint64_t size : entry_sizes) {
    entries_.push_back(at);
    at += size;
  }
  entries_.push_back(at);
  size_ = at + end().size();
}

std::string ZipLayout::before(const ZipMember& member) const {
  const std::uint64_t packed = packed_size(member);
  const std::uint64_t plain = member.text.plain_size();
  const bool late = style_.descriptors;
  std::string out;
  put(out, kLocalHeader, 4);
  put(out, style_.zip64 ? 45 : 20, 2);
  put(out, late ? 8 : 0, 2);
  put(out, kDeflate, 2);
  put(out, 0, 2);
  put(out, kDate, 2);
  put(out, late ? 0 : member.text.crc() + member.wrong_crc, 4);
  put(out, style_.zip64 ? kMax32 : late ? 0 : packed, 4);
  put(out, style_.zip64 ? kMax32 : late ? 0 : plain, 4);
  put(out, member.name.size(), 2);
  put(out, style_.zip64 ? 20 : 0, 2);
  out += member.name;
  if (style_.zip64) {
    put(out, 1, 2);
    put(out, 16, 2);
    put(out, late ? 0 : plain, 8);
    put(out, late ? 0 : packed, 8);
  }
  return out += open_block(member.text.head);
}

std::string ZipLayout::after(const ZipMember& member) const {
  std::string out;
  if (!style_.descriptors) return out;
  const int width = style_.zip64 ? 8 : 4;
  put(out, kDescriptor, 4);
  put(out, member.text.crc() + member.wrong_crc, 4);
  put(out, packed_size(member), width);
  put(out, member.text.plain_size(), width);
  return out;
}

std::string ZipLayout::entry(std::size_t index) const {
  const ZipMember member = member_at_(index);
  const std::uint64_t packed = packed_size(member);
  const std::uint64_t plain = member.text.plain_size();
  const std::uint64_t at = members_[index];
  const bool far = at >= kMax32;
  std::string out;
  put(out, kEntry, 4);
  put(out, 45, 2);
  put(out, style_.zip64 || far ? 45 : 20, 2);
  put(out, style_.descriptors ? 8 : 0, 2);
  put(out, kDeflate, 2);
  put(out, 0, 2);
  put(out, kDate, 2);
  put(out, member.text.crc() + member.wrong_crc, 4);
  put(out, style_.zip64 ? kMax32 : packed, 4);
  put(out, style_.zip64 ? kMax32 : plain, 4);
  put(out, member.name.size(), 2);
  put(out, style_.zip64 ? 28 : far ? 12 : 0, 2);
  put(out, 0, 6);  // comment, disk, inner attributes
  put(out, 0, 4);  // outer attributes
  put(out, style_.zip64 || far ? kMax32 : at, 4);
  out += member.name;
  if (style_.zip64 || far) {
    put(out, 1, 2);
    put(out, style_.zip64 ? 24 : 8, 2);
    if (style_.zip64) {
      put(out, plain, 8);
      put(out, packed, 8);
    }
    put(out, at, 8);
  }
  return out;
}

std::string ZipLayout::end() const {
  const std::uint64_t count = members_.size() - 1;
  const std::uint64_t start = members_.back();
  const std::uint64_t length = entries_.back() - start;
  const bool wide = style_.zip64 || count >= kMax16 || start >= kMax32 || length >= kMax32;
  std::string out;
  if (wide) {
    put(out, kEnd64, 4);
    put(out, 44, 8);
    put(out, 45, 2);
    put(out, 45, 2);
    put(out, 0, 8);  // disks
    put(out, count, 8);
    put(out, count, 8);
    put(out, length, 8);
    put(out, start, 8);
    put(out, kLocator64, 4);
    put(out, 0, 4);
    put(out, entries_.back(), 8);
    put(out, 1, 4);
  }
  put(out, kEnd, 4);
  put(out, 0, 4);
  put(out, wide ? kMax16 : count, 2);
  put(out, wide ? kMax16 : count, 2);
  put(out, wide ? kMax32 : length, 4);
  put(out, wide ? kMax32 : start, 4);
  put(out, 0, 2);
  return out;
}

bool ZipLayout::copy(std::string_view piece, std::uint64_t at, std::uint64_t offset, std::span<char> out) {
  const std::uint64_t stop = offset + out.size();
  const std::uint64_t from = std::max(at, offset);
  const std::uint64_t to = std::min(at + piece.size(), stop);
  if (from < to) std::memcpy(out.data() + (from - offset), piece.data() + (from - at), to - from);
  return at + piece.size() >= stop;
}

void ZipLayout::read(std::uint64_t offset, std::span<char> out) const {
  const auto number_of = [&](const std::vector<std::uint64_t>& starts) {
    const auto after_it = std::upper_bound(starts.begin(), starts.end(), offset);
    return static_cast<std::size_t>(std::distance(starts.begin(), after_it)) - 1;
  };
  const std::size_t count = members_.size() - 1;
  if (offset < members_.back()) {
    for (std::size_t i = number_of(members_); i < count; ++i) {
      const ZipMember member = member_at_(i);
      std::uint64_t at = members_[i];
      const std::string lead = before(member);
      const std::string trail = after(member);
      for (const std::string_view piece :
           {std::string_view(lead), std::string_view(*member.text.tail.bytes), std::string_view(trail)}) {
        if (copy(piece, at, offset, out)) return;
        at += piece.size();
      }
    }
  }
  const std::size_t first = offset < members_.back() ? 0 : number_of(entries_);
  for (std::size_t i = first; i < count; ++i) {
    if (copy(entry(i), entries_[i], offset, out)) return;
  }
  copy(end(), entries_.back(), offset, out);
}

}  // namespace icingest::sim
