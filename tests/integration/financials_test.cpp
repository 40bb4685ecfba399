// `icingest financials` as a person runs it: one company or a market, by any way, once or again.
#include <fmt/format.h>

#include <fstream>

#include "support/company.h"
#include "support/financials.h"
#include "support/recorded_sec.h"
#include "support/shared_data.h"

namespace icingest {
namespace {

using test::Finished;
using test::RecordedSec;
using test::TestServer;
using test::TestSim;

const char* const kOldApple = "CIK0000320193.2025-02.json.gz";
const char* const kNewApple = "CIK0000320193.2026-03.json.gz";

class FinancialsCommand : public test::Financials {
 protected:
  void SetUp() override { ICINGEST_NEEDS_SHARED_DATA(); }
  static std::string state(const pg::DbConfig& db, const std::string& unit) {
    return test::query(
        db, "SELECT state || ' ' || reason FROM icingest.units WHERE pipeline = 'financials' AND unit = '" +
                unit + "'");
  }
};

TEST_F(FinancialsCommand, LoadsACompanyForEachOfItsTickers) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}, {"AAPLW", "320193"}, {"OTHER", "0000000077"}});
  const Finished finished = run(db, sec_at(sec.url()), live({"--tickers", "AAPL"}));
  ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(number(finished, "done"), 1);
  EXPECT_EQ(test::query(db, "SELECT string_agg(DISTINCT ticker, ',' ORDER BY ticker) FROM financials"),
            "AAPL,AAPLW");
  EXPECT_EQ(test::query(db,
                        "SELECT revenue || ' ' || net_income || ' ' || eps_diluted FROM financials "
                        "WHERE ticker = 'AAPL' AND period = 'FY' AND period_end_date = '2024-09-28'"),
            "391035000000 93736000000 6.080000");
  EXPECT_EQ(sec.requests().size(), 1U) << "one document for both tickers, and nothing else";
  EXPECT_NE(sec.requests().front().find("User-Agent: Example Company admin@example.com"), std::string::npos);
  expect_verified(db);
}

TEST_F(FinancialsCommand, HoldsTheSameFactsAsTheDocument) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  complete(db, sec_at(sec.url()), live());
  const auto& facts = test::recorded_company(kNewApple).facts();
  EXPECT_EQ(test::query(db, "SELECT count(*) FROM financial_facts"), std::to_string(facts.size()));
  // Every fact by its whole row, not only by number.
  const pg::DbConfig& server = db;
  auto control = pg::Control::connect(server);
  ASSERT_TRUE(control.has_value());
  std::size_t found = 0;
  for (std::size_t i = 0; i < facts.size(); i += 97) {
    const Fact& fact = facts[i];
    found += test::query(
                 db, fmt::format("SELECT value FROM financial_facts WHERE cik = 320193 AND concept = '{}' "
                                 "AND unit = '{}' AND period_end = '{}' AND days = {} AND accession = '{}' "
                                 "AND form = '{}' AND filed = '{}'",
                                 concepts()[fact.what].name, fact.unit, to_string(fact.end),
                                 fact_row(320193, fact).days, fact.accession, fact.form,
                                 to_string(fact.filed))) == fact.value.to_string();
  }
  EXPECT_EQ(found, (facts.size() + 96) / 97);
}

TEST_F(FinancialsCommand, ASecondRunChangesNoByte) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  complete(db, sec_at(sec.url()), live());
  const std::string before = bytes_of(db);
  const Finished again = run(db, sec_at(sec.url()), live());
  EXPECT_EQ(number(again, "written"), 0) << again.out;
  EXPECT_EQ(number(again, "removed"), 0) << again.out;
  EXPECT_GT(number(again, "unchanged"), 1'000) << again.out;
  EXPECT_EQ(bytes_of(db), before) << "a rerun touched rows";
  const std::size_t requests = sec.requests().size();
  const Finished resumed = run(db, sec_at(sec.url()), live({"--resume"}));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(number(resumed, "skipped"), 1) << resumed.out;
  EXPECT_EQ(bytes_of(db), before);
  EXPECT_LE(sec.requests().size() - requests, 1U) << "a day's index at most";
  expect_verified(db);
}

