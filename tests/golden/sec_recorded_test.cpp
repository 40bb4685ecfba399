// The simulator's SEC with recorded documents: unchanged under their own CIK, and of an earlier day what was
// recorded then.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/text.h"
#include "sim/sec_api.h"
#include "support/company.h"
#include "support/manual_clock.h"
#include "support/shared_data.h"
#include "support/zip_archive.h"

namespace icingest::sim {
namespace {

// Facts as lines, without what moves between vintages.
std::multiset<std::string> facts_of(const test::Company& company) {
  std::multiset<std::string> lines;
  for (const Fact& fact : company.facts()) {
    lines.insert(fmt::format("{} {} {} {} {} {} {} {}", fact.what, fact.unit,
                             fact.start ? to_string(*fact.start) : "-", to_string(fact.end),
                             fact.value.to_string(), fact.accession, fact.form, to_string(fact.filed)));
  }
  return lines;
}

class RecordedSec : public ::testing::Test {
 protected:
  void SetUp() override {
    ICINGEST_NEEDS_SHARED_DATA();
    auto found = find_recorded_companies(test::shared_data());
    ASSERT_TRUE(found);
    companies_ = *found;
  }
  void start(const char* now, SecOptions options = {}) {
    clock_.set(*parse_instant(now));
    options.recorded = test::shared_data();
    options.limit.permits = 1'000'000;
    market_ = std::make_unique<Market>(1, 300, make_date(2016, 1, 4), make_date(2026, 11, 20),
                                       std::vector<Date>(), listings_of(companies_));
    api_ = std::make_unique<SecApi>(*market_, options, companies_, clock_);
  }
  SimAnswer ask(std::string_view target) {
    SimRequest request = parse_target(target);
    request.headers.emplace_back("user-agent", "Example Company admin@example.com");
    Faults faults = *Faults::parse("");
    std::optional<FaultKind> fault;
    return api_->answer(request, faults, fault);
  }
  std::string live(std::int64_t cik) {
    return *ask(fmt::format("/api/xbrl/companyfacts/CIK{:010}.json", cik)).body;
  }

  std::vector<RecordedCompany> companies_;
  test::ManualClock clock_;
  std::unique_ptr<Market> market_;
  std::unique_ptr<SecApi> api_;
};

TEST_F(RecordedSec, CompaniesKeepTheirNumbersNamesAndTickers) {
  start("2026-11-23T17:00:00Z");
  ASSERT_EQ(companies_.size(), 28U);
  const auto berkshire = market_->find("BRK.A");
  ASSERT_TRUE(berkshire);
  EXPECT_EQ(market_->listings()[*berkshire].cik, 1067983);
  EXPECT_EQ(market_->listings()[*market_->find("BRK.B")].cik, 1067983) << "two classes";
  EXPECT_EQ(market_->listings()[*market_->find("AAPL")].name, "Apple Inc.");
  std::map<std::string, int> symbols;
  for (const Listing& listing : market_->listings())
    EXPECT_EQ(++symbols[listing.symbol], 1) << listing.symbol;
  const std::string apple = live(320193);
  EXPECT_EQ(apple, test::read_shared("sec/companyfacts/CIK0000320193.2026-03.json.gz")) << "to the byte";
  const test::Company celadon(live(865941));
  EXPECT_EQ(facts_of(celadon), facts_of(test::recorded_company("CIK0000865941.json.gz")))
      << "delisted, and there";
}

// README: all rows of the older recording of Apple are in the newer one, with equal values.
TEST_F(RecordedSec, AnEarlierDayIsWhatWasRecordedThen) {
  start("2025-02-10T17:00:00Z");
  const test::Company then(live(320193));
  EXPECT_EQ(facts_of(then), facts_of(test::recorded_company("CIK0000320193.2025-02.json.gz")));
  const std::string text = live(320193);
  std::size_t rows = 0;
  for (std::size_t at = text.find("\"filed\":"); at != std::string::npos;
       at = text.find("\"filed\":", at + 1))
    ++rows;
  EXPECT_EQ(rows, 23'449U);
}

TEST_F(RecordedSec, OthersShareTheDocuments) {
  start("2026-11-23T17:00:00Z", {.companies = 700, .late_percent = 0});
  std::map<std::size_t, int> used;
  int compared = 0;
  for (const Filer& filer : api_->filers().all()) {
    if (filer.kind != Filer::Kind::regular) continue;
    ++used[filer.document];
    if (filer.own || ++compared % 40 != 0) continue;
    std::string text = live(filer.cik);
    EXPECT_NE(text.find(text::json_quote(filer.name)), std::string::npos);
    const Filer& original = *api_->filers().find(companies_[filer.document].cik);
    std::string own = live(original.cik);
    EXPECT_EQ(text.substr(text.find(",\"facts\":")), own.substr(own.find(",\"facts\":")));
  }
  EXPECT_EQ(used.size(), 28U);
  const SimAnswer zip = ask("/Archives/edgar/daily-index/xbrl/companyfacts.zip");
  const auto names = test::read_zip(
      *zip.stream, test::ZipReading::by_directory, [](const auto&, auto) {}, true);
  EXPECT_EQ(names.members, 700U);
}

// Real filings: the quarter in which some of the companies reported.
TEST_F(RecordedSec, IndexesAndTailHaveTheRealFilings) {
  start("2026-05-06T17:00:00Z", {.zip_age = 6});
  const std::string index = *ask("/Archives/edgar/daily-index/2026/QTR2/master.20260504.idx").body;
  EXPECT_NE(index.find("\n34088|EXXON MOBIL CORP|10-Q|20260504|edgar/data/34088/"), std::string::npos)
      << index;
  std::map<std::string, std::string> members;
  const SimAnswer zip = ask("/Archives/edgar/daily-index/xbrl/companyfacts.zip");
  const auto result = test::read_zip(*zip.stream, test::ZipReading::by_directory,
                                     [&](const std::string& name, std::string bytes) {
                                       if (name == "CIK0000034088.json" || name == "CIK0000865941.json")
                                         members[name] = std::move(bytes);
                                     });
  EXPECT_EQ(result.error, "");
  const std::string exxon = live(34088);
  EXPECT_NE(exxon.find("\"filed\":\"2026-05-04\""), std::string::npos);
  EXPECT_EQ(members["CIK0000034088.json"].find("\"filed\":\"2026-05-04\""), std::string::npos);
  EXPECT_LT(members["CIK0000034088.json"].size(), exxon.size());
  EXPECT_EQ(members["CIK0000865941.json"], live(865941)) << "nothing new";
  EXPECT_EQ(*ask("/Archives/edgar/daily-index/2020/QTR1/form.20200318.idx").body,
            test::read_shared("sec/index/form.20200318.idx.gz"));
}

TEST_F(RecordedSec, SubmissionsAreTheRecordedOnes) {
  start("2026-11-23T17:00:00Z");
  EXPECT_EQ(*ask("/submissions/CIK0000320193.json").body,
            test::read_shared("sec/submissions/CIK0000320193.json.gz"));
  EXPECT_EQ(*ask("/submissions/CIK0001318605-submissions-001.json").body,
            test::read_shared("sec/submissions/CIK0001318605-submissions-001.json.gz"));
  const std::string exxon = *ask("/submissions/CIK0000034088.json").body;
  EXPECT_NE(exxon.find(R"("tickers":["XOM"])"), std::string::npos) << exxon.substr(0, 800);
  EXPECT_NE(exxon.find(R"("fiscalYearEnd":"1231")"), std::string::npos);
}

}  // namespace
}  // namespace icingest::sim
