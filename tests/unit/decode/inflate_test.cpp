#include "decode/inflate.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <string>

namespace icingest::decode {
namespace {

std::string gzip(const std::string& plain) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(compressor, plain.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor, plain.data(), plain.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

constexpr std::size_t kLimit = std::size_t{1} << 20;

TEST(Inflater, GivesBackWhatWasCompressed) {
  Inflater inflater;
  Buffer out;
  for (const std::string& plain : {std::string("{}"), std::string(300'000, 'x'), std::string()}) {
    ASSERT_TRUE(inflater.gunzip(gzip(plain), kLimit, 64, out));
    EXPECT_EQ(out.view(), plain);
    EXPECT_GE(out.capacity(), plain.size() + 64);
  }
  ASSERT_TRUE(inflater.gunzip(gzip("two ") + gzip("members"), kLimit, 64, out));
  EXPECT_EQ(out.view(), "two members");
}

TEST(Inflater, RefusesEveryCutAndEveryFlippedByte) {
  Inflater inflater;
  Buffer out;
  const std::string whole = gzip("some text that is long enough to be compressed, compressed, compressed");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto result = inflater.gunzip(whole.substr(0, length), kLimit, 0, out);
    ASSERT_FALSE(result) << length;
    EXPECT_EQ(result.error().action, Action::retry);
  }
  for (std::size_t i = 10; i < whole.size(); ++i) {
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    EXPECT_FALSE(inflater.gunzip(bad, kLimit, 0, out)) << i;
  }
  EXPECT_FALSE(inflater.gunzip(whole + "trailing bytes that are no gzip member", kLimit, 0, out));
}

TEST(Inflater, RefusesABombInsteadOfHoldingIt) {
  Inflater inflater;
  Buffer out;
  const auto result = inflater.gunzip(gzip(std::string(kLimit * 8, '0')), kLimit, 64, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().action, Action::fail_unit);
  EXPECT_LE(out.capacity(), 4 * kLimit);
}

}  // namespace
}  // namespace icingest::decode
