#include "decode/zip.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <memory>
#include <vector>

namespace icingest::decode {
namespace {

// A zip as writers make them, piece by piece.
class Writer {
 public:
  bool zip64 = false;
  bool descriptors = false;
  std::string comment;

  void add(const std::string& name, const std::string& text, bool packed = true) {
    const std::string data = packed ? deflate(text) : text;
    Entry entry{name,
                bytes_.size(),
                data.size(),
                text.size(),
                libdeflate_crc32(0, text.data(), text.size()),
                static_cast<std::uint16_t>(packed ? 8 : 0)};
    put32(0x04034b50);
    put16(zip64 ? 45 : 20);
    put16(descriptors ? 8 : 0);
    put16(entry.method);
    put32(0);
    put32(descriptors ? 0 : entry.crc);
    put32(descriptors ? 0 : static_cast<std::uint32_t>(entry.compressed));
    put32(descriptors ? 0 : static_cast<std::uint32_t>(entry.plain));
    put16(static_cast<std::uint16_t>(name.size()));
    put16(4);
    bytes_ += name;
    bytes_ += std::string("\x99\x99\x00\x00", 4);  // an extra field that nobody knows
    bytes_ += data;
    if (descriptors) {
      put32(0x08074b50);
      put32(entry.crc);
      put32(static_cast<std::uint32_t>(entry.compressed));
      put32(static_cast<std::uint32_t>(entry.plain));
    }
    entries_.push_back(entry);
  }

  std::string finish() {
    const std::uint64_t at = bytes_.size();
    for (const Entry& entry : entries_) {
      put32(0x02014b50);
      put16(45), put16(zip64 ? 45 : 20), put16(descriptors ? 8 : 0), put16(entry.method), put32(0),
          put32(entry.crc);
      put32(zip64 ? 0xFFFFFFFF : static_cast<std::uint32_t>(entry.compressed));
      put32(zip64 ? 0xFFFFFFFF : static_cast<std::uint32_t>(entry.plain));
      put16(static_cast<std::uint16_t>(entry.name.size()));
      put16(zip64 ? 28 : 0), put16(0), put16(0), put16(0), put32(0);
      put32(zip64 ? 0xFFFFFFFF : static_cast<std::uint32_t>(entry.offset));
      bytes_ += entry.name;
      if (zip64) put16(1), put16(24), put64(entry.plain), put64(entry.compressed), put64(entry.offset);
    }
    const std::uint64_t size = bytes_.size() - at;
    if (zip64) {
      const std::uint64_t record = bytes_.size();
      put32(0x06064b50), put64(44), put16(45), put16(45), put32(0), put32(0), put64(entries_.size());
      put64(entries_.size()), put64(size), put64(at);
      put32(0x07064b50), put32(0), put64(record), put32(1);
    }
    put32(0x06054b50), put16(0), put16(0);
    put16(zip64 ? 0xFFFF : static_cast<std::uint16_t>(entries_.size()));
    put16(zip64 ? 0xFFFF : static_cast<std::uint16_t>(entries_.size()));
    put32(zip64 ? 0xFFFFFFFF : static_cast<std::uint32_t>(size));
    put32(zip64 ? 0xFFFFFFFF : static_cast<std::uint32_t>(at));
    put16(static_cast<std::uint16_t>(comment.size()));
    bytes_ += comment;
    return bytes_;
  }

 private:
  struct Entry {
    std::string name;
    std::uint64_t offset, compressed, plain;
    std::uint32_t crc;
    std::uint16_t method;
  };
  static std::string deflate(const std::string& text) {
    const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
        libdeflate_alloc_compressor(6), libdeflate_free_compressor);
    std::string out(libdeflate_deflate_compress_bound(compressor.get(), text.size()), '\0');
    out.resize(
        libdeflate_deflate_compress(compressor.get(), text.data(), text.size(), out.data(), out.size()));
    return out;
  }
  template <class T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put16(std::uint16_t value) { put(value); }
  void put32(std::uint32_t value) { put(value); }
  void put64(std::uint64_t value) { put(value); }

