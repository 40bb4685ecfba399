#include "decode/zip.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>

namespace icingest::decode {
namespace {

constexpr std::uint32_t kEntryMark = 0x02014b50;
constexpr std::uint32_t kLocalMark = 0x04034b50;
constexpr std::string_view kEndMark("PK\x05\x06", 4);
constexpr std::uint32_t kEnd64Mark = 0x06064b50;
constexpr std::uint32_t kLocator64Mark = 0x07064b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kLocalBytes = 30;
constexpr std::uint64_t kMostEntries = 4'000'000;
constexpr std::uint32_t kSee64 = 0xFFFFFFFF;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

// Little-endian integer of that type at a place that is there.
template <class T>
T number(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Failure no_zip(std::string what) {
  return Failure(Error{
      .action = Action::retry, .exit = ExitCode::later, .message = "not a whole zip: " + std::move(what)});
}

Failure bad_member(const ZipEntry& entry, std::string_view what) {
  return Failure(Error{.action = Action::retry,
                       .exit = ExitCode::later,
                       .message = fmt::format("member {} of the archive {}", entry.name, what)});
}

// Sizes and offset that do not fit 32 bits stand in an extra field, those alone and in this order.
bool read_zip64(std::string_view extra, ZipEntry& entry) {
  const bool any = entry.plain == kSee64 || entry.compressed == kSee64 || entry.offset == kSee64;
  while (any && extra.size() >= 4) {
    const auto id = number<std::uint16_t>(extra, 0);
    const std::size_t size = number<std::uint16_t>(extra, 2);
    if (extra.size() < 4 + size) return false;
    std::string_view field = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    if (id != 1) continue;
    for (std::uint64_t* const value : {&entry.plain, &entry.compressed, &entry.offset}) {
      if (*value != kSee64) continue;
      if (field.size() < 8) return false;
      *value = number<std::uint64_t>(field, 0);
      field.remove_prefix(8);
    }
    return true;
  }
  return !any;
}

}  // namespace

Result<ZipTail> find_zip_directory(std::string_view tail, std::uint64_t total) {
  const std::uint64_t tail_at = total - tail.size();
  // A comment may follow the record, so the last mark whose comment ends with the file counts.
  std::size_t at = tail.rfind(kEndMark);
  while (at != std::string_view::npos &&
         (tail.size() - at < kEndBytes ||
          at + kEndBytes + number<std::uint16_t>(tail, at + 20) != tail.size())) {
    at = at == 0 ? std::string_view::npos : tail.rfind(kEndMark, at - 1);
  }
  if (at == std::string_view::npos) return no_zip("it has no end record");
  ZipTail found{.directory_offset = number<std::uint32_t>(tail, at + 16),
                .directory_bytes = number<std::uint32_t>(tail, at + 12),
                .entries = number<std::uint16_t>(tail, at + 10)};
  if (number<std::uint16_t>(tail, at + 4) != number<std::uint16_t>(tail, at + 6))
    return no_zip("it is one of several");
  const bool has_locator =
      at >= kLocatorBytes && number<std::uint32_t>(tail, at - kLocatorBytes) == kLocator64Mark;
  if (has_locator) {
    const auto end64_at = number<std::uint64_t>(tail, at - kLocatorBytes + 8);
    if (end64_at < tail_at || end64_at - tail_at + kEnd64Bytes > at)
      return no_zip("its zip64 record is elsewhere");
    const auto here = static_cast<std::size_t>(end64_at - tail_at);
    if (number<std::uint32_t>(tail, here) != kEnd64Mark) return no_zip("it has no zip64 record");
    found = {.directory_offset = number<std::uint64_t>(tail, here + 48),
             .directory_bytes = number<std::uint64_t>(tail, here + 40),
             .entries = number<std::uint64_t>(tail, here + 32)};
  }
  const bool inside =
      found.directory_offset <= total && found.directory_bytes <= total - found.directory_offset;
  if (!inside || found.entries > kMostEntries || found.entries * kEntryBytes > found.directory_bytes)
    return no_zip("its directory cannot be where it says");
  return found;
}

Result<std::vector<ZipEntry>> read_zip_directory(std::string_view directory, const ZipTail& tail) {
  std::vector<ZipEntry> entries;
  entries.reserve(tail.entries);
  for (std::uint64_t i = 0; i < tail.entries; ++i) {
    if (directory.size() < kEntryBytes || number<std::uint32_t>(directory, 0) != kEntryMark)
      return no_zip(fmt::format("entry {} of {} is broken", i + 1, tail.entries));
    const std::size_t name = number<std::uint16_t>(directory, 28);
    const std::size_t extra = number<std::uint16_t>(directory, 30);
    const std::size_t comment = number<std::uint16_t>(directory, 32);
    if (directory.size() < kEntryBytes + name + extra + comment)
      return no_zip(fmt::format("entry {} of {} is cut", i + 1, tail.entries));
    ZipEntry& entry = entries.emplace_back();
    entry.name = directory.substr(kEntryBytes, name);
    entry.offset = number<std::uint32_t>(directory, 42);
    entry.compressed = number<std::uint32_t>(directory, 20);
    entry.plain = number<std::uint32_t>(directory, 24);
    entry.crc = number<std::uint32_t>(directory, 16);
    entry.method = number<std::uint16_t>(directory, 10);
    entry.flags = number<std::uint16_t>(directory, 8);
    if (!read_zip64(directory.substr(kEntryBytes + name, extra), entry))
      return no_zip(fmt::format("the zip64 sizes of {} are missing", entry.name));
    if (entry.offset >= tail.directory_offset) return no_zip(fmt::format("{} lies outside", entry.name));
    directory.remove_prefix(kEntryBytes + name + extra + comment);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ZipEntry& a, const ZipEntry& b) { return a.offset < b.offset; });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].end = i + 1 < entries.size() ? entries[i + 1].offset : tail.directory_offset;
  }
  return entries;
}

