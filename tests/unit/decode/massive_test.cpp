// What the provider's envelope may and may not say.
#include "icingest/massive.h"

#include <gtest/gtest.h>

#include "fetch/http_table.h"
#include "support/bar_row.h"
#include "support/decoding.h"

namespace icingest {
namespace {

struct Listing {
  std::string_view name;
  Decimal price;
  std::optional<Decimal> extra;
  std::int64_t stamp = 0;
  bool flag = false;
  std::string_view inner;
};
constexpr auto kInner = json::object<Listing>(json::optional("deep", &Listing::inner));
constexpr auto kListing =
    json::object<Listing>(json::required("T", &Listing::name), json::required("p", &Listing::price),
                          json::optional("x", &Listing::extra), json::required("t", &Listing::stamp),
                          json::optional("f", &Listing::flag), json::nested<kInner>("in"));

struct Listings {
  Result<massive::Envelope> envelope = massive::Envelope{};
  std::vector<std::string> rows;
  std::vector<Reject> rejects;
};

Listings listings(const std::string& body, char behind = '}') {
  Buffer bytes = test::recycled(body, behind);
  simdjson::ondemand::parser parser;
  Document document(bytes, "http://test/", parser);
  Batch batch;
  KeySet keys;
  const Universe everything = Universe::everything();
  RowWriter writer(batch, keys, everything);
  Listings result;
  result.envelope = massive::each_row<kListing>(
      document, writer, [](const Listing&) { return true; },
      [&](const Listing& row, auto&) {
        result.rows.push_back(std::string(row.name) + " " + row.price.to_string() +
                              (row.extra ? " " + row.extra->to_string() : "") + (row.flag ? " f" : "") +
                              std::string(row.inner));
      });
  result.rejects = std::move(batch.rejects);
  return result;
}

std::string envelope_of(const std::string& results,
                        const std::string& rest = R"("status":"OK","resultsCount":1)") {
  return "{" + rest + (results.empty() ? "" : R"(,"results":)" + results) + "}";
}

TEST(MassiveEnvelope, ReadsRowsInAnyFieldOrder) {
  const Listings one = listings(
      R"({"status":"OK","resultsCount":2,"results":[{"T":"A","p":1.50,"t":1,"x":null,"zz":[1,{"a":2}]},{"f":true,"t":2,"x":2e1,"p":3,"T":"B\u0041","in":{"q":1,"deep":"!"}}]})");
  ASSERT_TRUE(one.envelope) << one.envelope.error().describe();
  EXPECT_EQ(one.rows, (std::vector<std::string>{"A 1.50", "BA 3 20 f!"}));
  EXPECT_EQ(one.envelope->rows, 2);
}

TEST(MassiveEnvelope, TakesDelayedForOkAndLegalEmptyForEmpty) {
  EXPECT_TRUE(listings(R"({"status":"DELAYED","resultsCount":0,"queryCount":0,"count":0})").envelope);
  EXPECT_TRUE(listings(R"({"status":"OK","results":[],"request_id":7})").envelope);
  EXPECT_TRUE(listings(R"({"status":"OK","results":null,"count":0})").envelope);
}

TEST(MassiveEnvelope, AsksAgainForWhateverContradictsItself) {
  const std::string row = R"({"T":"A","p":1,"t":1})";
  for (const std::string& body : {
           // parses, is no data
           std::string(R"({"status":"ERROR","error":"You've exceeded the maximum requests per minute"})"),
           // neither rows nor a count of zero
           std::string(R"({"status":"OK","request_id":"x"})"),
           // rows promised, none there
           std::string(R"({"status":"OK","resultsCount":3})"),
           // more than declared
           envelope_of("[" + row + "," + row + "]"),
           // fewer
           envelope_of("[]"),
           // two counts
           envelope_of("[" + row + "]", R"("status":"OK","resultsCount":1,"count":2)"),
           // bytes behind
           envelope_of("[" + row + "]") + "x",
           envelope_of("[" + row + "]") + R"({"more":1})",
           // cut
           std::string(R"({"status":"OK","resultsCount":1,"results":[{"T":"A","p":1)"),
           std::string("<html>busy</html>"),
           std::string(""),
           std::string("null"),
           std::string("[]"),
           std::string("{}"),
           // no status
           envelope_of("[" + row + "]", R"("resultsCount":1)"),
           envelope_of("7"),
           envelope_of("[" + row + "]", R"("status":"OK","resultsCount":"1")"),
       }) {
    const Listings one = listings(body);
    ASSERT_FALSE(one.envelope) << body;
    EXPECT_EQ(one.envelope.error().action, Action::retry) << body;
  }
}

// simdjson looks one byte beyond a cut body: a buffer that held another answer before must not complete it.
TEST(MassiveEnvelope, RefusesEveryCutWhateverTheBufferHeldBehindIt) {
  const std::string whole = R"({"status":"OK","count":1,"results":{"T":null,"p":1,"t":1}})";
  for (const char behind : {'}', ']', '"', ','}) {
    EXPECT_EQ(listings(whole, behind).rejects.size(), 1U);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      EXPECT_FALSE(listings(whole.substr(0, cut), behind).envelope)
          << behind << " behind " << whole.substr(0, cut);
    }
  }
}

TEST(MassiveEnvelope, QuarantinesTheRowAndGoesOn) {
  struct Case {
    const char* row;
    Fault fault;
    const char* field;
  };
  for (const Case& one : {Case{R"({"p":1,"t":1})", Fault::missing, "T"},
                          {R"({"T":null,"p":1,"t":1})", Fault::null_value, "T"},
                          {R"({"T":5,"p":1,"t":1})", Fault::wrong_type, "T"},
                          {R"({"T":"A","p":"1","t":1})", Fault::wrong_type, "p"},
                          {R"({"T":"A","p":[1],"t":1})", Fault::wrong_type, "p"},
                          {R"({"T":"A","p":01,"t":1})", Fault::malformed, "p"},
                          {R"({"T":"A","p":1e99,"t":1})", Fault::out_of_range, "p"},
                          {R"({"T":"A","p":1,"t":1.5})", Fault::wrong_type, "t"},
                          {R"({"T":"A","p":1,"t":99999999999999999999})", Fault::out_of_range, "t"},
                          {R"({"T":"A","p":1,"t":1,"x":"no"})", Fault::wrong_type, "x"},
                          {R"({"T":"A","p":1,"t":1,"f":1})", Fault::wrong_type, "f"},
                          {R"({"T":"A","p":1})", Fault::missing, "t"},
                          {R"("text")", Fault::wrong_type, "results"},
                          {"17", Fault::wrong_type, "results"}}) {
    const Listings read_one = listings(std::string(R"({"status":"OK","resultsCount":2,"results":[)") +
                                       one.row + R"(,{"T":"B","p":2,"t":2}]})");
    ASSERT_TRUE(read_one.envelope) << one.row << read_one.envelope.error().describe();
    EXPECT_EQ(read_one.rows, std::vector<std::string>{"B 2"}) << one.row;
    ASSERT_EQ(read_one.rejects.size(), 1U) << one.row;
    EXPECT_EQ(read_one.rejects[0].fault, one.fault) << one.row;
    EXPECT_EQ(read_one.rejects[0].column, one.field) << one.row;
    EXPECT_EQ(read_one.rejects[0].raw, one.row);
  }
}

struct HttpCase {
  long status;
  const char* body;
  Verdict verdict;
  const char* reason;
};

TEST(MassiveJudge, HoldsEveryRowOfItsTable) {
  for (
      const HttpCase& one : {
          HttpCase{
              400,
              R"({"status":"ERROR","error":"The parameter 'to' cannot be a time that occurs before 'from'"})",
              Verdict::fail_unit, "http_400"},
          {401, R"({"status":"ERROR","request_id":"…","error":"Unknown API Key"})", Verdict::stop_source,
           "bad_credential"},
          {403,
           R"({"status":"NOT_AUTHORIZED","message":"You are not entitled to this data. Please upgrade"})",
           Verdict::stop_source, "not_entitled"},
          {403, R"({"status":"ERROR","error":"You are not entitled to this data."})", Verdict::stop_source,
           "not_entitled"},
          {403,
           R"({"status":"NOT_AUTHORIZED","message":"Your plan doesn't include this data timeframe. Please upgrade"})",
           Verdict::unavailable, "plan_timeframe"},
          {403,
           R"({"status":"NOT_AUTHORIZED","message":"Attempted to request today's data before end of day."})",
           Verdict::fail_unit, "not_published"},
          {403, "<html>blocked</html>", Verdict::retry, "forbidden_page"},
          {404, R"({"status":"NOT_FOUND","message":"Ticker not found."})", Verdict::empty, "not_found"},
          {404, "404 page not found", Verdict::stop_source, "wrong_path"},
          {429,
           R"({"status":"ERROR","error":"You've exceeded the maximum requests per minute, please wait"})",
           Verdict::throttled, "rate_per_minute"},
          {429, "", Verdict::throttled, "http_429"},
          {499, "", Verdict::retry, "http_499"},
          {504, "<html>gateway</html>", Verdict::retry, "http_5xx"},
      }) {
    const Judgement judgement = massive::judge({.http_status = one.status, .body = one.body});
    EXPECT_EQ(judgement.verdict, one.verdict) << one.status << one.body;
    EXPECT_EQ(judgement.reason, one.reason) << one.status << one.body;
  }
}

TEST(HttpTable, HoldsEveryStatus) {
  struct Case {
    long status;
    Verdict verdict;
  };
  for (const Case& one :
       {Case{200, Verdict::success}, {204, Verdict::retry},       {206, Verdict::retry},
        {304, Verdict::fail_unit},   {400, Verdict::fail_unit},   {401, Verdict::stop_source},
        {402, Verdict::stop_source}, {403, Verdict::stop_source}, {404, Verdict::empty},
        {407, Verdict::stop_source}, {408, Verdict::retry},       {410, Verdict::fail_unit},
        {413, Verdict::fail_unit},   {421, Verdict::retry},       {425, Verdict::retry},
        {429, Verdict::throttled},   {451, Verdict::stop_source}, {499, Verdict::retry},
        {500, Verdict::retry},       {501, Verdict::fail_unit},   {502, Verdict::retry},
        {503, Verdict::retry},       {504, Verdict::retry},       {505, Verdict::fail_unit},
        {599, Verdict::retry},       {0, Verdict::retry},         {700, Verdict::retry}}) {
    EXPECT_EQ(fetch::judge_status(one.status).verdict, one.verdict) << one.status;
  }
}

}  // namespace
}  // namespace icingest
