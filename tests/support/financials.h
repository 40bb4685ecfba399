// financials.h: `icingest financials` on a database that lists the companies a test is about.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/end_to_end.h"

namespace icingest::test {

class Financials : public EndToEnd {
 protected:
  // Ticker and company, as the ticker list would have them; company "" for none.
  using Listings = std::vector<std::pair<std::string, std::string>>;

  // A database with its schema and these tickers.
  [[nodiscard]] static pg::DbConfig database(const Listings& listings);
  static void list(const pg::DbConfig& db, const Listings& listings);
  // What the simulator's market lists.
  [[nodiscard]] static pg::DbConfig database_of(const TestSim& sim);

  // The command that asks for each company by itself.
  [[nodiscard]] static std::vector<std::string> live(std::vector<std::string> more = {});

  // Variables that send every request to the SEC to this address.
  [[nodiscard]] static Variables sec_at(const std::string& url);

  // After the day's index has appeared and before the zips are built anew: live documents, zip and indexes then say the
  // same. The simulator of the test must have begun at that time too.
  static constexpr const char* kNight = "2026-11-25T03:10:00Z";
  // Variables that make the binary use the simulator at that time.
  [[nodiscard]] static Variables at_night(const TestSim& sim);

  // Rows and hash of each of the three tables: what "the same tables" means.
  [[nodiscard]] static std::string tables(const pg::DbConfig& db);
  // What a rerun must leave alone: the tables with surrogate keys, times and row versions.
  [[nodiscard]] static std::string bytes_of(const pg::DbConfig& db);
};

}  // namespace icingest::test
