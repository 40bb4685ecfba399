#include "support/financials.h"

#include <fmt/format.h>

namespace icingest::test {
namespace {

constexpr const char* kStatements =
    "to_jsonb(t) - 'id' - 'created_at' - 'updated_at' - 'raw_data' - 'pe_ratio' - 'pb_ratio' - 'ps_ratio'";

std::string lines(const pg::DbConfig& db, const std::string& row, const std::string& table) {
  return query(db, fmt::format("SELECT coalesce(string_agg(line, E'\\n' ORDER BY line), '') FROM "
                               "(SELECT ({})::text AS line FROM {} AS t) AS rows",
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
  complete(db, sim.environment(), {"tickers"});
  return db;
}

void Financials::list(const pg::DbConfig& db, const Listings& listings) {
  for (const auto& [symbol, cik] : listings) {
    query(db, fmt::format("INSERT INTO tickers (symbol, name, asset_type, active, cik) "
                          "VALUES ('{0}', '{0}', 'CS', true, nullif('{1}', ''))",
                          symbol, cik));
  }
}

EndToEnd::Variables Financials::sec_at(const std::string& url) {
  return {{"SEC_DATA_URL", url}, {"SEC_WWW_URL", url}, {"SEC_USER_AGENT", "Example Company admin@example.com"}};
}

std::string Financials::tables(const pg::DbConfig& db) {
  return lines(db, "to_jsonb(t)", "financial_facts") + "\n--\n" + lines(db, kStatements, "financials") + "\n--\n" +
         lines(db, "to_jsonb(t) - 'found_at'", "icingest.findings");
}

std::string Financials::bytes_of(const pg::DbConfig& db) {
  std::string all;
  for (const char* table : {"financial_facts", "financials", "icingest.findings"})
    all += lines(db, "to_jsonb(t) || jsonb_build_object('xmin', t.xmin::text, 'ctid', t.ctid::text)", table);
  return all;
}

}  // namespace icingest::test
