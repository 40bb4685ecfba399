#include "sim/zip_layout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "decode/inflate.h"
#include "icingest/buffer.h"
#include "sim/byte_ranges.h"
#include "support/zip_archive.h"

namespace icingest::sim {
namespace {

using test::ZipReading;

TEST(Packed, GivesBackWhatItTook) {
  const std::string text = "facts and facts and facts and more facts, " + std::string(5000, 'x');
  const Packed packed = pack(text);
  EXPECT_LT(packed.bytes->size(), 120U);
  EXPECT_EQ(unpack(packed), text);
  EXPECT_EQ(packed.crc, crc32_of(text));
}

// The checksum of two pieces is that of the whole, however long they are.
TEST(Packed, JoinsChecksums) {
  for (const std::size_t first : {0u, 1u, 7u, 300u, 70'000u}) {
    for (const std::size_t second : {0u, 1u, 8u, 1023u, 65'536u}) {
      const std::string a(first, 'a');
      const std::string b(second, 'b');
      EXPECT_EQ(crc32_joined(crc32_of(a), crc32_of(b), second), crc32_of(a + b)) << first << "+" << second;
    }
  }
}

TEST(Packed, PiecesAreOneGzipStream) {
  const SplitText text{R"({"cik":1,"entityName":"A")", pack(R"(,"facts":{}})")};
  decode::Inflater inflater;
  Buffer plain;
  ASSERT_TRUE(inflater.gunzip(text.gzip(), 1 << 20, 0, plain));
  EXPECT_EQ(plain.view(), text.plain());
  EXPECT_EQ(plain.view(), R"({"cik":1,"entityName":"A","facts":{}})");
  EXPECT_EQ(text.crc(), crc32_of(text.plain()));
}

TEST(Packed, BlanksAreBlanks) {
  for (const std::uint64_t size : {0u, 1u, 2u, 257u, 258u, 259u, 260u, 2064u, 2065u, 4130u, 1'000'003u}) {
    const Packed blanks = pack_blanks(size);
    EXPECT_EQ(unpack(blanks), std::string(size, ' ')) << size;
    EXPECT_EQ(blanks.crc, crc32_of(std::string(size, ' '))) << size;
  }
  EXPECT_LT(pack_blanks(std::uint64_t{1} << 28).bytes->size(), std::size_t{2} << 20);
}

ZipMember numbered(std::size_t i) {
  return {
      fmt::format("CIK{:010}.json", i), {fmt::format("{{\"cik\":{},", i), pack(std::string(i * 37, 'v'))}, 0};
}
std::string content(std::size_t i) { return fmt::format("{{\"cik\":{},", i) + std::string(i * 37, 'v'); }

class Zip : public ::testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  [[nodiscard]] static ZipStyle style() {
    return {.zip64 = std::get<0>(GetParam()), .descriptors = std::get<1>(GetParam())};
  }
};

TEST_P(Zip, IsReadByAnotherLibrary) {
  const ZipLayout zip(50, numbered, style());
  for (const ZipReading reading : {ZipReading::by_directory, ZipReading::in_order}) {
    std::map<std::string, std::string> found;
    const auto result = test::read_zip(
        zip, reading, [&](const std::string& name, std::string bytes) { found[name] = std::move(bytes); });
    EXPECT_EQ(result.error, "");
    ASSERT_EQ(found.size(), 50U);
    for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(found[fmt::format("CIK{:010}.json", i)], content(i)) << i;
  }
}

// Whatever ranges it is read in, the bytes are the same.
TEST_P(Zip, IsTheSameInPieces) {
  const ZipLayout zip(9, numbered, style());
  const std::string whole = test::all_of(zip, zip.size());
  for (const std::size_t piece : {1u, 2u, 13u, 64u, 1000u})
    EXPECT_EQ(test::all_of(zip, piece), whole) << piece;
}

INSTANTIATE_TEST_SUITE_P(Styles, Zip, ::testing::Combine(::testing::Bool(), ::testing::Bool()),
                         [](const auto& style) {
                           return fmt::format("{}{}", std::get<0>(style.param) ? "Zip64" : "Plain",
                                              std::get<1>(style.param) ? "Descriptors" : "Sizes");
                         });

TEST(ZipLayout, HoldsMoreMembersThanSixteenBitsCount) {
  const SplitText empty{"", pack("{}")};
  const ZipLayout zip(66'000, [&](std::size_t i) { return ZipMember{fmt::format("{}", i), empty, 0}; }, {});
  std::set<std::string> names;
  const auto result = test::read_zip(
      zip, ZipReading::by_directory, [&](const std::string& name, auto) { names.insert(name); }, true);
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.members, 66'000U);
  EXPECT_EQ(names.size(), 66'000U);
}

// 80 members of 64 MiB: the last ones lie behind 4 GiB, and nothing holds the zip.
TEST(ZipLayout, ReachesBehindFourGibibytes) {
  SplitText large;
  std::string stored;
  const std::string block = open_block(std::string(0xffff, 'b'));
  for (int i = 0; i < 1024; ++i) stored += block;
  stored += std::string("\x01\0\0\xff\xff", 5);
  const std::string plain(std::size_t{0xffff} * 1024, 'b');
  large.tail = {std::make_shared<const std::string>(std::move(stored)), plain.size(), crc32_of(plain)};
  const ZipLayout zip(81,
                      [&](std::size_t i) {
                        if (i < 80) return ZipMember{fmt::format("{}", i), large, 0};
                        return ZipMember{"last", {"", pack("behind them all")}, 0};
                      },
                      {});
  ASSERT_GT(zip.size(), std::uint64_t{5} << 30);
  std::string tail(22, '\0');
  zip.read(zip.size() - tail.size(), tail);
  EXPECT_EQ(tail.substr(0, 4), "PK\x05\x06");
  EXPECT_EQ(tail.substr(16, 4), "\xff\xff\xff\xff") << "the directory's place needs more than 32 bits";
  // Sixty-four bytes of the last member, found where the arithmetic says it is.
  std::string last;
  const auto names = test::read_zip(
      zip, ZipReading::by_directory, [&](const std::string& name, auto) { last = name; }, true);
  EXPECT_EQ(names.error, "");
  EXPECT_EQ(names.members, 81U);
  EXPECT_EQ(last, "last");
}

TEST(ZipLayout, OfNothingIsNothingButItsEnd) {
  const ZipLayout zip(0, numbered, {});
  EXPECT_EQ(test::all_of(zip, 22), std::string("PK\x05\x06") + std::string(18, '\0'));
}

TEST(ZipLayout, LiesAboutAChecksumWhenAsked) {
  const ZipLayout zip(3,
                      [](std::size_t i) {
                        ZipMember member = numbered(i + 1);
                        member.wrong_crc = i == 1 ? 1 : 0;
                        return member;
                      },
                      {});
  std::size_t whole = 0;
  const auto result = test::read_zip(zip, ZipReading::by_directory, [&](const auto&, auto) { ++whole; });
  EXPECT_NE(result.error.find("CRC"), std::string::npos) << result.error;
  EXPECT_EQ(whole, 1U);
}

TEST(ByteRanges, AreReadAsTheRfcSays) {
  const auto range = [](std::string_view header) { return parse_range(header, 1000); };
  const auto is = [](const std::optional<ByteRange>& found, std::uint64_t from, std::uint64_t size) {
    return found && found->from == from && found->size == size;
  };
  EXPECT_TRUE(is(range("bytes=0-99"), 0, 100));
  EXPECT_TRUE(is(range("bytes=999-"), 999, 1));
  EXPECT_TRUE(is(range("bytes=900-5000"), 900, 100));
  EXPECT_TRUE(is(range("bytes=-20"), 980, 20));
  EXPECT_TRUE(is(range("bytes=-5000"), 0, 1000));
  EXPECT_TRUE(is(range("bytes=1000-"), 0, 0)) << "not to be satisfied";
  EXPECT_TRUE(is(range("bytes=-0"), 1000, 0)) << "not to be satisfied";
  for (const char* bad :
       {"", "bytes=", "bytes=a-b", "bytes=5", "bytes=9-5", "bytes=0-1,5-6", "items=0-1", "bytes=-"})
    EXPECT_FALSE(range(bad)) << bad;
}

TEST(ByteRanges, AFlippedByteIsOne) {
  const auto bytes = std::make_shared<const HeldBytes>(std::string(100, 'a'));
  const FlippedByte flipped(bytes, 50);
  std::string out(20, '\0');
  flipped.read(40, out);
  EXPECT_EQ(out.substr(0, 10), "aaaaaaaaaa");
  EXPECT_NE(out[10], 'a');
  EXPECT_EQ(out.substr(11), "aaaaaaaaa");
  flipped.read(51, out);
  EXPECT_EQ(out, std::string(20, 'a'));
}

}  // namespace
}  // namespace icingest::sim
