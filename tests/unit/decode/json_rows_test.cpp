// Whatever passes as a plain row is what On-Demand reads from the same bytes.
#include "icingest/json_rows.h"

#include <gtest/gtest.h>

#include <random>

namespace icingest::json {
namespace {

struct Row {
  std::string_view name;
  Decimal price, size;
  std::optional<Decimal> mean;
  std::int64_t stamp = 0;
};
constexpr auto kRow =
    object<Row>(required("T", &Row::name), required("v", &Row::size), optional("vw", &Row::mean),
                required("o", &Row::price), required("t", &Row::stamp));

struct WithFlag {
  bool flag = false;
};
constexpr auto kWithFlag = object<WithFlag>(optional("f", &WithFlag::flag));
static_assert(kIsPlain<kRow>);
static_assert(!kIsPlain<kWithFlag>, "no plain reader for this type");

std::string padded(std::string text) { return text.append(simdjson::SIMDJSON_PADDING, '\0'); }

std::string to_text(const Row& row) {
  return std::string(row.name) + " " + row.size.to_string() + " " + (row.mean ? row.mean->to_string() : "-") +
         " " + row.price.to_string() + " " + std::to_string(row.stamp);
}

// What read_plain makes of it: the row and how far it got; nothing when it is not plain.
std::optional<std::string> by_bytes(const std::string& text, std::size_t& size) {
  const std::string bytes = padded(text);
  Row row;
  const char* const end = read_plain<kRow>(bytes.data(), row);
  if (end == nullptr) return std::nullopt;
  size = static_cast<std::size_t>(end - bytes.data());
  return to_text(row);
}

std::optional<std::string> by_simdjson(const std::string& text) {
  const std::string bytes = padded(text);
  if (!simdjson::validate_utf8(text)) return std::nullopt;
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  Row row;
  if (parser.iterate(simdjson::padded_string_view(bytes.data(), text.size(), bytes.size())).get(document) !=
          simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS)
    return std::nullopt;
  const Outcome outcome = read<kRow>(object, row);
  if (outcome.error != simdjson::SUCCESS || outcome.fault != Fault::none) return std::nullopt;
  const char* rest = nullptr;
  if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) return std::nullopt;
  return to_text(row);
}

TEST(PlainRows, AreReadByTheirBytes) {
  for (
      const std::string& text : {
          std::string(
              R"({"T":"AAPL","v":7.0790813e+07,"vw":131.6292,"o":130.465,"t":1673240400000,"n":645365})"),
          std::string(R"({"T":"AAPL","v":70790813,"o":0.465,"t":-5})"),  // no mean
          std::string(
              R"({"otc":true,"T":"A","x":"y","v":1,"vw":2,"o":3,"t":4,"z":null})"),  // members nobody asked for
          std::string(R"({"T":"ÄÖ","v":0,"vw":0.0,"o":-0,"t":0})"),
          std::string(R"({"T":"","v":123456789012345678,"vw":1234567890123456789.5,"o":0.000001,"t":0})"),
      }) {
    std::size_t size = 0;
    const auto read = by_bytes(text, size);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(size, text.size());
    EXPECT_EQ(read, by_simdjson(text)) << text;
  }
}

TEST(PlainRows, LeaveEverythingElseToTheGeneralReader) {
  for (const char* const text : {
           R"({"v":1,"T":"A","o":3,"t":4})",   // another order
           R"({ "T":"A","v":1,"o":3,"t":4})",  // blanks
           R"({"T":"A" ,"v":1,"o":3,"t":4})",
           R"({"T":"\u0041","v":1,"o":3,"t":4})",  // escapes
           R"({"\u0054":"A","v":1,"o":3,"t":4})",
           R"({"T":"A","v":"1","o":3,"t":4})",  // types
           R"({"T":1,"v":1,"o":3,"t":4})",
           R"({"T":"A","v":1,"vw":null,"o":3,"t":4})",
           R"({"T":"A","v":1,"o":3,"t":4.0})",
           R"({"T":"A","v":01,"o":3,"t":4})",  // numbers that are none
           R"({"T":"A","v":1.,"o":3,"t":4})",
           R"({"T":"A","v":.1,"o":3,"t":4})",
           R"({"T":"A","v":+1,"o":3,"t":4})",
           R"({"T":"A","v":1e,"o":3,"t":4})",
           R"({"T":"A","v":1e400,"o":3,"t":4})",  // out of range
           R"({"T":"A","v":1,"o":3,"t":99999999999999999999})",
           R"({"T":"A","v":1,"o":3})",                    // missing
           R"({"T":"A","v":1,"o":3,"t":4,"o":5})",        // twice: the last one counts
           R"({"T":"A","v":1,"o":3,"t":4,"x":{"o":5}})",  // nested
           R"({"T":"A","v":1,"o":3,"t":4,})",
           R"({"T":"A","v":1,"o":3,"t":4)",
           R"({})",
           R"([])",
           "",
       }) {
    std::size_t size = 0;
    EXPECT_FALSE(by_bytes(text, size)) << text;
  }
}

TEST(PlainRows, PassOnlyWhereOnDemandReadsTheSame) {
  const std::vector<std::string> seeds = {
      R"({"T":"AAPL","v":7.0790813e+07,"vw":131.6292,"o":130.465,"t":1673240400000,"n":645365})",
      R"({"T":"A","v":12,"o":0.465,"t":5,"otc":true,"note":"x"})",
  };
  const std::string letters = "0123456789.-+eE\"\\,:{}[]TvwotnulrfasAn \n\t\x01\xC3\xA4";
  std::mt19937 random(7);
  int passed = 0;
  for (int i = 0; i < 150'000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      switch (random() % 4) {
        case 0: text[at] = letter; break;
        case 1: text.insert(at, 1, letter); break;
        case 2: text.erase(at, 1); break;
        default: text.insert(at, text, random() % text.size(), random() % 12);
      }
    }
    std::size_t size = 0;
    const auto read = by_bytes(text, size);
    if (!read) continue;
    ++passed;
    const std::string row = text.substr(0, size);
    if (!simdjson::validate_utf8(row)) continue;  // the body is checked as a whole
    ASSERT_EQ(read, by_simdjson(row)) << row;
  }
  EXPECT_GT(passed, 10'000);
}

