// CSV as it comes, and as it should not.
#include "icingest/csv.h"

#include <gtest/gtest.h>

namespace icingest {
namespace {

struct Line {
  std::string_view ticker;
  Decimal price;
  std::int64_t stamp = 0;
  std::optional<Decimal> extra;
};
constexpr auto kLine =
    csv::record<Line>(csv::required("ticker", &Line::ticker), csv::required("price", &Line::price),
                      csv::required("stamp", &Line::stamp), csv::optional("extra", &Line::extra));

struct Lines {
  Result<void> result;
  std::vector<std::string> rows;
  std::vector<Reject> rejects;
  std::int64_t answered = 0;
};

Lines lines_of(const std::string& body, const Universe& universe = Universe::everything()) {
  simdjson::ondemand::parser parser;
  Buffer buffer;
  buffer.append(body);
  Document document(buffer, "http://test/", parser);
  Batch batch;
  KeySet keys;
  RowWriter writer(batch, keys, universe);
  Lines read;
  read.result = csv::each_row<kLine>(
      document, writer, [&](const Line& row) { return writer.wants(row.ticker); },
      [&](const Line& row, auto&) {
        read.rows.push_back(std::string(row.ticker) + " " + row.price.to_string() + " " +
                            std::to_string(row.stamp) + (row.extra ? " " + row.extra->to_string() : ""));
      });
  read.rejects = std::move(batch.rejects);
  read.answered = batch.answered;
  return read;
}

const std::string kHead = "ticker,price,stamp,extra\n";

TEST(Csv, GivesWholeRows) {
  struct Case {
    const char* what;
    std::string body;
    std::vector<std::string> rows;
  };
  for (const Case& one : {
           Case{"plain", kHead + "A,1.50,7,2\n", {"A 1.50 7 2"}},
           {"columns in another order, and unknown ones",
            "extra,x,stamp,price,ticker\n3,?,7,1,A\n",
            {"A 1 7 3"}},
           {"an optional column that is not there", "ticker,price,stamp\nA,1,7\n", {"A 1 7"}},
           {"an optional column without a value", kHead + "A,1,7,\n", {"A 1 7"}},
           {"carriage returns", "ticker,price,stamp,extra\r\nA,1,7,2\r\nB,2,8,\r\n", {"A 1 7 2", "B 2 8"}},
           {"no line end at the end", kHead + "A,1,7,2\nB,2,8,3", {"A 1 7 2", "B 2 8 3"}},
           {"a byte order mark", "\xEF\xBB\xBF" + kHead + "A,1,7,2\n", {"A 1 7 2"}},
           {"empty lines", kHead + "\nA,1,7,2\n\n", {"A 1 7 2"}},
           {"words that readers of CSV take for something",
            kHead + "NA,1,7,\nNULL,1,7,\nTRUE,1,7,\nNAN,1,7,\n",
            {"NA 1 7", "NULL 1 7", "TRUE 1 7", "NAN 1 7"}},
           {"lower case is another symbol", kHead + "ZQXpA,1,7,\nZQXPA,1,7,\n", {"ZQXpA 1 7", "ZQXPA 1 7"}},
           {"quoted fields",
            kHead + "\"A,B\",\"1\",7,\"\"\n\"C\"\"D\",2,8,\n\"E\nF\",3,9,\n",
            {"A,B 1 7", "C\"D 2 8", "E\nF 3 9"}},
           {"numbers with an exponent keep every digit",
            kHead + "A,1.2400377e+06,7,0.0000001\n",
            {"A 1240037.7 7 0.0000001"}},
           {"only the first line", kHead, {}},
       }) {
    const Lines got = lines_of(one.body);
    EXPECT_TRUE(got.result) << one.what << ": " << (got.result ? "" : got.result.error().describe());
    EXPECT_EQ(got.rows, one.rows) << one.what;
    EXPECT_TRUE(got.rejects.empty()) << one.what;
    EXPECT_EQ(got.answered, static_cast<std::int64_t>(one.rows.size())) << one.what;
  }
}

TEST(Csv, QuarantinesRowsThatAreNot) {
  struct Case {
    std::string line;
    Fault fault;
    std::string_view field;
  };
  for (const Case& one : {
           Case{"A,,7,", Fault::null_value, "price"},
           {"A,abc,7,", Fault::malformed, "price"},
           {"A,1.,7,", Fault::malformed, "price"},
           {"A,0x10,7,", Fault::malformed, "price"},
           {"A,NaN,7,", Fault::malformed, "price"},
           {"A, 1,7,", Fault::malformed, "price"},
           {"A,1,7.5,", Fault::malformed, "stamp"},
           {"A,1,99999999999999999999,", Fault::out_of_range, "stamp"},
           {"A,1,7,x", Fault::malformed, "extra"},
           {"A,1,7", Fault::malformed, "line"},
           {"A,1,7,2,9", Fault::malformed, "line"},
           {"\"A\"x,1,7,2", Fault::malformed, "line"},
       }) {
    const Lines got = lines_of(kHead + one.line + "\nB,2,8,3\n");
    ASSERT_TRUE(got.result) << one.line;
    ASSERT_EQ(got.rejects.size(), 1U) << one.line;
    EXPECT_EQ(got.rejects[0].fault, one.fault) << one.line;
    EXPECT_EQ(got.rejects[0].column, one.field) << one.line;
    EXPECT_EQ(got.rejects[0].raw, one.line);
    EXPECT_EQ(got.rows, std::vector<std::string>{"B 2 8 3"}) << one.line << ": the rows around it are sound";
  }
}

TEST(Csv, RefusesBodiesThatAreNotWholeCsv) {
  for (const std::string& body :
       {std::string(), std::string("<html>Welcome</html>\n"), std::string("ticker,stamp,extra\nA,7,2\n"),
        kHead + "A,1,7,2\nB,1", kHead + "A,1,7,\"2\nB,2,8,3\n"}) {
    const Lines got = lines_of(body);
    ASSERT_FALSE(got.result) << body;
    EXPECT_EQ(got.result.error().action, Action::retry) << body;
  }
}

TEST(Csv, AsksOnlyAboutRowsThatAreWanted) {
  const Lines got = lines_of(kHead + "A,x,7,\nB,x,8,\nC,1,9,\n", Universe::of({"B", "C"}));
  EXPECT_EQ(got.rows, std::vector<std::string>{"C 1 9"});
  ASSERT_EQ(got.rejects.size(), 1U) << "a bad row of nobody is nobody's reject";
  EXPECT_EQ(got.rejects[0].raw, "B,x,8,");
  EXPECT_EQ(got.answered, 3);
}

}  // namespace
}  // namespace icingest