TEST_F(FinancialsCommand, AnOldVintageThenTheNewOneEqualsTheNewOne) {
  RecordedSec sec{{"0000320193", kOldApple}};
  const pg::DbConfig both = database({{"AAPL", "0000320193"}});
  complete(both, sec_at(sec.url()), live());
  const std::string old_tables = tables(both);
  sec.put("0000320193", kNewApple);
  complete(both, sec_at(sec.url()), live());
  const pg::DbConfig fresh = database({{"AAPL", "0000320193"}});
  complete(fresh, sec_at(sec.url()), live());
  EXPECT_EQ(tables(both), tables(fresh));
  EXPECT_NE(tables(both), old_tables);
  expect_verified(both);
  // And back: the old document takes nothing away.
  sec.put("0000320193", kOldApple);
  complete(both, sec_at(sec.url()), live());
  EXPECT_EQ(test::query(both, "SELECT count(*) FROM financial_facts"),
            test::query(fresh, "SELECT count(*) FROM financial_facts"));
  EXPECT_EQ(test::query(both, "SELECT max(period_end_date) FROM financials"),
            test::query(fresh, "SELECT max(period_end_date) FROM financials"));
  expect_verified(both);
}

TEST_F(FinancialsCommand, AsOfTheOldDateEqualsTheOldVintage) {
  RecordedSec sec{{"0000320193", kOldApple}};
  const pg::DbConfig old_db = database({{"AAPL", "0000320193"}});
  complete(old_db, sec_at(sec.url()), live());
  sec.put("0000320193", kNewApple);
  const pg::DbConfig new_db = database({{"AAPL", "0000320193"}});
  complete(new_db, sec_at(sec.url()), live());
  const std::size_t requests = sec.requests().size();
  // The old vintage was recorded after the filing of 2025-01-31 and before the next one.
  const Finished then = run(new_db, sec_at(sec.url()), {"financials", "--as-of", "2025-02-28"});
  ASSERT_EQ(then.exit_code, 0) << then.err;
  const Finished now = run(old_db, {}, {"financials", "--as-of", "2025-02-28"});
  ASSERT_EQ(now.exit_code, 0) << now.err;
  EXPECT_GT(then.out.size(), 100'000U);
  EXPECT_TRUE(then.out == now.out) << "what was known then is not what was known then";
  EXPECT_EQ(sec.requests().size(), requests) << "--as-of asked the source";
  // And it is what the table of that day held.
  EXPECT_EQ(number(now, "count"), std::stoll(test::query(old_db, "SELECT count(*) FROM financials")));
  const std::string revenue = test::query(
      old_db,
      "SELECT string_agg(coalesce(revenue::text, 'null'), ' ' ORDER BY period_end_date, period) FROM financials");
  const std::string known = test::query(
      old_db,
      fmt::format(
          "SELECT string_agg(coalesce(r ->> 'revenue', 'null'), ' ' ORDER BY r ->> 'period_end_date', "
          "r ->> 'period') FROM jsonb_array_elements('{}'::jsonb -> 'rows') AS r",
          now.out));
  EXPECT_EQ(known, revenue);
}

TEST_F(FinancialsCommand, TellsApartWhatCannotBeHad) {
  RecordedSec sec{{"0000320193", kNewApple},
                  {"0001181412", "CIK0001181412.json"},
                  {"0000000005", "{}"},
                  {"0000000006", R"({"cik":6,"entityName":"Six","facts":{}})"}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"},
                                    {"NOCIK", ""},
                                    {"GONE", "0000000004"},
                                    {"EMPTY", "0000000005"},
                                    {"NOFACTS", "0000000006"},
                                    {"SPACE", "0001181412"}});
  const Finished finished = run(db, sec_at(sec.url()), live());
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_EQ(number(finished, "failed"), 0);
  EXPECT_EQ(state(db, "ticker/NOCIK"), "empty no_cik");
  EXPECT_EQ(state(db, "cik/0000000004"), "empty no_xbrl");
  EXPECT_EQ(state(db, "cik/0000000005"), "empty no_xbrl");
  EXPECT_EQ(state(db, "cik/0000000006"), "empty no_xbrl");
  EXPECT_EQ(state(db, "cik/0001181412"), "empty no_usable_facts");
  EXPECT_EQ(state(db, "cik/0000320193"), "done ");
  const Finished unknown = run(db, sec_at(sec.url()), live({"--tickers", "NOSUCH"}));
  EXPECT_EQ(unknown.exit_code, 0) << unknown.err;
  EXPECT_EQ(state(db, "ticker/NOSUCH"), "empty unknown_symbol");
  // All of it is done for --resume.
  const Finished resumed = run(db, sec_at(sec.url()), live({"--resume"}));
  EXPECT_EQ(number(resumed, "skipped"), 6) << resumed.out;
}

