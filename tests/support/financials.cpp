#include "support/financials.h"

#include <fmt/format.h>

namespace icingest::test {
namespace {

constexpr const char* kStatements =
    "to_jsonb(t) - 'id' - 'created_at' - 'updated_at' - 'raw_data' - 'pe_ratio' - 'pb_ratio' - 'ps_ratio'";

// Number and sum of the hashes of a table's rows: equal for equal sets, whatever their order, without moving them.
std::string sum_of(const pg::DbConfig& db, const std::string& row, const std::string& table) {
  return query(
      db,
      fmt::format("SELECT count(*) || ' rows ' || coalesce(sum(hashtextextended(({})::text, 0)::numeric), 0) "
                  "FROM {} AS t",
                  row, table));
}

}  // namespace

pg::DbConfig Financials::database(const Listings& listings) {
  const pg::DbConfig db = TestServer::instance().create_database();
  const Finished migrated = run(db, {}, {"migrate"});
  EXPECT_EQ(migrated.exit_code, 0) << migrated.out << migrated.err;
  list(db, listings);
  return db;
}

pg::DbConfig Financials::database_of(const TestSim& sim) {
  const pg::DbConfig db = TestServer::instance().create_database();
  complete(db, at_night(sim), {"tickers"});
  return db;
}

void Financials::list(const pg::DbConfig& db, const Listings& listings) {
  for (const auto& [symbol, cik] : listings) {
    query(db, fmt::format("INSERT INTO tickers (symbol, name, asset_type, active, cik) "
                          "VALUES ('{0}', '{0}', 'CS', true, nullif('{1}', ''))",
                          symbol, cik));
  }
}

std::vector<std::string> Financials::live(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"financials", "--strategy", "live", "--rate", "sec=100/s"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

EndToEnd::Variables Financials::sec_at(const std::string& url) {
  return {
      {"SEC_DATA_URL", url}, {"SEC_WWW_URL", url}, {"SEC_USER_AGENT", "Example Company admin@example.com"}};
}

EndToEnd::Variables Financials::at_night(const TestSim& sim) {
  Variables variables = sim.environment_with_sec();
  variables["ICINGEST_NOW"] = kNight;
  return variables;
}

std::string Financials::tables(const pg::DbConfig& db) {
  return "facts " + sum_of(db, "to_jsonb(t)", "financial_facts") + "\nstatements " +
         sum_of(db, kStatements, "financials") + "\nfindings " +
         sum_of(db, "to_jsonb(t) - 'found_at'", "icingest.findings");
}

std::string Financials::bytes_of(const pg::DbConfig& db) {
  std::string all;
  for (const char* table : {"financial_facts", "financials", "icingest.findings"})
    all += sum_of(db, "to_jsonb(t) || jsonb_build_object('xmin', t.xmin::text, 'ctid', t.ctid::text)", table);
  return all;
}

}  // namespace icingest::test
