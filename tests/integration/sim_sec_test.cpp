// The simulator's SEC over real connections: lengths, chunks, ranges, cuts, and the limit by address.
#include <curl/curl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "core/text.h"
#include "sim/byte_ranges.h"
#include "support/test_sim.h"
#include "support/zip_archive.h"

namespace icingest {
namespace {

using test::TestSim;

constexpr const char* kZip = "/Archives/edgar/daily-index/xbrl/companyfacts.zip";

struct Answer {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case
};

Answer ask(const std::string& url, const std::vector<std::string>& headers = {}, bool head = false,
           const char* agent = "Example Company admin@example.com") {
  Answer answer;
  CURL* const easy = curl_easy_init();
  curl_slist* list = nullptr;
  for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, agent);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t size, std::size_t count, void* into) {
        static_cast<Answer*>(into)->body.append(bytes, size * count);
        return size * count;
      });
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &answer);
  curl_easy_setopt(
      easy, CURLOPT_HEADERFUNCTION, +[](char* bytes, std::size_t size, std::size_t count, void* into) {
        const std::string_view line(bytes, size * count);
        if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
          std::string name(line.substr(0, colon));
          std::transform(name.begin(), name.end(), name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
          static_cast<Answer*>(into)->headers[name] = text::trim(line.substr(colon + 1));
        }
        return size * count;
      });
  answer.code = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_cleanup(easy);
  curl_slist_free_all(list);
  return answer;
}

