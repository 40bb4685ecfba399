// The schema as it should be against databases as they are.
#include <gtest/gtest.h>

#include "checkpoint/ledger.h"
#include "core/text.h"
#include "pg/schema.h"
#include "pg/server_info.h"
#include "pg/year_partitions.h"
#include "support/decoding.h"
#include "support/test_server.h"

namespace icingest {
namespace {

class Schema : public ::testing::Test {
 protected:
  Schema() : db_(test::TestServer::instance().create_database()), control_(*pg::Control::connect(db_)) {
    for (const char* name : {"prices", "tickers"})
      wanted_.push_back({test::pipeline(name).schema, test::pipeline(name).adopt});
  }
  std::vector<pg::Difference> migrate() {
    auto differences = pg::migrate(control_, checkpoint::ledger_ddl(), wanted_);
    EXPECT_TRUE(differences.has_value()) << differences.error().describe();
    return differences.value_or(std::vector<pg::Difference>{});
  }
  std::vector<pg::Difference> check(std::string_view pipeline) {
    auto differences = pg::check_table(control_, test::pipeline(pipeline).routes.front().load.table);
    EXPECT_TRUE(differences.has_value()) << differences.error().describe();
    return differences.value_or(std::vector<pg::Difference>{});
  }
  void run(const std::string& sql) { test::query(db_, sql); }
  // Whether one of the differences says this.
  static bool says(const std::vector<pg::Difference>& differences, std::string_view what) {
    return std::any_of(differences.begin(), differences.end(),
                       [&](const pg::Difference& one) { return one.what.find(what) != std::string::npos; });
  }

