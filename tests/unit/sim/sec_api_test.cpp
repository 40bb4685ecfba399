#include "sim/sec_api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/text.h"
#include "decode/inflate.h"
#include "icingest/buffer.h"
#include "sim/byte_ranges.h"
#include "sim/sec_landing.h"
#include "support/manual_clock.h"
#include "support/zip_archive.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kZip = "/Archives/edgar/daily-index/xbrl/companyfacts.zip";
constexpr std::string_view kSubmissionsZip = "/Archives/edgar/daily-index/bulkdata/submissions.zip";
constexpr std::string_view kAgent = "Example Company admin@example.com";

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string header(const SimAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string bytes(const SimAnswer& answer) {
  if (!answer.stream) return *answer.body;
  std::string out(answer.stream_size, '\0');
  answer.stream->read(answer.stream_from, out);
  return out;
}

std::string companyfacts_path(std::int64_t cik) {
  return fmt::format("/api/xbrl/companyfacts/CIK{:010}.json", cik);
}

std::map<std::string, std::string> members(const ByteSource& zip) {
  std::map<std::string, std::string> found;
  const auto result =
      test::read_zip(zip, test::ZipReading::by_directory,
                     [&](const std::string& name, std::string content) { found[name] = std::move(content); });
  EXPECT_EQ(result.error, "");
  return found;
}

class SecSimulator : public ::testing::Test {
 protected:
  // Noon in New York on the Monday before Thanksgiving.
  SecSimulator() { clock_.set(*parse_instant("2026-11-23T17:00:00Z")); }

  void start(SecOptions options = {}, std::uint64_t seed = 1) {
    options.limit.permits = std::max(options.limit.permits, permits_);
    market_ = std::make_unique<Market>(seed, 200, make_date(2016, 11, 22), make_date(2026, 11, 20));
    api_ = std::make_unique<SecApi>(*market_, options, std::vector<RecordedCompany>(), clock_);
  }
  SimAnswer ask(std::string_view target, Headers headers = {}, std::string_view method = "GET") {
    SimRequest request = parse_target(target);
    request.method = method;
    request.client = client_;
    request.headers = std::move(headers);
    if (!agent_.empty()) request.headers.emplace_back("user-agent", agent_);
    request.accepts_gzip = gzip_;
    return api_->answer(request, faults_, fault_);
  }
  const Filer& regular() {
    return *std::find_if(api_->filers().all().begin(), api_->filers().all().end(),
                         [](const Filer& filer) { return filer.kind == Filer::Kind::regular; });
  }
  std::string live(std::int64_t cik) { return *ask(companyfacts_path(cik)).body; }

  int permits_ = 1'000'000;
  bool gzip_ = false;
  std::string client_ = "10.0.0.1";
  std::string agent_{kAgent};
  Faults faults_ = *Faults::parse("");
  std::optional<FaultKind> fault_;
  test::ManualClock clock_;
  std::unique_ptr<Market> market_;
  std::unique_ptr<SecApi> api_;
};

TEST_F(SecSimulator, TheZipHoldsWhatTheLiveCallsGive) {
  start({.late_percent = 0});
  const SimAnswer zip = ask(kZip);
  const auto found = members(*zip.stream);
  int absent = 0;
  for (const Filer& filer : api_->filers().all()) {
    const auto member = found.find(fmt::format("CIK{:010}.json", filer.cik));
    if (filer.kind == Filer::Kind::no_xbrl) {
      ++absent;
      EXPECT_EQ(member, found.end());
      const SimAnswer answer = ask(companyfacts_path(filer.cik));
      EXPECT_EQ(answer.status, 404);
      EXPECT_NE(answer.body->find("<Code>NoSuchKey</Code>"), std::string::npos);
      continue;
    }
    ASSERT_NE(member, found.end()) << filer.cik;
    EXPECT_EQ(member->second, live(filer.cik)) << filer.cik;
  }
  EXPECT_GT(absent, 0);
  EXPECT_EQ(found.size() + static_cast<std::size_t>(absent), api_->filers().all().size());
  // Compressed on its way it is the same document.
  gzip_ = true;
  const Filer& some = regular();
  const SimAnswer packed = ask(companyfacts_path(some.cik));
  EXPECT_TRUE(packed.gzipped);
  EXPECT_TRUE(packed.chunked);
  EXPECT_EQ(header(packed, "ETag"), "");
  decode::Inflater inflater;
  Buffer plain;
  ASSERT_TRUE(inflater.gunzip(*packed.body, std::size_t{64} << 20, 0, plain));
  EXPECT_EQ(plain.view(), found.at(fmt::format("CIK{:010}.json", some.cik)));
}

TEST_F(SecSimulator, TheUniverseHasEveryKindOfCompany) {
  start();
  std::map<std::int64_t, int> symbols;
  int without = 0;
  for (const Listing& listing : market_->listings()) {
    if (listing.type == "CS" && listing.cik == 0) ++without;
    if (listing.type == "ETF") {
      EXPECT_EQ(listing.cik, 0) << listing.symbol;
    }
    if (listing.cik != 0) ++symbols[listing.cik];
  }
  EXPECT_GT(without, 0) << "companies without a CIK";
  EXPECT_TRUE(std::any_of(symbols.begin(), symbols.end(), [](const auto& s) { return s.second > 1; }))
      << "two classes of shares of one company";
  std::map<Filer::Kind, int> kinds;
  int without_facts = 0;
  int foreign = 0;
  for (const Filer& filer : api_->filers().all()) {
    EXPECT_TRUE(symbols.contains(filer.cik));
    ++kinds[filer.kind];
    if (filer.kind != Filer::Kind::regular) continue;
    const std::string text = live(filer.cik);
    if (text.find("\"us-gaap\"") == std::string::npos)
      ++(text.find("\"ifrs-full\"") == std::string::npos ? without_facts : foreign);
  }
  EXPECT_GT(kinds[Filer::Kind::no_xbrl], 0);
  EXPECT_GT(without_facts, 0);
  EXPECT_GT(foreign, 0);
  EXPECT_GT(kinds[Filer::Kind::regular], 100);
}

TEST_F(SecSimulator, AnyNumberOfCompaniesFromLittle) {
  start({.companies = 3000});
  const SimAnswer head = ask(kZip, {}, "HEAD");
  const SimAnswer zip = ask(kZip);
  EXPECT_EQ(head.stream_size, zip.stream->size());
  std::size_t unlisted = 0;
  for (const Filer& filer : api_->filers().all()) unlisted += filer.symbols.empty() ? 1U : 0U;
  EXPECT_GT(unlisted, 2700U);
  const auto result = test::read_zip(
      *zip.stream, test::ZipReading::by_directory, [](const auto&, auto) {}, true);
  EXPECT_EQ(result.members, 3000U);
  EXPECT_EQ(result.error, "");
}

TEST_F(SecSimulator, TheZipHasValidatorsAndRanges) {
  start();
  const SimAnswer head = ask(kZip, {}, "HEAD");
  ASSERT_EQ(head.status, 200);
  EXPECT_TRUE(head.head_only);
  const std::string etag = header(head, "ETag");
  EXPECT_TRUE(etag.starts_with('"') && etag.find('-') == 33) << etag;
  EXPECT_EQ(header(head, "Accept-Ranges"), "bytes");
  EXPECT_TRUE(header(head, "Last-Modified").starts_with("Mon, 23 Nov 2026 04:"))
      << header(head, "Last-Modified");
  const std::string whole = bytes(ask(kZip));
  ASSERT_EQ(whole.size(), head.stream_size);

  const SimAnswer part = ask(kZip, {{"range", "bytes=1000-50000"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(header(part, "Content-Range"), fmt::format("bytes 1000-50000/{}", whole.size()));
  EXPECT_EQ(header(part, "ETag"), etag);
  EXPECT_EQ(bytes(part), whole.substr(1000, 49'001));
  EXPECT_EQ(bytes(ask(kZip, {{"range", fmt::format("bytes={}-", whole.size() - 7)}})),
            whole.substr(whole.size() - 7));
  EXPECT_EQ(bytes(ask(kZip, {{"range", "bytes=-22"}})).substr(0, 4), "PK\x05\x06");
  const SimAnswer beyond = ask(kZip, {{"range", fmt::format("bytes={}-", whole.size())}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(header(beyond, "Content-Range"), fmt::format("bytes */{}", whole.size()));

  EXPECT_EQ(ask(kZip, {{"range", "bytes=5-9"}, {"if-range", etag}}).status, 206);
  EXPECT_EQ(ask(kZip, {{"range", "bytes=5-9"}, {"if-range", header(head, "Last-Modified")}}).status, 206);
  EXPECT_EQ(ask(kZip, {{"range", "bytes=5-9"}, {"if-range", "\"other\""}}).status, 200);
  // As the real ones do, the zips ignore other conditions.
  EXPECT_EQ(ask(kZip, {{"if-none-match", etag}}).status, 200);
  EXPECT_EQ(ask(kZip, {{"if-modified-since", header(head, "Last-Modified")}}).status, 200);
}

TEST_F(SecSimulator, TheZipIsRebuiltAtNight) {
  start();
  clock_.set(*parse_instant("2026-11-24T04:20:00Z"));
  const SimAnswer before = ask(kZip);
  const std::string old_bytes = bytes(before);
  clock_.set(*parse_instant("2026-11-24T04:40:00Z"));
  const SimAnswer after = ask(kZip);
  EXPECT_NE(header(before, "ETag"), header(after, "ETag"));
  EXPECT_TRUE(header(before, "Last-Modified").starts_with("Mon, 23 Nov 2026 04:"));
  EXPECT_TRUE(header(after, "Last-Modified").starts_with("Tue, 24 Nov 2026 04:"));
  EXPECT_EQ(bytes(before), old_bytes) << "a transfer under way goes on with the bytes it began with";
  EXPECT_EQ(ask(kZip, {{"range", "bytes=5-9"}, {"if-range", header(before, "ETag")}}).status, 200);
}

TEST_F(SecSimulator, TheSameSeedIsTheSameBytes) {
  start({.zip_age = 2});
  const SimAnswer first = ask(kZip);
  const std::string etag = header(first, "ETag");
  const std::string zip = bytes(first);
  const std::string index = *ask("/Archives/edgar/full-index/2026/QTR4/master.idx").body;
  const std::string submissions = bytes(ask(kSubmissionsZip));
  start({.zip_age = 2});
  const std::int64_t some = api_->filers().all()[40].cik;
  const std::string asked_first = live(some);
  EXPECT_EQ(*ask("/Archives/edgar/full-index/2026/QTR4/master.idx").body, index);
  EXPECT_EQ(bytes(ask(kSubmissionsZip)), submissions);
  EXPECT_EQ(bytes(ask(kZip)), zip) << "whatever was asked before";
  EXPECT_EQ(header(ask(kZip), "ETag"), etag);
  EXPECT_EQ(live(some), asked_first);
  start({.zip_age = 2}, 2);
  EXPECT_NE(header(ask(kZip), "ETag"), etag);
}

// Companies of the index since the zip's day are those whose live document is another.
TEST_F(SecSimulator, TheTailIsInTheIndexAndInTheLiveDocuments) {
  start({.zip_age = 5, .late_percent = 3});
  const SimAnswer zip = ask(kZip);
  EXPECT_TRUE(header(zip, "Last-Modified").starts_with("Wed, 18 Nov 2026 04:"));
  std::set<std::int64_t> listed;
  for (const unsigned day : {18u, 19u, 20u}) {
    const std::string index =
        *ask(fmt::format("/Archives/edgar/daily-index/2026/QTR4/master.202611{}.idx", day)).body;
    for (const std::string_view line : text::split(index, '\n')) {
      const auto cells = text::split(line, '|');
      if (cells.size() != 5 || !is_periodic(cells[2])) continue;
      EXPECT_EQ(cells[3], fmt::format("202611{}", day));
      const std::int64_t cik = *text::parse_int(cells[0]);
      if (api_->filers().find(cik)->kind != Filer::Kind::no_xbrl) listed.insert(cik);
      EXPECT_NE(cells[4].find(fmt::format("edgar/data/{}/", cik)), std::string_view::npos);
    }
  }
  EXPECT_GT(listed.size(), 3U);
  std::set<std::int64_t> newer;
  for (const auto& [name, content] : members(*zip.stream)) {
    const std::int64_t cik = *text::parse_int(std::string_view(name).substr(3, 10));
    const std::string now = live(cik);
    if (now == content) continue;
    newer.insert(cik);
    EXPECT_GT(now.size(), content.size());
    EXPECT_NE(now.find("/A\",\"filed\":\"2026-11-"), std::string::npos) << cik;
  }
  EXPECT_EQ(newer, listed);
  // Filed in the afternoon, in the live document from then on, in the index at night.
  const auto late = std::find_if(
      api_->filers().all().begin(), api_->filers().all().end(),
      [&](const Filer& filer) { return api_->filers().amended_on(filer) == make_date(2026, 11, 23); });
  ASSERT_NE(late, api_->filers().all().end());
  const std::string at_noon = live(late->cik);
  clock_.set(*parse_instant("2026-11-23T21:06:00Z"));
  EXPECT_NE(live(late->cik), at_noon);
  EXPECT_EQ(ask("/Archives/edgar/daily-index/2026/QTR4/master.20261123.idx").status, 403);
  clock_.set(*parse_instant("2026-11-24T03:01:00Z"));
  EXPECT_NE(ask("/Archives/edgar/daily-index/2026/QTR4/master.20261123.idx")
                .body->find(fmt::format("\n{}|", late->cik)),
            std::string::npos);
}

TEST_F(SecSimulator, IndexesLookAsEdgarsDo) {
  start();
  const SimAnswer form = ask("/Archives/edgar/daily-index/2026/QTR4/form.20261120.idx");
  ASSERT_EQ(form.status, 200);
  const auto lines = text::split(*form.body, '\n');
  EXPECT_EQ(lines[0], "Description:           Daily Index of EDGAR Dissemination Feed by Form Type");
  EXPECT_EQ(lines[1], "Last Data Received:    Nov 20, 2026");
  EXPECT_EQ(lines[4], " ");
  EXPECT_TRUE(lines[8].starts_with("Form Type   Company Name"));
  EXPECT_EQ(lines[9], std::string(141, '-'));
  std::map<std::string, int> by_accession;
  for (std::size_t i = 10; i + 1 < lines.size(); ++i) {
    ASSERT_EQ(lines[i].size(), 150U) << lines[i];
    EXPECT_EQ(text::trim(lines[i].substr(86, 12)), "20261120");
    if (text::trim(lines[i].substr(0, 12)) == "4")
      ++by_accession[std::string(text::trim(lines[i].substr(98)).substr(20))];
  }
  EXPECT_GT(by_accession.size(), 3U);
  EXPECT_NE(header(form, "ETag"), "");
  EXPECT_EQ(header(form, "Last-Modified"), "Sat, 21 Nov 2026 03:00:00 GMT");
  EXPECT_EQ(ask("/Archives/edgar/daily-index/2026/QTR4/form.20261120.idx",
                {{"if-none-match", header(form, "ETag")}})
                .status,
            304);
  EXPECT_EQ(*ask("/Archives/edgar/full-index/2026/QTR4/master.idx").body, [&] {
    const SimAnswer packed = ask("/Archives/edgar/full-index/2026/QTR4/master.gz");
    decode::Inflater inflater;
    Buffer plain;
    EXPECT_TRUE(inflater.gunzip(*packed.body, std::size_t{1} << 30, 0, plain));
    return std::string(plain.view());
  }());
  const std::string full = *ask("/Archives/edgar/full-index/2026/QTR4/form.idx").body;
  EXPECT_NE(full.find("Master Index of EDGAR Dissemination Feed by Form Type"), std::string::npos);
  EXPECT_NE(full.find("2026-11-05"), std::string::npos);
  const std::string listing = *ask("/Archives/edgar/daily-index/2026/QTR4/index.json").body;
  EXPECT_NE(listing.find(R"("name":"form.20261120.idx","type":"file")"), std::string::npos);
  EXPECT_EQ(listing.find("20261123"), std::string::npos) << "not complete before 22:00";
  EXPECT_EQ(ask("/Archives/edgar/daily-index/").status, 200);
}

TEST_F(SecSimulator, WhatIsNotThereIsRefusedInTwoWays) {
  start();
  for (const char* path : {
           "/Archives/edgar/daily-index/2026/QTR4/form.20261122.idx",  // Sunday
           "/Archives/edgar/daily-index/2026/QTR4/form.20261111.idx",  // Veterans Day
           "/Archives/edgar/daily-index/2026/QTR4/form.20261123.idx",  // tonight
           "/Archives/edgar/daily-index/2026/QTR3/form.20261120.idx",  // another quarter
           "/Archives/edgar/full-index/2099/QTR1/form.gz",
           "/Archives/edgar/full-index/1992/QTR1/form.idx",
           "/Archives/edgar/data/320193/0000320193-25-000079.txt",
       }) {
    const SimAnswer answer = ask(path);
    EXPECT_EQ(answer.status, 403) << path;
    EXPECT_EQ(answer.content_type, "application/xml");
    EXPECT_NE(answer.body->find("<Error><Code>AccessDenied</Code>"), std::string::npos) << path;
  }
  for (const char* path :
       {"/api/xbrl/companyfacts/CIK0000000001.json", "/api/xbrl/companyfacts/CIK1.json",
        "/submissions/CIK0000000001.json", "/api/xbrl/frames/us-gaap/Assets/USD/CY2024Q1I.json"}) {
    const SimAnswer answer = ask(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_NE(answer.body->find("<Code>NoSuchKey</Code>"), std::string::npos) << path;
  }
}

TEST_F(SecSimulator, WhoDoesNotSayWhoItIsIsRefused) {
  start();
  for (const char* agent :
       {"", "curl/7.88.1", "python-requests/2.31", "Mozilla/5.0 (X11) admin@example.com", "@"}) {
    agent_ = agent;
    const SimAnswer answer = ask(kZip);
    EXPECT_EQ(answer.status, 403) << agent;
    EXPECT_NE(answer.body->find("Your Request Originates from an Undeclared Automated Tool"),
              std::string::npos);
    EXPECT_EQ(answer.body->find("Request Rate Threshold Exceeded"), std::string::npos);
  }
  EXPECT_EQ(api_->counts().undeclared, 5);
}

TEST_F(SecSimulator, WhoOverrunsTheLimitIsKeptOutUntilItWasQuiet) {
  permits_ = 0;
  start({.limit = {.permits = 10}, .penalty = std::chrono::seconds(2)});
  const std::string path = companyfacts_path(regular().cik);
  // All hosts count together.
  for (int i = 0; i < 5; ++i) EXPECT_NE(ask(path).status, 403);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(kZip, {}, "HEAD").status, 200);
  const SimAnswer refused = ask(path);
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body->find("<title>SEC.gov | Request Rate Threshold Exceeded</title>"),
            std::string::npos);
  client_ = "10.0.0.2";
  EXPECT_EQ(ask(kZip, {}, "HEAD").status, 200) << "another address";
  client_ = "10.0.0.1";
  clock_.advance(std::chrono::milliseconds(1900));
  EXPECT_EQ(ask(path).status, 403) << "still";
  clock_.advance(std::chrono::milliseconds(1900));
  EXPECT_EQ(ask(path).status, 403) << "asking meanwhile starts it anew";
  clock_.advance(std::chrono::milliseconds(2001));
  EXPECT_NE(ask(path).status, 403);
  EXPECT_EQ(api_->gate().blocks(), 1);
  EXPECT_EQ(api_->gate().while_blocked(), 2);
  const auto usage = api_->gate().gate().usage().at("sec:10.0.0.1");
  EXPECT_EQ(usage.violations, 1);
  EXPECT_EQ(usage.most_in_window, 11);
  // Sometimes it is a 429.
  std::set<int> statuses;
  for (int i = 0; i < 40; ++i) statuses.insert(ask(kZip, {}, "HEAD").status);
  EXPECT_EQ(statuses, (std::set<int>{200, 403, 429}));
}

TEST_F(SecSimulator, SubmissionsListTheFilings) {
  start({.zip_age = 5, .late_percent = 3});
  const auto found = members(*ask(kSubmissionsZip).stream);
  EXPECT_EQ(found.size(), api_->filers().all().size()) << "companies without XBRL are in, too";
  int amended = 0;
  for (const Filer& filer : api_->filers().all()) {
    const std::string name = fmt::format("CIK{:010}.json", filer.cik);
    const std::string text = *ask("/submissions/" + name).body;
    EXPECT_NE(text.find(fmt::format(R"({{"cik":"{:010}",)", filer.cik)), std::string::npos);
    if (text != found.at(name)) ++amended;
    if (filer.kind != Filer::Kind::regular) continue;
    for (const Filing& filing : api_->filers().filings(filer, SecFilers::live_day(clock_.now())))
      ASSERT_NE(text.find(filing.accession), std::string::npos);
  }
  EXPECT_GT(amended, 3);
  const Filer& domestic =
      *std::find_if(api_->filers().all().begin(), api_->filers().all().end(), [&](const Filer& f) {
        return f.kind == Filer::Kind::regular && live(f.cik).find("\"10-K\"") != std::string::npos;
      });
  const std::string text = *ask(fmt::format("/submissions/CIK{:010}.json", domestic.cik)).body;
  const std::size_t at = text.find(R"("fiscalYearEnd":")");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(
      (std::set<std::string>{"1231", "0630", "0930", "0331", "0131"}).contains(text.substr(at + 17, 4)));
}

TEST_F(SecSimulator, TickersAreSpelledWithDashes) {
  start();
  const std::string text = *ask("/files/company_tickers.json").body;
  EXPECT_TRUE(text.starts_with(R"({"0":{"cik_str":)")) << text.substr(0, 100);
  EXPECT_NE(text.find("-B\",\"title\""), std::string::npos);
  EXPECT_EQ(text.find(".B\""), std::string::npos);
  EXPECT_TRUE(ask("/files/company_tickers_exchange.json")
                  .body->starts_with(R"({"fields":["cik","name","ticker","exchange"],"data":[[)"));
  EXPECT_EQ(ask("/files/nothing.json").status, 404);
}

TEST_F(SecSimulator, LandingPagesLeadToTwoDirectories) {
  const auto page = [](const char* name, Date today) {
    return sec_landing_page(std::string("/data-research/sec-markets-data/") + name, today).value_or("");
  };
  const std::string insiders = page("insider-transactions-data-sets", make_date(2026, 9, 16));
  const auto links = [](const std::string& text) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find("<a href=", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  EXPECT_EQ(links(insiders), 82U) << "2006q1 to 2026q2";
  EXPECT_NE(insiders.find("\"/files/structureddata/data/insider-transactions-data-sets/2026q1_form345.zip\""),
            std::string::npos);
  EXPECT_NE(insiders.find(
                "\"/files/datastandardsinnovation/data/insider-transactions-data-sets/2026q2_form345.zip\""),
            std::string::npos);
  EXPECT_EQ(insiders.find("2026q3"), std::string::npos) << "not published yet";
  const std::string holdings = page("form-13f-data-sets", make_date(2026, 11, 20));
  for (const char* const release :
       {"/files/structureddata/data/form-13f-data-sets/2013q2_form13f.zip",
        "/files/structureddata/data/form-13f-data-sets/01jan2024-29feb2024_form13f.zip",
        "/files/structureddata/data/form-13f-data-sets/01mar2024-31may2024_form13f.zip",
        "/files/structureddata/data/form-13f-data-sets/01dec2024-28feb2025_form13f.zip",
        "/files/datastandardsinnovation/data/form-13f-data-sets/01jun2026-31aug2026_form13f.zip"})
    EXPECT_NE(holdings.find(release), std::string::npos) << release;
  EXPECT_NE(holdings.find("_form13f_1.zip"), std::string::npos) << "a release that was uploaded twice";
  start();
  EXPECT_EQ(ask("/data-research/sec-markets-data/form-13f-data-sets").content_type, "text/html");
  EXPECT_EQ(ask("/data-research/sec-markets-data/nothing").status, 404);
}

TEST_F(SecSimulator, FaultsAreDrawnByWhatIsAskedFor) {
  start();
  faults_ = *Faults::parse("replaced=1*1");
  const std::string first = header(ask(kZip), "ETag");
  EXPECT_EQ(fault_, FaultKind::replaced);
  EXPECT_EQ(header(ask(kZip), "ETag"), first) << "once";
  EXPECT_FALSE(fault_);
  start();
  EXPECT_NE(header(ask(kZip), "ETag"), first);

  faults_ = *Faults::parse("range_ignored=1");
  EXPECT_EQ(ask(kZip, {{"range", "bytes=0-9"}}).status, 200);
  faults_ = *Faults::parse("corrupt=1");
  const std::string bad = bytes(ask(kZip));
  faults_ = *Faults::parse("");
  const std::string good = bytes(ask(kZip));
  ASSERT_EQ(bad.size(), good.size());
  const auto differing = std::mismatch(bad.begin(), bad.end(), good.begin());
  EXPECT_EQ(differing.first - bad.begin(), static_cast<std::ptrdiff_t>(bad.size() / 2));
  EXPECT_EQ(bad.substr(bad.size() / 2 + 1), good.substr(good.size() / 2 + 1));

  const std::string path = companyfacts_path(regular().cik);
  const std::string document = *ask(path).body;
  const auto with = [&](const char* spec) {
    faults_ = *Faults::parse(spec);
    return ask(path);
  };
  EXPECT_EQ(with("firewall=1").status, 403);
  EXPECT_NE(with("firewall=1").body->find("Access Denied"), std::string::npos);
  EXPECT_EQ(with("firewall=1").body->find("AccessDenied"), std::string::npos) << "not the archive's word";
  EXPECT_EQ(with("http_503=1").status, 503);
  EXPECT_NE(with("http_503=1").body->find("undergoing maintenance"), std::string::npos);
  EXPECT_EQ(with("storm_429=1").status, 429);
  EXPECT_EQ(header(with("retry_after=1"), "Retry-After"), "1");
  EXPECT_EQ(*with("malformed=1").body, document.substr(0, document.size() / 2));
  EXPECT_EQ(*with("trailing=1").body, document + "{\"more\":1}");
  EXPECT_EQ(with("wrong_type=1").content_type, "text/html");
  EXPECT_EQ(with("html_200=1").status, 200);
  gzip_ = true;
  const SimAnswer cut = with("truncated_gzip=1");
  decode::Inflater inflater;
  Buffer plain;
  EXPECT_FALSE(inflater.gunzip(*cut.body, std::size_t{64} << 20, 0, plain));
  // What cannot happen does not, and is not counted.
  gzip_ = false;
  faults_ = *Faults::parse("duplicate_rows=1,empty_nonzero=1,replaced=1,corrupt=1");
  EXPECT_EQ(*ask(path).body, document);
  EXPECT_FALSE(fault_);
}

TEST_F(SecSimulator, BadMembersAreInTheZipAndNotInTheLiveDocuments) {
  start({.late_percent = 0,
         .bad = {{BadMember::cut_json, 2},
                 {BadMember::deep_json, 1},
                 {BadMember::bomb, 1},
                 {BadMember::odd_name, 1}}});
  const SimAnswer zip = ask(kZip);
  std::map<BadMember, int> seen;
  int odd = 0;
  const auto result = test::read_zip(
      *zip.stream, test::ZipReading::by_directory, [&](const std::string& name, const std::string& content) {
        if (!name.starts_with("CIK")) {
          ++odd;
          return;
        }
        const Filer& filer = *api_->filers().find(*text::parse_int(std::string_view(name).substr(3, 10)));
        const std::string whole = live(filer.cik);
        const auto bad = api_->filers().bad_member(filer);
        if (!bad) {
          EXPECT_EQ(content, whole) << name;
          return;
        }
        ++seen[*bad];
        EXPECT_FALSE(filer.symbols.empty()) << "a company of the universe";
        EXPECT_TRUE(whole.starts_with("{\"cik\":") && whole.ends_with("}}}"));
        if (*bad == BadMember::cut_json) {
          EXPECT_TRUE(whole.starts_with(content) && content.size() < whole.size());
        }
        if (*bad == BadMember::deep_json) {
          EXPECT_NE(content.find(std::string(1000, '[')), std::string::npos);
        }
        if (*bad == BadMember::bomb) {
          EXPECT_EQ(content.size(), std::size_t{256} << 20);
        }
      });
  EXPECT_EQ(result.error, "") << "as members they are whole";
  EXPECT_EQ(odd, 1);
  EXPECT_EQ(seen, (std::map<BadMember, int>{
                      {BadMember::cut_json, 2}, {BadMember::deep_json, 1}, {BadMember::bomb, 1}}));
  for (const BadMember kind : {BadMember::bad_crc, BadMember::bad_deflate}) {
    start({.late_percent = 0, .bad = {{kind, 1}}});
    const auto broken =
        test::read_zip(*ask(kZip).stream, test::ZipReading::by_directory, [](const auto&, auto) {});
    EXPECT_NE(broken.error, "") << kBadMemberNames.at(static_cast<std::size_t>(kind));
  }
}

}  // namespace
}  // namespace icingest::sim