TEST(FindRows, SplitsTheBodyAroundThem) {
  const std::string body = padded(R"( {"status":"OK", "n":2 ,"x":null,"results": [{"a":1}],"count":2})");
  const auto found = find_rows({body.data(), body.size() - simdjson::SIMDJSON_PADDING}, "results");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->before, R"( {"status":"OK", "n":2 ,"x":null,"results": [)");
  EXPECT_EQ(found->rows, R"({"a":1}],"count":2})");
}

TEST(FindRows, LeavesUnusualBodiesAlone) {
  for (const char* const text :
       {R"({"status":"OK"})", R"({"results":{"a":1}})", R"({"results":null})",
        R"({"x":{"results":[1]},"results":[2]})", R"({"x":[],"results":[2]})", R"({"re\u0073ults":[2]})",
        R"([{"results":[1]}])", R"({"results")", R"({)", ""}) {
    const std::string body = padded(text);
    EXPECT_FALSE(find_rows({body.data(), body.size() - simdjson::SIMDJSON_PADDING}, "results")) << text;
  }
}

TEST(SkipValue, EndsBehindIt) {
  const auto rest = [](std::string text) -> std::string {
    const std::size_t size = text.size();
    text = padded(std::move(text));
    const char* const end = skip_value(text.data(), text.data() + size);
    return end == nullptr ? "none"
                          : text.substr(static_cast<std::size_t>(end - text.data()),
                                        size - static_cast<std::size_t>(end - text.data()));
  };
  EXPECT_EQ(rest(R"({"a":"}\"","b":[{}]},1)"), ",1");
  EXPECT_EQ(rest(R"([1,[2],"]"]])"), "]");
  EXPECT_EQ(rest("12,"), ",");
  EXPECT_EQ(rest("null]"), "]");
  EXPECT_EQ(rest(R"("x"y)"), "y");
  for (const char* const text : {R"({"a":1)", R"({"a":"})", "[", "{\"a\\", "", "]", "x"})
    EXPECT_EQ(rest(text), "none") << text;
}

}  // namespace
}  // namespace icingest::json