TEST_F(FinancialsCommand, WantsToKnowWhoAsksBeforeItAsks) {
  RecordedSec sec{};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  Variables nobody = sec_at(sec.url());
  nobody.erase("SEC_USER_AGENT");
  const Finished missing = run(db, nobody, live());
  EXPECT_EQ(missing.exit_code, 2) << missing.err;
  EXPECT_NE(missing.err.find("SEC_USER_AGENT"), std::string::npos) << missing.err;
  for (const char* contact : {"curl/7.88", "me", "Example @", "Example Company admin@localhost"}) {
    Variables wrong = sec_at(sec.url());
    wrong["SEC_USER_AGENT"] = contact;
    EXPECT_EQ(run(db, wrong, live()).exit_code, 2) << contact;
  }
  EXPECT_TRUE(sec.requests().empty());
}

TEST_F(FinancialsCommand, ATickerThatMovesToAnotherCompanyTakesItsRowsAlong) {
  RecordedSec sec{{"0000320193", kNewApple}, {"0001045810", "CIK0001045810.json.gz"}};
  const pg::DbConfig db = database({{"XYZ", "0000320193"}, {"NVDA", "0001045810"}});
  complete(db, sec_at(sec.url()), live());
  test::query(db, "UPDATE tickers SET cik = '0001045810' WHERE symbol = 'XYZ'");
  test::query(
      db,
      "INSERT INTO tickers (symbol, name, asset_type, active, cik) VALUES ('AAPL', 'x', 'CS', true, '320193')");
  complete(db, sec_at(sec.url()), live({"--resume"}));
  EXPECT_EQ(
      test::query(db,
                  "SELECT string_agg(DISTINCT ticker || ' ' || cik, ', ' ORDER BY ticker || ' ' || cik) "
                  "FROM financials"),
      "AAPL 320193, NVDA 1045810, XYZ 1045810");
  expect_verified(db);
}

TEST_F(FinancialsCommand, TheQueryOfTheDocumentationLeadsToTheAccessions) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  complete(db, sec_at(sec.url()), live());
  std::ifstream in(std::string(ICINGEST_SOURCE_DIR) + "/docs/pipelines/financials.md");
  const std::string page((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> queries;
  for (std::size_t at = page.find("```sql\n"); at != std::string::npos; at = page.find("```sql\n", at)) {
    const std::size_t begin = at + 7;
    at = page.find("```", begin);
    queries.push_back(page.substr(begin, at - begin));
  }
  const auto by_hand = std::find_if(queries.begin(), queries.end(), [](const std::string& query) {
    return query.find("f.accession, f.form") != std::string::npos;
  });
  ASSERT_NE(by_hand, queries.end());
  for (const std::string& query : queries)
    test::query(db, "SELECT count(*) FROM (" + query.substr(0, query.rfind(';')) + ") AS q");
  std::string sql = *by_hand;
  sql.erase(sql.rfind(';'));
  EXPECT_EQ(
      test::query(db,
                  "SELECT string_agg(q.accession || ' ' || q.form || ' ' || q.filed || ' ' || q.value, "
                  "'; ' ORDER BY q.period_end DESC, q.value DESC) FROM (" +
                      sql + ") AS q"),
      "0000320193-24-000123 10-K 2024-11-01 93736000000; 0000320193-24-000081 10-Q 2024-08-02 79000000000; "
      "0000320193-24-000081 10-Q 2024-08-02 21448000000");
  for (const std::string& one : queries) test::query(db, one);
}

// The shape and the contents that the Python system left: EPS without the width, years that repeat, a reference.
constexpr const char* kLegacy = R"sql(
CREATE TABLE financials (id bigserial PRIMARY KEY, ticker varchar(10) NOT NULL, filing_date date NOT NULL,
  period_end_date date NOT NULL, fiscal_year integer NOT NULL, fiscal_quarter integer, statement_type varchar(20),
  revenue bigint, cost_of_revenue bigint, gross_profit bigint, operating_expenses bigint, operating_income bigint,
  net_income bigint, eps_basic numeric(10,4), eps_diluted numeric(10,4), shares_outstanding bigint, total_assets bigint,
  total_liabilities bigint, shareholders_equity bigint, cash_and_equivalents bigint, short_term_debt bigint,
  long_term_debt bigint, operating_cash_flow bigint, investing_cash_flow bigint, financing_cash_flow bigint,
  free_cash_flow bigint, capex bigint, pe_ratio numeric(10,2), pb_ratio numeric(10,2), ps_ratio numeric(10,2),
  debt_to_equity numeric(10,2), current_ratio numeric(10,2), quick_ratio numeric(10,2), roe numeric(10,2),
  roa numeric(10,2), roic numeric(10,2), gross_margin numeric(10,2), operating_margin numeric(10,2),
  net_margin numeric(10,2), sec_filing_url varchar(500), raw_data jsonb, created_at timestamp DEFAULT now(),
  UNIQUE (ticker, period_end_date, fiscal_quarter),
  CONSTRAINT check_has_financial_data CHECK (revenue IS NOT NULL OR net_income IS NOT NULL OR eps_basic IS NOT NULL
    OR eps_diluted IS NOT NULL OR statement_type = '10-K'));
CREATE TABLE valuation_ratios (id serial PRIMARY KEY, annual_financial_id bigint REFERENCES financials (id));
INSERT INTO financials (ticker, filing_date, period_end_date, fiscal_year, fiscal_quarter, statement_type, revenue, pe_ratio)
VALUES ('AAPL', '2024-11-01', '2024-09-28', 2024, NULL, '10-K', 1, 30), ('AAPL', '2024-11-01', '2024-09-28', 2024, NULL, '10-K', 2, 31),
  ('AAPL', '2024-11-01', '2024-09-28', 2024, NULL, '10-K', 3, 32), ('AAPL', '2024-08-02', '2024-06-29', 2024, 3, '10-Q', 4, 33),
  ('OLD', '2001-01-01', '2000-12-31', 2000, NULL, '10-K', 5, NULL);
INSERT INTO valuation_ratios (annual_financial_id) VALUES (1), (3), (4);
)sql";