  pg::DbConfig db_;
  pg::Control control_;
  std::vector<pg::WantedSchema> wanted_;
};

TEST_F(Schema, ComesUpOnAnEmptyDatabaseAndIsThenAsItShouldBe) {
  EXPECT_EQ(migrate().size(), 2U);
  EXPECT_TRUE(migrate().empty()) << "twice is once";
  EXPECT_TRUE(check("prices").empty());
  EXPECT_TRUE(check("tickers").empty());
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM pg_namespace WHERE nspname = 'icingest_wanted'"), "0");
}

TEST_F(Schema, CreateMissingTouchesNothingThatIsThere) {
  run("CREATE TABLE stock_prices (\"time\" timestamptz NOT NULL, ticker varchar(10) NOT NULL, open numeric(15,2))");
  ASSERT_TRUE(pg::create_missing(control_, checkpoint::ledger_ddl(), wanted_));
  EXPECT_EQ(
      test::query(
          db_, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'stock_prices'::regclass AND attnum > 0"),
      "3");
  EXPECT_EQ(test::query(db_, "SELECT to_regclass('tickers') IS NOT NULL"), "t");
  const auto differences = check("prices");
  EXPECT_TRUE(says(differences, "stock_prices.open is numeric(15,2), should be numeric(20,6)"));
  EXPECT_TRUE(
      says(differences, "stock_prices.ticker is character varying(10), should be character varying(32)"));
  EXPECT_TRUE(says(differences, "stock_prices.close is missing"));
  EXPECT_TRUE(says(differences, "no unique index on (\"interval\", ticker, \"time\")"));
}

// The shape that the Python system's migrations leave (schema-and-core.md 1.2, 1.4).
constexpr const char* kLegacy = R"sql(
CREATE TABLE stock_prices ("time" timestamptz NOT NULL, ticker varchar(10) NOT NULL, open numeric(15,2), high numeric(15,2), low numeric(15,2),
  close numeric(15,2), volume bigint, vwap numeric(15,2), "interval" varchar(10) DEFAULT '1day');
CREATE INDEX ON stock_prices (ticker, "time" DESC);
INSERT INTO stock_prices VALUES ('2024-01-02 05:00Z', 'AAPL', 187.15, 188.44, 183.89, 185.64, 82488700, 185.94, '1day');
CREATE TABLE tickers (id serial PRIMARY KEY, symbol varchar(10) NOT NULL, name varchar(255) NOT NULL, asset_type varchar(20) DEFAULT 'stock',
  currency varchar(3) DEFAULT 'USD', active boolean DEFAULT true, employees integer,
  CONSTRAINT check_asset_type CHECK (asset_type IN ('stock', 'etf')), UNIQUE (symbol, asset_type));
INSERT INTO tickers (symbol, name) VALUES ('AAPL', 'Apple');
)sql";

TEST_F(Schema, AdoptsALegacyDatabaseWithoutLosingAnything) {
  run(kLegacy);
  const auto differences = migrate();
  EXPECT_TRUE(says(differences, "stock_prices.open is numeric(15,2), should be numeric(20,6)"));
  EXPECT_TRUE(says(differences, "tickers.asset_class is missing"));
  for (const pg::Difference& one : differences) EXPECT_TRUE(one.applied) << one.what;
  EXPECT_TRUE(check("prices").empty());
  EXPECT_TRUE(check("tickers").empty());
  EXPECT_EQ(test::query(db_, "SELECT close FROM stock_prices"), "185.640000");
  EXPECT_EQ(test::query(db_, "SELECT currency FROM tickers"), "USD");
  EXPECT_EQ(
      test::query(
          db_,
          "INSERT INTO tickers (symbol, name, asset_type) VALUES ('SPY', 'SPDR', 'ETF') RETURNING symbol"),
      "SPY");
  EXPECT_TRUE(migrate().empty());
}

TEST_F(Schema, NeverNarrows) {
  run("CREATE TABLE stock_prices (\"time\" timestamptz NOT NULL, ticker text NOT NULL, open numeric, high numeric(30,10), low numeric(20,6), close numeric(20,6), "
      "volume bigint, vwap numeric(20,6), \"interval\" text NOT NULL, UNIQUE (ticker, \"time\", \"interval\"))");
  EXPECT_EQ(migrate().size(), 1U) << "only tickers is missing";
  EXPECT_TRUE(check("prices").empty());
  EXPECT_EQ(
      test::query(
          db_,
          "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'stock_prices'::regclass AND attname = 'high'"),
      "numeric(30,10)");
}

TEST_F(Schema, LeavesWhatChangesMeaningToAPerson) {
  run("CREATE TABLE stock_prices (\"time\" timestamptz NOT NULL, ticker varchar(32) NOT NULL, open double precision, high numeric(20,6), low numeric(20,6), "
      "close numeric(20,6), volume bigint, vwap numeric(20,6), \"interval\" varchar(10), UNIQUE (ticker, \"time\", \"interval\"))");
  const auto differences = migrate();
  ASSERT_TRUE(says(differences, "stock_prices.open is double precision"));
  for (const pg::Difference& one : differences) {
    if (one.what.find("open") == std::string::npos) continue;
    EXPECT_TRUE(one.blocking);
    EXPECT_FALSE(one.applied);
    EXPECT_NE(one.sql.find("USING"), std::string::npos);
  }
}

TEST_F(Schema, SaysWhatTheServerRefuses) {
  run(kLegacy);
  run("CREATE VIEW newest AS SELECT close FROM stock_prices");
  const auto differences = migrate();
  bool refused = false;
  for (const pg::Difference& one : differences)
    refused = refused || (one.blocking && one.what.find("stock_prices.close") != std::string::npos &&
                          one.what.find("server refuses") != std::string::npos);
  EXPECT_TRUE(refused);
  EXPECT_EQ(test::query(db_, "SELECT close FROM newest"), "185.64");
}

class Years : public Schema {
 protected:
  Years() { migrate(); }
  [[nodiscard]] pg::TableLayout layout() {
    auto read = pg::read_layout(control_, table_);
    EXPECT_TRUE(read.has_value());
    return *read;
  }
  [[nodiscard]] std::string partitions() {
    return test::query(
        db_,
        "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits i "
        "JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'r'");
  }
  Result<void> finish(int year) {
    auto conn = pg::PgConn::connect(db_, std::chrono::seconds(10));
    return pg::finish_year(*conn, table_, year);
  }
  const TableInfo& table_ = test::pipeline("prices").routes.front().load.table;
};

TEST_F(Years, ArePartitionedByNewYorkTime) {
  ASSERT_TRUE(pg::ensure_years(control_, table_, layout(), {2024, 2025}));
  ASSERT_TRUE(pg::ensure_years(control_, table_, layout(), {2023, 2024, 2025})) << "again, and one more";
  EXPECT_EQ(partitions(), "stock_prices_2023 stock_prices_2024 stock_prices_2025");
  run("INSERT INTO stock_prices VALUES ('2024-12-31 05:00Z', 'A'), ('2025-01-01 05:00Z', 'A')");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices_2025"), "1");
}

TEST_F(Years, BuiltAsideAreNotSeenUntilTheyAreFinished) {
  run("CREATE INDEX ON stock_prices USING brin (\"time\")");
  ASSERT_TRUE(pg::begin_years(control_, table_, layout(), {2024, 2025}));
  ASSERT_TRUE(pg::begin_years(control_, table_, layout(), {2024, 2025})) << "again";
  EXPECT_EQ(layout().building, (std::set<int>{2024, 2025}));
  run("INSERT INTO icingest.stock_prices_building VALUES ('2024-06-03 04:00Z', 'A'), ('2025-06-03 04:00Z', 'A'), ('2025-06-03 04:00Z', 'B')");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices"), "0");
  ASSERT_TRUE(finish(2024));
  ASSERT_TRUE(finish(2024)) << "again";
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices"), "1");
  EXPECT_EQ(layout().attached, std::set<int>{2024});
  ASSERT_TRUE(finish(2025));
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices"), "3");
  EXPECT_EQ(test::query(db_, "SELECT to_regclass('icingest.stock_prices_building')"), "(null)")
      << "gone with its last year";
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM pg_index WHERE indrelid = 'stock_prices_2025'::regclass"),
            "2")
      << "every index of the table";
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM pg_constraint WHERE conname = 'icingest_year'"), "0");
}

TEST_F(Years, FinishingGoesOnWhereADeadProcessStopped) {
  ASSERT_TRUE(pg::begin_years(control_, table_, layout(), {2024}));
  run("INSERT INTO icingest.stock_prices_building VALUES ('2024-06-03 04:00Z', 'A')");
  // What the first of the two steps leaves behind.
  run("CREATE UNIQUE INDEX ON icingest.stock_prices_2024 (ticker, \"time\", \"interval\")");
  run("ALTER TABLE icingest.stock_prices_2024 ADD CONSTRAINT icingest_year CHECK (\"time\" >= '2024-01-01 05:00Z' AND \"time\" < '2025-01-01 05:00Z')");
  ASSERT_TRUE(finish(2024));
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices"), "1");
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM pg_index WHERE indrelid = 'stock_prices_2024'::regclass"),
            "1");
}

