#include "icingest/json_tokens.h"

#include <gtest/gtest.h>

#include "icingest/buffer.h"

namespace icingest::json {
namespace {

struct TokenRow {
  std::optional<Date> start;
  std::string_view name;
  Decimal value;
  std::optional<std::int64_t> year;
};
constexpr auto kTokenRow =
    object<TokenRow>(optional("start", &TokenRow::start), required("name", &TokenRow::name),
                     required("value", &TokenRow::value), optional("year", &TokenRow::year));

class Text {
 public:
  explicit Text(std::string_view body) {
    bytes_.append(body);
    std::memset(bytes_.reserve(simdjson::SIMDJSON_PADDING), 0, simdjson::SIMDJSON_PADDING);
    error_ = tokens_.find(bytes_.view());
  }
  [[nodiscard]] const Tokens& tokens() const { return tokens_; }
  [[nodiscard]] simdjson::error_code error() const { return error_; }

 private:
  Buffer bytes_;
  Tokens tokens_;
  simdjson::error_code error_ = simdjson::SUCCESS;
};

TEST(Tokens, AreWhereTheyBegin) {
  const Text text(R"({"a b" : [1.5 ,null]})");
  const Tokens& tokens = text.tokens();
  ASSERT_EQ(text.error(), simdjson::SUCCESS);
  ASSERT_EQ(tokens.size(), 9U);
  EXPECT_EQ(tokens.at(0), '{');
  EXPECT_EQ(tokens.text(1), R"("a b")");
  EXPECT_EQ(tokens.at(2), ':');
  EXPECT_EQ(tokens.text(4), "1.5");
  EXPECT_EQ(tokens.text(6), "null");
  EXPECT_EQ(tokens.text(8), "}");
  EXPECT_EQ(tokens.at(9), '\0') << "behind the last one";
}

TEST(Tokens, WhatIsNoJsonTextIsRefusedByTheFirstStage) {
  EXPECT_EQ(Text("").error(), simdjson::EMPTY);
  EXPECT_EQ(Text(R"({"a":"x)").error(), simdjson::UNCLOSED_STRING);
  EXPECT_EQ(Text("{\"a\":\"\xff\"}").error(), simdjson::UTF8_ERROR);
  EXPECT_EQ(Text("{\"a\":\"\n\"}").error(), simdjson::UNESCAPED_CHARS);
}

// Skipping rows four tokens at a time must end where skipping token by token does.
TEST(Tokens, AValueIsSkippedToItsEnd) {
  for (const char* value : {
           "1",
           "null",
           R"("a]}")",
           "{}",
           "[]",
           "[[]]",
           "[{}]",
           "[{},{}]",
           R"([{"a":1}])",
           R"([{"a":1,"b":2},{"a":1}])",
           R"([{"a":{}},{"b":1}])",
           R"([{"a":{"b":1}},{"b":1}])",
           R"([{"a":{"b":1},"c":2}])",
           R"([{"a":[{"b":1}]},{"c":2}])",
           R"([{"a":[{"b":1}],"c":[2,{"d":[]}]},3])",
           R"([{"a":1},2,{"b":3}])",
           R"([{"a":"x\"]}"},{"b":"[{"}])",
           R"({"label":null,"units":{"USD":[{"a":1,"b":"2"},{"a":1}],"EUR":[]}})",
           R"([1,{"a":1}])",
       }) {
    const Text text(R"({"skipped":)" + std::string(value) + R"(,"next":"here"})");
    ASSERT_EQ(text.error(), simdjson::SUCCESS) << value;
    const std::uint32_t behind = text.tokens().skip(3);
    EXPECT_EQ(text.tokens().at(behind), ',') << value;
    EXPECT_EQ(text.tokens().text(behind + 1), R"("next")") << value;
  }
}

TEST(Tokens, AValueThatDoesNotEndIsSkippedBehindEverything) {
  for (const char* body : {R"({"a":[{"b":1})", R"([{"a":1},{"b")", "[[[", R"([{"a":1},)", "{", "]"}) {
    const Text text(body);
    ASSERT_EQ(text.error(), simdjson::SUCCESS) << body;
    EXPECT_EQ(text.tokens().skip(0), text.tokens().size() + 1) << body;
  }
}

// Rows that end a document are left to json::read: these have another one behind them.
std::string before_another(std::string_view row) {
  return "[" + std::string(row) + R"(,{"a":1,"b":2,"c":3,"d":4,"e":5}])";
}

TEST(Tokens, APlainRowIsReadWithBlanksOrWithout) {
  for (const char* row : {R"({"start":"2024-01-31","name":"x","value":-1.50,"year":2024})",
                          R"({ "start" : "2024-01-31" , "name" : "x" , "value" : -1.50 , "year" : 2024 })"}) {
    const Text text(before_another(row));
    TokenRow read;
    std::uint32_t token = 1;
    ASSERT_TRUE(text.tokens().read_row<kTokenRow>(token, read)) << row;
    EXPECT_EQ(read.start, make_date(2024, 1, 31));
    EXPECT_EQ(read.name, "x");
    EXPECT_EQ(read.value.to_string(), "-1.50");
    EXPECT_EQ(read.year, 2024);
    EXPECT_EQ(text.tokens().at(token), ',');
    EXPECT_EQ(text.tokens().at(token + 1), '{') << "the next row";
  }
}

TEST(Tokens, OptionalMembersMayBeAbsentOrNull) {
  for (const char* row : {R"({"name":"","value":1})", R"({"start":null,"name":"","value":1,"year":null})"}) {
    const Text text(before_another(row));
    TokenRow read{.start = make_date(2000, 1, 1), .year = 1};  // of the row before
    std::uint32_t token = 1;
    ASSERT_TRUE(text.tokens().read_row<kTokenRow>(token, read)) << row;
    EXPECT_FALSE(read.start);
    EXPECT_FALSE(read.year);
    EXPECT_EQ(read.name, "");
  }
}

TEST(Tokens, ARowThatIsNotPlainIsLeftWhereItIs) {
  for (const char* row : {
           R"({"value":1,"name":"x"})",
           R"({"name":"x"})",
           R"({"name":"x","value":null})",
           R"({"name":null,"value":1})",
           R"({"name":"x","value":"1"})",
           R"({"name":"x","value":1x})",
           R"({"name":"x","value":01})",
           R"({"name":"x","value":1,"year":2.5})",
           R"({"name":"a\"b","value":1})",
           R"({"name":"a\\","value":1})",
           R"({"start":"2024-02-30","name":"x","value":1})",
           R"({"start":"2024-02-1","name":"x","value":1})",
           R"({"name":"x","value":1,"more":2})",
           R"({"name":"x","value":1,"name":"y"})",
           R"({"name":["x"],"value":1})",
           R"({"name":"x" "value":1})",
           R"({"name":"x","value":1]})",
           R"({"name":"x",,"value":1})",
           R"({"name" 1,"value":1})",
           R"([1])",
           "{}",
       }) {
    const Text text(before_another(row));
    TokenRow read;
    std::uint32_t token = 1;
    EXPECT_FALSE(text.tokens().read_row<kTokenRow>(token, read)) << row;
    EXPECT_EQ(token, 1U) << row;
  }
}

}  // namespace
}  // namespace icingest::json