TEST_F(FinancialsCommand, AdoptsTheTableOfThePythonSystemAndLosesNothing) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = TestServer::instance().create_database();
  test::query(db, kLegacy);
  const Finished before = run(db, sec_at(sec.url()), live({"--tickers", "AAPL"}));
  EXPECT_EQ(before.exit_code, 5) << "a run must not decide what migrate does: " << before.err;
  const Finished migrated = run(db, {}, {"migrate"});
  EXPECT_EQ(migrated.exit_code, 0) << migrated.out;
  EXPECT_NE(migrated.out.find("financials held 2 older copies of periods"), std::string::npos)
      << migrated.out;
  EXPECT_EQ(
      test::query(db,
                  "SELECT string_agg(row ->> 'revenue', ',' ORDER BY row ->> 'id') FROM icingest.set_aside"),
      "1,2");
  EXPECT_EQ(test::query(db, "SELECT string_agg(revenue::text, ',' ORDER BY id) FROM financials"), "3,4,5");
  EXPECT_EQ(
      test::query(db, "SELECT string_agg(annual_financial_id::text, ',' ORDER BY id) FROM valuation_ratios"),
      "3,3,4");
  EXPECT_EQ(run(db, {}, {"migrate"}).out.find("older copies"), std::string::npos) << "twice is once";
  list(db, {{"AAPL", "0000320193"}});
  complete(db, sec_at(sec.url()), live());
  EXPECT_EQ(
      test::query(db, "SELECT revenue || ' ' || pe_ratio || ' ' || period FROM financials WHERE id = 3"),
      "391035000000 32.0000 FY")
      << "the row is the same one, and columns of others are left alone";
  EXPECT_EQ(
      test::query(
          db, "SELECT revenue || ' ' || coalesce(cik::text, 'none') FROM financials WHERE ticker = 'OLD'"),
      "5 none");
  expect_verified(db);
}

TEST_F(FinancialsCommand, TheFunctionOfADayAgreesWithTheCommandWhereItSaysSo) {
  RecordedSec sec{{"0000320193", kNewApple}};
  const pg::DbConfig db = database({{"AAPL", "0000320193"}});
  complete(db, sec_at(sec.url()), live());
  const Finished exact = run(db, {}, {"financials", "--as-of", "2024-06-01"});
  ASSERT_EQ(exact.exit_code, 0) << exact.err;
  // Revenue and net income of every period that the filings of that day knew: Apple restated none twice.
  EXPECT_EQ(
      test::query(
          db,
          fmt::format("WITH exact AS (SELECT r FROM jsonb_array_elements('{}'::jsonb -> 'rows') AS r) "
                      "SELECT count(*) FROM exact JOIN financials_as_of('2024-06-01', 'AAPL') AS f "
                      "ON f.period_end_date = (r ->> 'period_end_date')::date AND f.period = r ->> 'period' "
                      "WHERE f.revenue IS DISTINCT FROM (r ->> 'revenue')::bigint "
                      "OR f.net_income IS DISTINCT FROM (r ->> 'net_income')::bigint",
                      exact.out)),
      "0");
  EXPECT_EQ(test::query(db, "SELECT max(filing_date) FROM financials_as_of('2024-06-01', 'AAPL')"),
            "2024-05-03");
  EXPECT_EQ(
      test::query(db,
                  "SELECT count(*) FROM financials_as_of('2100-01-01') AS f JOIN financials AS g USING (id) "
                  "WHERE f IS DISTINCT FROM g"),
      "0")
      << "in the end it is the table";
  EXPECT_EQ(
      test::query(
          db,
          "SELECT value FROM financial_facts_as_of('2024-06-01', 320193) WHERE concept = 'NetIncomeLoss' "
          "AND period_end = '2024-03-30' AND days = 182"),
      "57552000000");
}