sim::SimOptions options(const std::string& faults = {}) {
  return {
      .seed = 3, .tickers = 30, .faults = faults, .sec = {.limit = {.permits = 10'000}, .companies = 300}};
}

std::int64_t regular(const TestSim& sim) {
  return std::find_if(sim.filers().all().begin(), sim.filers().all().end(),
                      [](const sim::Filer& filer) { return filer.kind == sim::Filer::Kind::regular; })
      ->cik;
}

TEST(SimSec, AZipComesWholeAndInRanges) {
  const TestSim sim(options());
  const Answer head = ask(sim.url() + kZip, {}, true);
  ASSERT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  const Answer whole = ask(sim.url() + kZip);
  ASSERT_EQ(whole.code, CURLE_OK);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(whole.body.size()));
  EXPECT_GT(whole.body.size(), std::size_t{4} << 20);
  EXPECT_EQ(head.headers.at("etag"), whole.headers.at("etag"));
  std::string joined;
  const std::size_t piece = whole.body.size() / 3 + 1;
  for (std::size_t at = 0; at < whole.body.size(); at += piece) {
    const Answer part = ask(sim.url() + kZip, {fmt::format("Range: bytes={}-{}", at, at + piece - 1),
                                               "If-Range: " + head.headers.at("etag")});
    EXPECT_EQ(part.status, 206);
    joined += part.body;
  }
  EXPECT_TRUE(joined == whole.body);
  EXPECT_EQ(sim.stat("bulk_partial"), 3);
  EXPECT_EQ(sim.stat("bulk_heads"), 1);
  EXPECT_EQ(sim.stat("repeated"), 0) << "ranges of one file are not the same request again";
}

// What is laid out before the first request is what the first request would have waited for, and its members are the
// live documents: at noon GMT both know what was filed up to the day before.
TEST(SimSec, PrerenderedZipsHoldWhatIsServedLive) {
  ::setenv("ICINGEST_NOW", "2026-11-24T12:00:00Z", 1);
  sim::SimOptions wanted = options();
  wanted.from = make_date(2026, 11, 18);
  const TestSim live(wanted);
  wanted.prerender = true;
  const TestSim prerendered(wanted);
  ::unsetenv("ICINGEST_NOW");
  EXPECT_EQ(live.stat("zips_built"), 0);
  EXPECT_EQ(prerendered.stat("zips_built"), 2) << "before anybody has asked";

  struct Zip {
    std::string path, documents;
    std::size_t at_least;
  };
  for (const Zip& zip : {Zip{kZip, "/api/xbrl/companyfacts/", 250},
                         Zip{"/Archives/edgar/daily-index/bulkdata/submissions.zip", "/submissions/", 300}}) {
    Answer answer = ask(prerendered.url() + zip.path);
    ASSERT_EQ(answer.status, 200);
    const Answer waited = ask(live.url() + zip.path);
    EXPECT_EQ(answer.headers.at("etag"), waited.headers.at("etag"));
    EXPECT_TRUE(answer.body == waited.body) << zip.path;
    std::size_t unequal = 0;
    const test::ZipResult read =
        test::read_zip(sim::HeldBytes(std::move(answer.body)), test::ZipReading::by_directory,
                       [&](const std::string& name, const std::string& bytes) {
                         unequal += ask(live.url() + zip.documents + name).body == bytes ? 0U : 1U;
                       });
    EXPECT_EQ(read.error, "");
    EXPECT_GE(read.members, zip.at_least) << zip.path;
    EXPECT_EQ(unequal, 0U) << zip.path << ": of " << read.members;
  }
  EXPECT_EQ(prerendered.stat("zips_built"), 2) << "and not again for those who ask";
  EXPECT_EQ(live.stat("zips_built"), 2);
}

TEST(SimSec, ACutTransferIsResumed) {
  const TestSim sim(options("reset_body=1*1"));
  const Answer cut = ask(sim.url() + kZip);
  EXPECT_NE(cut.code, CURLE_OK);
  ASSERT_GT(cut.body.size(), 0U);
  const Answer rest = ask(sim.url() + kZip, {fmt::format("Range: bytes={}-", cut.body.size()),
                                             "If-Range: " + cut.headers.at("etag")});
  ASSERT_EQ(rest.status, 206);
  const Answer whole = ask(sim.url() + kZip);
  EXPECT_TRUE(cut.body + rest.body == whole.body);
}

TEST(SimSec, DocumentsComeWithoutALength) {
  const TestSim sim(options());
  const std::string url = fmt::format("{}/api/xbrl/companyfacts/CIK{:010}.json", sim.url(), regular(sim));
  const Answer answer = ask(url);
  EXPECT_EQ(answer.code, CURLE_OK);
  EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_FALSE(answer.headers.contains("etag"));
  EXPECT_TRUE(answer.body.starts_with("{\"cik\":") && answer.body.ends_with("}}}"));
  const Answer packed = ask(url, {"Accept-Encoding: gzip"});
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size() * 5, answer.body.size());
}

TEST(SimSec, FaultsHappenOnTheWayToo) {
  for (const char* kind : {"reset_before", "reset_body", "short_body"}) {
    const TestSim sim(options(fmt::format("{}=1", kind)));
    const std::string document =
        fmt::format("{}/api/xbrl/companyfacts/CIK{:010}.json", sim.url(), regular(sim));
    EXPECT_NE(ask(document).code, CURLE_OK) << kind;
    EXPECT_NE(ask(sim.url() + kZip).code, CURLE_OK) << kind;
    EXPECT_EQ(sim.stat(kind), 2) << kind;
  }
  const TestSim slow(options("drip=1"));
  const Answer dripped =
      ask(fmt::format("{}/api/xbrl/companyfacts/CIK{:010}.json", slow.url(), regular(slow)));
  EXPECT_EQ(dripped.code, CURLE_OK);
  EXPECT_TRUE(dripped.body.ends_with("}}}"));
}

TEST(SimSec, TheLimitIsOfTheAddress) {
  sim::SimOptions strict = options();
  strict.sec.limit.permits = 10;
  strict.sec.penalty = std::chrono::milliseconds(1200);
  const TestSim sim(strict);
  const std::string url = sim.url() + "/files/company_tickers.json";
  int refused = 0;
  // Each over a connection of its own.
  for (int i = 0; i < 12; ++i) {
    const Answer answer = ask(url);
    if (answer.status != 200) ++refused;
  }
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(sim.stat("blocks"), 1);
  EXPECT_EQ(sim.stat("while_blocked"), 1);
  EXPECT_GT(sim.stat("violations"), 0);
  EXPECT_NE(ask(url).body.find("Request Rate Threshold Exceeded"), std::string::npos);
  std::this_thread::sleep_for(std::chrono::milliseconds(1300));
  EXPECT_EQ(ask(url).status, 200);
  EXPECT_EQ(ask(url, {}, false, "libcurl/7.88").status, 403);
  EXPECT_EQ(sim.stat("undeclared"), 1);
}

// The market's list is where the companies come from.
TEST(SimSec, TheTickerListLeadsToTheDocuments) {
  const TestSim sim(options());
  const std::string list = test::http_get(sim.url() + "/v3/reference/tickers?limit=1000&apiKey=k");
  int found = 0;
  int absent = 0;
  for (std::size_t at = list.find("\"cik\":\""); at != std::string::npos;
       at = list.find("\"cik\":\"", at + 1)) {
    const long status =
        ask(fmt::format("{}/api/xbrl/companyfacts/CIK{}.json", sim.url(), list.substr(at + 7, 10))).status;
    EXPECT_TRUE(status == 200 || status == 404);
    ++(status == 200 ? found : absent);
  }
  EXPECT_GT(found, 10);
  EXPECT_LT(absent, 5);
}

}  // namespace
}  // namespace icingest