TEST_F(Years, ThatHoldARowTwiceAreUndone) {
  ASSERT_TRUE(pg::begin_years(control_, table_, layout(), {2024}));
  run("INSERT INTO icingest.stock_prices_building VALUES ('2024-06-03 04:00Z', 'A'), ('2024-06-03 04:00Z', 'A')");
  const auto finished = finish(2024);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().action, Action::restage) << finished.error().describe();
  ASSERT_TRUE(pg::undo_year(control_, table_, "prices", 2024));
  EXPECT_TRUE(layout().building.empty());
  EXPECT_EQ(test::query(db_, "SELECT count(*) FROM stock_prices"), "0");
}

TEST_F(Schema, BringsALedgerOfAnEarlierVersionUpToDate) {
  migrate();
  run("ALTER TABLE icingest.units DROP COLUMN route");
  run("UPDATE icingest.meta SET value = 'another' WHERE key = 'ledger_ddl'");
  ASSERT_TRUE(pg::create_missing(control_, checkpoint::ledger_ddl(), wanted_));
  EXPECT_EQ(
      test::query(
          db_,
          "SELECT count(*) FROM pg_attribute WHERE attrelid = 'icingest.units'::regclass AND attname = 'route'"),
      "1");
}

TEST_F(Schema, SaysWhichServerItIsAndWhetherItLasts) {
  const auto info = pg::read_server_info(control_);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->version.starts_with("15")) << info->version;
  EXPECT_EQ(pg::ephemeral_storage("/dev/shm"), "tmpfs");
  EXPECT_EQ(pg::ephemeral_storage("/proc"), "");
  EXPECT_EQ(pg::ephemeral_storage("/nonexistent"), "");
}

TEST_F(Schema, NullableColumnsThatMayNotBeNullAreADifference) {
  migrate();
  run("ALTER TABLE stock_prices ALTER COLUMN vwap SET NOT NULL");
  EXPECT_TRUE(says(check("prices"), "vwap is NOT NULL, but the source leaves it out"));
  run("ALTER TABLE stock_prices ALTER COLUMN vwap DROP NOT NULL; ALTER TABLE stock_prices ADD COLUMN mine int NOT NULL");
  EXPECT_TRUE(says(check("prices"), "mine is NOT NULL without a default"));
}

}  // namespace
}  // namespace icingest