// --- the simulator's SEC

class FinancialsMarket : public test::Financials {
 protected:
  void SetUp() override {
    ICINGEST_NEEDS_SHARED_DATA();
    ::setenv("ICINGEST_NOW", kNight, 1);
  }
  static sim::SimOptions options() {
    return {.seed = 7,
            .tickers = 8,
            .sec = {.limit = {.permits = 100}, .recorded = test::shared_data(), .late_percent = 4}};
  }
  static std::vector<std::string> by(const std::string& strategy, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"financials", "--strategy", strategy, "--rate", "sec=90/s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_F(FinancialsMarket, AllWaysLeaveTheSameTables) {
  TestSim sim(options());
  const pg::DbConfig bulk = database_of(sim);
  const pg::DbConfig live = database_of(sim);
  const Finished by_zip = run(bulk, at_night(sim), by("bulk"));
  ASSERT_EQ(by_zip.exit_code, 0) << by_zip.out << by_zip.err;
  const std::int64_t asked_by_zip = number(by_zip, "requests");
  const Finished one_by_one = run(live, at_night(sim), by("live"));
  ASSERT_EQ(one_by_one.exit_code, 0) << one_by_one.out << one_by_one.err;
  EXPECT_LT(asked_by_zip, number(one_by_one, "requests"));
  EXPECT_EQ(tables(bulk), tables(live));
  EXPECT_GT(test::query(bulk, "SELECT count(*) FROM financials").size(), 3U);
  expect_verified(bulk);
  expect_verified(live);
  EXPECT_EQ(sim.stat("violations"), 0);
}

TEST_F(FinancialsMarket, WhatWasFiledSinceTheZipIsAskedForAlone) {
  sim::SimOptions stale = options();
  stale.sec.zip_age = 4;
  stale.sec.late_percent = 10;
  TestSim sim(stale);
  const pg::DbConfig bulk = database_of(sim);
  const Finished by_zip = run(bulk, at_night(sim), by("bulk"));
  ASSERT_EQ(by_zip.exit_code, 0) << by_zip.out << by_zip.err;
  EXPECT_NE(test::query(
                bulk, "SELECT count(*) FROM icingest.units WHERE pipeline = 'financials' AND route = 'live'"),
            "0");
  const pg::DbConfig live = database_of(sim);
  complete(live, at_night(sim), by("live"));
  EXPECT_EQ(tables(bulk), tables(live));
  expect_verified(bulk);
}

TEST_F(FinancialsMarket, ResumesByItsLedgerAndAsksOnlyForWhatIsNew) {
  TestSim sim(options());
  const pg::DbConfig db = database_of(sim);
  complete(db, at_night(sim), by("bulk"));
  const std::string before = bytes_of(db);
  const Finished again = run(db, at_night(sim), by("bulk", {"--resume"}));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(number(again, "done"), 0) << again.out;
  EXPECT_EQ(number(again, "written"), 0) << again.out;
  EXPECT_LE(number(again, "requests"), 3) << again.out;
  EXPECT_EQ(bytes_of(db), before);
  // Everything once more, compared as a set.
  const Finished whole = run(db, at_night(sim), by("bulk"));
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(number(whole, "written"), 0) << whole.out;
  EXPECT_EQ(bytes_of(db), before);
  expect_verified(db);
}

TEST_F(FinancialsMarket, PlansWithoutAsking) {
  TestSim sim(options());
  const pg::DbConfig db = database_of(sim);
  const std::int64_t asked = sim.stat("requests");
  const Finished plan = run(db, at_night(sim), {"plan", "financials"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_NE(plan.out.find(R"("name":"bulk")"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find(R"("name":"live")"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find(R"("strategy":"live")"), std::string::npos)
      << "a few companies are asked for one by one";
  EXPECT_EQ(sim.stat("requests"), asked);
}

}  // namespace
}  // namespace icingest
