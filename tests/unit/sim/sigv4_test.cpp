// The examples that AWS publishes, and what a client of the flat files is told.
#include "sim/sigv4.h"

#include <gtest/gtest.h>

#include <ctime>

#include "icingest/calendar.h"
#include "icingest/massive.h"
#include "sim/files_api.h"
#include "support/manual_clock.h"

namespace icingest::sim {
namespace {

constexpr const char* kEmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// AWS Signature Version 4 test suite, "get-vanilla" and "get-vanilla-query-order-key".
TEST(SigV4, SignsTheVectorsOfTheTestSuite) {
  const std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  const auto authorization = parse_authorization(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  ASSERT_TRUE(authorization);
  SignedRequest request{.path = "/",
                        .headers = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}}};
  EXPECT_EQ(signature_of(request, *authorization, secret), authorization->signature);
  request.query = "Param2=value2&Param1=value1";
  EXPECT_EQ(signature_of(request, *authorization, secret),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

// "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference, example GET Object.
TEST(SigV4, SignsTheExampleOfTheS3Reference) {
  const auto authorization = parse_authorization(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  ASSERT_TRUE(authorization);
  EXPECT_EQ(authorization->access_key, "AKIAIOSFODNN7EXAMPLE");
  const SignedRequest request{.path = "/test.txt",
                              .headers = {{"host", "examplebucket.s3.amazonaws.com"},
                                          {"range", "bytes=0-9"},
                                          {"x-amz-content-sha256", kEmptyPayload},
                                          {"x-amz-date", "20130524T000000Z"}}};
  EXPECT_EQ(signature_of(request, *authorization, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            authorization->signature);
  EXPECT_NE(signature_of(request, *authorization, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ"),
            authorization->signature);
}

TEST(SigV4, KnowsAHeaderThatIsNone) {
  for (const char* header :
       {"", "Bearer key", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=K, SignedHeaders=h, Signature=s",
        "AWS4-HMAC-SHA256 Credential=K/1/r/s3/aws4_request, SignedHeaders=h"}) {
    EXPECT_FALSE(parse_authorization(header)) << header;
  }
}

class Files : public ::testing::Test {
 protected:
  Files() { clock_.set(*parse_instant("2026-11-20T15:59:00Z")); }  // 10:59 New York

  // Signed here and now, as a client does.
  SimAnswer get(const std::string& path, const std::string& secret = std::string(kBuiltInSecret),
                const std::string& etag = {}) {
    SimRequest request = parse_target(path);
    const std::time_t now = std::time(nullptr) + skew_;
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 32> stamp{};
    std::strftime(stamp.data(), stamp.size(), "%Y%m%dT%H%M%SZ", &utc);
    request.headers = {{"host", "h"}, {"x-amz-date", stamp.data()}};
    if (!etag.empty()) request.headers.emplace_back("if-none-match", etag);
    Authorization authorization{.access_key = access_key_,
                                .scope = std::string(stamp.data(), 8) + "/us-east-1/s3/aws4_request",
                                .signed_headers = "host;x-amz-date"};
    authorization.signature = signature_of({.path = path, .headers = request.headers}, authorization, secret);
    request.authorization = "AWS4-HMAC-SHA256 Credential=" + authorization.access_key + "/" +
                            authorization.scope + ", SignedHeaders=" + authorization.signed_headers +
                            ", Signature=" + authorization.signature;
    return api_.head(request);
  }
  std::string get_code(const SimAnswer& answer) {
    const std::size_t at = answer.body->find("<Code>");
    return at == std::string::npos ? "" : answer.body->substr(at + 6, answer.body->find("</Code>") - at - 6);
  }
  static Verdict verdict(const SimAnswer& answer) {
    return massive::judge_file(
               {.http_status = answer.status, .content_type = answer.content_type, .body = *answer.body})
        .verdict;
  }

  test::ManualClock clock_;
  Market market_{1, 100, make_date(2016, 11, 21), make_date(2026, 11, 20)};
  FilesApi api_{market_, {}, *massive_plan("starter"), clock_};
  std::string access_key_{kBuiltInKey};
  std::time_t skew_ = 0;
};

TEST_F(Files, AnswerAsTheStoreDoes) {
  const std::string path = api_.path_of(make_date(2026, 11, 18));
  EXPECT_EQ(path, "/flatfiles/us_stocks_sip/day_aggs_v1/2026/11/2026-11-18.csv.gz");
  EXPECT_EQ(get(path).status, 200);
  struct Case {
    SimAnswer answer;
    int status;
    const char* code;
    Verdict verdict;
  };
  SimRequest unsigned_request = parse_target(path);
  access_key_ = "nobody";
  const SimAnswer stranger = get(path);
  access_key_ = kBuiltInKey;
  skew_ = -3600;
  const SimAnswer late = get(path);
  skew_ = 0;
  for (const Case& one : {
           Case{get(path, "wrong"), 403, "SignatureDoesNotMatch", Verdict::stop_source},
           {stranger, 403, "InvalidAccessKeyId", Verdict::stop_source},
           {late, 403, "RequestTimeTooSkewed", Verdict::stop_source},
           {api_.head(unsigned_request), 403, "AccessDenied", Verdict::unavailable},
           {get(api_.path_of(make_date(2026, 11, 15))), 404, "NoSuchKey", Verdict::empty},  // a Sunday
           {get("/flatfiles/us_stocks_sip/day_aggs_v1/2026/11/2026-11-18.csv"), 404, "NoSuchKey",
            Verdict::empty},
           {get(api_.path_of(make_date(2020, 11, 18))), 403, "AccessDenied",
            Verdict::unavailable},  // five years
       }) {
    EXPECT_EQ(one.answer.status, one.status) << one.code;
    EXPECT_EQ(get_code(one.answer), one.code);
    EXPECT_EQ(verdict(one.answer), one.verdict) << one.code;
  }
}

TEST_F(Files, AppearAtElevenTheNextDay) {
  const std::string path = api_.path_of(make_date(2026, 11, 19));
  EXPECT_EQ(get(path).status, 404);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(get(path).status, 200);
}

TEST_F(Files, ChangeTheirETagWithTheirContent) {
  const Date session = make_date(2026, 11, 18);
  const std::string path = api_.path_of(session);
  const auto etag = [](const SimAnswer& answer) { return answer.headers.at(0).second; };
  const std::string before = etag(get(path));
  EXPECT_EQ(get(path, std::string(kBuiltInSecret), before).status, 304);
  EXPECT_EQ(get(path, std::string(kBuiltInSecret), "\"other\"").status, 200);
  const Market corrected(1, 100, make_date(2016, 11, 21), make_date(2026, 11, 20), {session});
  const FilesApi rewritten(corrected, {}, *massive_plan("starter"), clock_);
  EXPECT_NE(rewritten.object(path), api_.object(path));
  const std::string other = api_.path_of(make_date(2026, 11, 17));
  EXPECT_EQ(rewritten.object(other), api_.object(other));
}

TEST(JudgeFile, BelievesTheStoreAndNobodyElse) {
  struct Case {
    long status;
    const char* body;
    Verdict verdict;
    std::string_view reason;
  };
  for (const Case& one : {
           Case{403, "<Error><Code>AccessDenied</Code></Error>", Verdict::unavailable, "plan_files"},
           {403, "<html>blocked</html>", Verdict::retry, "forbidden_page"},
           {404, "<Error><Code>NoSuchKey</Code></Error>", Verdict::empty, "not_found"},
           {404, "<html>Not Found</html>", Verdict::retry, "not_found_page"},
           {404, "<Error><Code>NoSuchBucket</Code></Error>", Verdict::stop_source, "wrong_path"},
           {400, "<Error><Code>AuthorizationHeaderMalformed</Code></Error>", Verdict::stop_source,
            "bad_credential"},
           {503, "<Error><Code>SlowDown</Code></Error>", Verdict::throttled, "slow_down"},
           {503, "<html>", Verdict::retry, "http_5xx"},
           {500, "<Error><Code>InternalError</Code></Error>", Verdict::retry, "http_5xx"},
           {429, "", Verdict::throttled, "http_429"},
       }) {
    const Judgement judgement =
        massive::judge_file({.http_status = one.status, .content_type = "application/xml", .body = one.body});
    EXPECT_EQ(judgement.verdict, one.verdict) << one.status << one.body;
    EXPECT_EQ(judgement.reason, one.reason) << one.status << one.body;
  }
}

}  // namespace
}  // namespace icingest::sim
