#include "support/zip_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

namespace icingest::test {
namespace {

struct Position {
  const sim::ByteSource& zip;
  std::uint64_t at = 0;
  std::string block{};
};

la_ssize_t on_read(archive*, void* context, const void** bytes) {
  auto& position = *static_cast<Position*>(context);
  position.block.resize(std::min<std::uint64_t>(64 << 10, position.zip.size() - position.at));
  if (!position.block.empty()) position.zip.read(position.at, position.block);
  position.at += position.block.size();
  *bytes = position.block.data();
  return static_cast<la_ssize_t>(position.block.size());
}

la_int64_t on_seek(archive*, void* context, la_int64_t offset, int whence) {
  auto& position = *static_cast<Position*>(context);
  const auto base = static_cast<la_int64_t>(whence == SEEK_SET   ? 0
                                            : whence == SEEK_CUR ? position.at
                                                                 : position.zip.size());
  position.at = static_cast<std::uint64_t>(base + offset);
  return base + offset;
}

}  // namespace

ZipResult read_zip(const sim::ByteSource& zip, ZipReading reading,
                   const std::function<void(const std::string&, std::string)>& each, bool names_only) {
  ZipResult result;
  Position position{zip};
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), &archive_read_free);
  if (reading == ZipReading::by_directory) {
    archive_read_support_format_zip_seekable(reader.get());
    archive_read_set_seek_callback(reader.get(), on_seek);
  } else {
    archive_read_support_format_zip_streamable(reader.get());
  }
  archive_read_set_callback_data(reader.get(), &position);
  archive_read_set_read_callback(reader.get(), on_read);
  const auto failed = [&] {
    if (result.error.empty()) {
      const char* const why = archive_error_string(reader.get());
      result.error = why == nullptr ? "unknown" : why;
    }
    return result;
  };
  if (archive_read_open1(reader.get()) != ARCHIVE_OK) return failed();
  for (archive_entry* entry = nullptr;;) {
    const int header = archive_read_next_header(reader.get(), &entry);
    if (header == ARCHIVE_EOF) return result;
    if (header != ARCHIVE_OK) return failed();
    ++result.members;
    const std::string name = archive_entry_pathname(entry);
    std::string bytes;
    if (!names_only) {
      std::string block(256 << 10, '\0');
      for (;;) {
        const la_ssize_t count = archive_read_data(reader.get(), block.data(), block.size());
        if (count < 0) return failed();
        if (count == 0) break;
        bytes.append(block, 0, static_cast<std::size_t>(count));
      }
    }
    each(name, std::move(bytes));
  }
}

std::string all_of(const sim::ByteSource& zip, std::size_t piece) {
  std::string bytes(zip.size(), '\0');
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    zip.read(at, std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  return bytes;
}

}  // namespace icingest::test
