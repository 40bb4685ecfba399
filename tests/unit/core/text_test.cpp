#include "core/text.h"

#include <gtest/gtest.h>

#include "core/json_writer.h"
#include "core/secret.h"
#include "icingest/result.h"

namespace icingest {
namespace {

TEST(Text, PercentEncodesWhatAPathCannotHold) {
  EXPECT_EQ(text::percent_encode("BRK.A"), "BRK.A");
  EXPECT_EQ(text::percent_encode("X:BTC/USD a"), "X%3ABTC%2FUSD%20a");
}

TEST(Text, ReadsSizesAndDurations) {
  EXPECT_EQ(text::parse_size("64M"), std::uint64_t{64} << 20);
  EXPECT_EQ(text::parse_size("1GiB"), std::uint64_t{1} << 30);
  EXPECT_EQ(text::parse_size("512kb"), std::uint64_t{512} << 10);
  EXPECT_EQ(text::parse_size("123"), 123U);
  for (const char* bad : {"", "M", "-1M", "12X", "99999999999999G"})
    EXPECT_FALSE(text::parse_size(bad)) << bad;
  EXPECT_EQ(text::parse_duration_ms("250ms"), 250);
  EXPECT_EQ(text::parse_duration_ms("10m"), 600'000);
  EXPECT_EQ(text::parse_duration_ms("7"), 7'000);
  EXPECT_FALSE(text::parse_duration_ms("1d"));
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(text::grouped(0), "0");
  EXPECT_EQ(text::grouped(999), "999");
  EXPECT_EQ(text::grouped(1234567), "1,234,567");
  EXPECT_EQ(text::grouped(-1000), "-1,000");
}

TEST(Text, NeverCutsACharacter) {
  EXPECT_EQ(text::utf8_prefix("aé", 2), "a");
  EXPECT_EQ(text::utf8_prefix("aé", 3), "aé");
  EXPECT_EQ(text::printable("a\nb\x01", 10), "a?b?");
}

TEST(Text, QuotesJson) { EXPECT_EQ(text::json_quote("a\"b\\\n\x01é"), "\"a\\\"b\\\\\\n\\u0001é\""); }

TEST(JsonWriter, WritesNestedObjects) {
  JsonWriter json;
  json.begin_object()
      .number("a", 1)
      .begin_array("b")
      .text("", "x")
      .text("", "y")
      .end_array()
      .begin_object("c")
      .real("d", 0.5)
      .end_object()
      .end_object();
  EXPECT_EQ(json.str(), R"({"a":1,"b":["x","y"],"c":{"d":0.500}})");
}

TEST(Secret, NeverLeavesAMessage) {
  register_secret("s3cret+key/1");
  EXPECT_EQ(redact("key=s3cret+key/1&x"), "key=***&x");
  EXPECT_EQ(redact("key=s3cret%2Bkey%2F1"), "key=***");
  const Error error{.message = "GET http://h/?apiKey=s3cret+key/1 failed"};
  EXPECT_EQ(error.describe().find("s3cret"), std::string::npos);
}

TEST(Secret, LeavesTheProcessListWithoutPasswords) {
  std::string uri = "postgresql://user:pa55@host/db";
  std::string other = "--json";
  char program[] = "icingest";
  char* argv[] = {program, uri.data(), other.data(), nullptr};
  hide_passwords(3, argv);
  EXPECT_EQ(uri, "postgresql://user:xxxx@host/db");
}

}  // namespace
}  // namespace icingest
