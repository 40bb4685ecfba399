// end_to_end.h: the binary against a real server and the simulator, and what must be true afterwards.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/test_server.h"
#include "support/test_sim.h"

namespace icingest::test {

class EndToEnd : public ::testing::Test {
 protected:
  using Variables = std::map<std::string, std::string>;

  // The binary on this database; "--json --progress none" and the simulator's variables come with it.
  [[nodiscard]] static std::vector<std::string> command(const pg::DbConfig& db,
                                                        const std::vector<std::string>& arguments);
  [[nodiscard]] static Finished run(const pg::DbConfig& db, const Variables& variables,
                                    const std::vector<std::string>& arguments);
  // A number in the JSON of a finished run: number(finished, "written").
  [[nodiscard]] static std::int64_t number(const Finished& finished, const std::string& name);
  // Runs until it says complete, at most `rounds` times.
  static void complete(const pg::DbConfig& db, const Variables& variables,
                       const std::vector<std::string>& arguments, int rounds = 1);
  // `icingest verify` agrees: what the ledger says is in the tables, years under construction included.
  static void expect_proved(const pg::DbConfig& db);
  // The same, and no temporary or half-made thing is left.
  static void expect_verified(const pg::DbConfig& db);
};

// ICINGEST_ROUNDS, or `fallback`: how often the expensive loops go round.
[[nodiscard]] int rounds(int fallback);

}  // namespace icingest::test