  std::string bytes_;
  std::vector<Entry> entries_;
};

struct Opened {
  std::string file;
  std::vector<ZipEntry> entries;
};

Result<Opened> open(std::string file, std::size_t tail_bytes = 100'000) {
  Opened opened{std::move(file), {}};
  const std::string_view whole = opened.file;
  const std::string_view tail = whole.substr(whole.size() - std::min(whole.size(), tail_bytes));
  ICINGEST_TRY_LET(const ZipTail found, find_zip_directory(tail, whole.size()));
  ICINGEST_TRY_LET(opened.entries,
                   read_zip_directory(whole.substr(found.directory_offset, found.directory_bytes), found));
  return opened;
}

Result<std::string> text_of(const Opened& zip, std::size_t number, std::size_t limit = 1 << 20) {
  Inflater inflater;
  Buffer out;
  const ZipEntry& entry = zip.entries.at(number);
  ICINGEST_TRY(extract(std::string_view(zip.file).substr(entry.offset, entry.end - entry.offset), entry,
                       limit, 64, inflater, out));
  return std::string(out.view());
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += std::to_string(i * i) + ",";
  return text;
}

TEST(Zip, ReadsEveryKindThatWritersMake) {
  for (const bool zip64 : {false, true}) {
    for (const bool descriptors : {false, true}) {
      Writer writer;
      writer.zip64 = zip64;
      writer.descriptors = descriptors;
      if (zip64) writer.comment = "PK\x05\x06 is no end";
      writer.add("CIK0000000001.json", long_text());
      writer.add("stored.json", "{}", false);
      writer.add("empty.json", "");
      const auto zip = open(writer.finish());
      ASSERT_TRUE(zip.has_value()) << zip.error().message;
      ASSERT_EQ(zip->entries.size(), 3U);
      EXPECT_EQ(zip->entries[0].name, "CIK0000000001.json");
      EXPECT_EQ(text_of(*zip, 0).value(), long_text());
      EXPECT_EQ(text_of(*zip, 1).value(), "{}");
      EXPECT_EQ(text_of(*zip, 2).value(), "");
    }
  }
}

TEST(Zip, ABrokenMemberCostsOnlyItself) {
  Writer writer;
  writer.add("a.json", long_text());
  writer.add("b.json", long_text());
  std::string file = writer.finish();
  for (std::size_t at = 100; at < 130; ++at) file[at] = static_cast<char>(file[at] ^ 0x55);
  const auto zip = open(file);
  ASSERT_TRUE(zip.has_value());
  EXPECT_FALSE(text_of(*zip, 0).has_value());
  EXPECT_EQ(text_of(*zip, 1).value(), long_text());
}

TEST(Zip, RefusesAMemberWhoseHeaderIsAnothers) {
  Writer writer;
  writer.add("a.json", "{}");
  std::string file = writer.finish();
  file[30] = 'z';
  EXPECT_FALSE(text_of(*open(file), 0).has_value());
  file[30] = 'a';
  file[0] = 'X';
  EXPECT_FALSE(text_of(*open(file), 0).has_value());
}

TEST(Zip, RefusesBombsBeforeInflatingThem) {
  Writer writer;
  writer.add("bomb.json", std::string(2 << 20, ' '));
  const auto zip = open(writer.finish());
  const auto text = text_of(*zip, 0, 1 << 20);
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().action, Action::fail_unit);
  // One that lies about its size gives no byte more than it says.
  Opened lying = *zip;
  lying.entries[0].plain = 1000;
  EXPECT_FALSE(text_of(lying, 0).has_value());
}

TEST(Zip, IsWholeOrRefused) {
  Writer writer;
  writer.zip64 = true;
  writer.add("a.json", long_text());
  const std::string file = writer.finish();
  for (std::size_t cut = 1; cut < 140; ++cut) {
    EXPECT_FALSE(open(file.substr(0, file.size() - cut)).has_value()) << cut;
  }
  EXPECT_FALSE(open("").has_value());
  EXPECT_FALSE(open(std::string(22, '\0')).has_value());
  // Every single byte of what describes the archive may be wrong; none may make us read elsewhere.
  for (std::size_t at = file.size() - 150; at < file.size(); ++at) {
    for (const int bit : {1, 128}) {
      std::string bad = file;
      bad[at] = static_cast<char>(bad[at] ^ bit);
      const auto zip = open(bad);
      if (!zip) continue;
      for (std::size_t i = 0; i < zip->entries.size(); ++i) {
        const ZipEntry& entry = zip->entries[i];
        ASSERT_LE(entry.offset, bad.size());
        ASSERT_LE(entry.end, bad.size());
        if (entry.end >= entry.offset) (void)text_of(*zip, i);
      }
    }
  }
}

}  // namespace
}  // namespace icingest::decode