Result<void> extract(std::string_view raw, const ZipEntry& entry, std::size_t limit, std::size_t padding,
                     Inflater& inflater, Buffer& out) {
  out.clear();
  if (entry.plain > limit) {
    return Failure(Error{.action = Action::fail_unit,
                         .exit = ExitCode::later,
                         .message = fmt::format("member {} would be {} bytes, more than the limit of {}",
                                                entry.name, entry.plain, limit)});
  }
  if (raw.size() < kLocalBytes || number<std::uint32_t>(raw, 0) != kLocalMark)
    return bad_member(entry, "has no header where the directory says");
  const std::size_t header = kLocalBytes + number<std::uint16_t>(raw, 26) + number<std::uint16_t>(raw, 28);
  if (raw.size() < header || raw.size() - header < entry.compressed) return bad_member(entry, "is cut");
  if (raw.substr(kLocalBytes, number<std::uint16_t>(raw, 26)) != entry.name)
    return bad_member(entry, "has another name in its header");
  if ((entry.flags & 1) != 0) return bad_member(entry, "is encrypted");
  const std::string_view data = raw.substr(header, static_cast<std::size_t>(entry.compressed));
  if (entry.method == kStored) {
    if (entry.plain != entry.compressed) return bad_member(entry, "is stored with two sizes");
    out.append(data);
  } else if (entry.method == kDeflated) {
    if (!inflater.inflate(data, static_cast<std::size_t>(entry.plain), padding, out))
      return bad_member(entry, "does not inflate to its size");
  } else {
    return bad_member(entry, fmt::format("is packed by method {}", entry.method));
  }
  if (libdeflate_crc32(0, out.data(), out.size()) != entry.crc)
    return bad_member(entry, "has a wrong checksum");
  out.reserve(padding);
  return {};
}

}  // namespace icingest::decode
