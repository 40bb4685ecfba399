#include "icingest/sec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/shared_data.h"

namespace icingest::sec {
namespace {

Judgement refused(long status, const std::string& body) {
  return judge({.http_status = status, .body = body});
}

TEST(SecSource, TellsFourKindsOf403Apart) {
  ICINGEST_NEEDS_SHARED_DATA();
  EXPECT_EQ(refused(403, "<title>SEC.gov | Request Rate Threshold Exceeded</title>").verdict,
            Verdict::blocked);
  EXPECT_EQ(refused(403, "<h1>Your Request Originates from an Undeclared Automated Tool</h1>").verdict,
            Verdict::stop_source);
  const Judgement absent = refused(403, test::read_shared("sec/errors/full_index_future_quarter_403.xml"));
  EXPECT_EQ(absent.verdict, Verdict::empty);
  EXPECT_EQ(absent.reason, "absent");
  EXPECT_EQ(refused(403, "<html>Access Denied, reference 18.2</html>").verdict, Verdict::suspect);
}

TEST(SecSource, TakesA404OnlyFromWhoeverWouldKnow) {
  ICINGEST_NEEDS_SHARED_DATA();
  const Judgement unknown = refused(404, test::read_shared("sec/errors/submissions_unknown_cik_404.xml"));
  EXPECT_EQ(unknown.verdict, Verdict::empty);
  EXPECT_EQ(unknown.reason, "no_xbrl");
  EXPECT_EQ(refused(404, R"({"message":"not found"})").verdict, Verdict::empty);
  EXPECT_EQ(refused(404, "<html>404 page</html>").verdict, Verdict::retry);
  EXPECT_EQ(refused(429, "").verdict, Verdict::throttled);
  EXPECT_EQ(refused(503, test::read_shared("sec/errors/browse_edgar_503.html.gz")).verdict, Verdict::retry);
}

TEST(SecSource, NamesTheIndexOfADay) {
  EXPECT_EQ(daily_index(make_date(2020, 3, 18)), "/Archives/edgar/daily-index/2020/QTR1/form.20200318.idx");
  EXPECT_EQ(daily_index(make_date(2026, 11, 5)), "/Archives/edgar/daily-index/2026/QTR4/form.20261105.idx");
}

TEST(SecSource, ReadsARecordedDay) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::string index = test::read_shared("sec/index/form.20200318.idx.gz");
  const auto companies = reporting_companies(index);
  ASSERT_TRUE(companies.has_value()) << companies.error().message;
  EXPECT_TRUE(std::is_sorted(companies->begin(), companies->end()));
  // Counted from the file another way: lines of these forms, each company once.
  std::vector<std::int64_t> counted;
  for (std::size_t at = 0, end = 0; (end = index.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = index.substr(at, end - at);
    for (const char* form : {"10-K ", "10-K/A ", "10-Q ", "10-Q/A ", "20-F ", "20-F/A ", "40-F ", "40-F/A ",
                             "6-K ", "6-K/A ", "10-KT ", "10-KT/A ", "10-QT ", "10-QT/A "}) {
      if (line.starts_with(form)) counted.push_back(std::stoll(line.substr(74, 12)));
    }
  }
  std::sort(counted.begin(), counted.end());
  counted.erase(std::unique(counted.begin(), counted.end()), counted.end());
  EXPECT_GT(counted.size(), 100U);
  EXPECT_EQ(*companies, counted);
}

TEST(SecSource, AnIndexThatWasCutIsNone) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::string index = test::read_shared("sec/index/form.20200318.idx.gz");
  EXPECT_FALSE(reporting_companies(index.substr(0, index.size() / 2)).has_value());
  EXPECT_FALSE(reporting_companies("<html></html>").has_value());
  EXPECT_FALSE(reporting_companies("").has_value());
  // Only a header is a quarter that has just begun.
  const auto none = reporting_companies(test::read_shared("sec/index/empty-form.idx"));
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->empty());
}

TEST(SecSource, KnowsTheMembersOfTheArchive) {
  EXPECT_EQ(cik_of_member("CIK0000320193.json"), 320193);
  for (const char* name :
       {"CIK0000320193-submissions-001.json", "CIK.json", "README", "CIK0000000000.json", "x.json"})
    EXPECT_EQ(cik_of_member(name), std::nullopt) << name;
}

}  // namespace
}  // namespace icingest::sec
