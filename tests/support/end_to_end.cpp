#include "support/end_to_end.h"

#include <cstdlib>

#include "core/text.h"

namespace icingest::test {

std::vector<std::string> EndToEnd::command(const pg::DbConfig& db,
                                           const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {icingest_binary()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  for (const std::string& option : {std::string("--json"), std::string("--progress"), std::string("none"),
                                    std::string("--db"), to_uri(db)}) {
    argv.push_back(option);
  }
  return argv;
}

Finished EndToEnd::run(const pg::DbConfig& db, const Variables& variables,
                       const std::vector<std::string>& arguments) {
  // Against a source that fails two requests in three a run spends minutes in pauses.
  return Process(command(db, arguments), variables).wait(std::chrono::minutes(6));
}

std::int64_t EndToEnd::number(const Finished& finished, const std::string& name) {
  const std::string mark = "\"" + name + "\":";
  const std::size_t at = finished.out.find(mark);
  if (at == std::string::npos) {
    ADD_FAILURE() << "no " << name << " in: " << finished.out << finished.err;
    return -1;
  }
  const std::string_view rest = std::string_view(finished.out).substr(at + mark.size());
  return text::parse_int(rest.substr(0, rest.find_first_of(",}."))).value_or(-1);
}

void EndToEnd::complete(const pg::DbConfig& db, const Variables& variables,
                        const std::vector<std::string>& arguments, int rounds) {
  Finished finished;
  for (int round = 0; round < rounds; ++round) {
    finished = run(db, variables, arguments);
    if (finished.exit_code == 0) return;
  }
  FAIL() << "exit code " << finished.exit_code << " after " << rounds << " rounds: " << finished.out
         << finished.err;
}

void EndToEnd::expect_proved(const pg::DbConfig& db) {
  const Finished verified = run(db, {}, {"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_EQ(number(verified, "different"), 0) << verified.out;
}

void EndToEnd::expect_verified(const pg::DbConfig& db) {
  expect_proved(db);
  EXPECT_EQ(query(db, "SELECT to_regclass('icingest.stock_prices_building')"), "(null)")
      << "a year is still under construction";
  EXPECT_EQ(
      query(
          db,
          "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
          "WHERE c.relname LIKE 'icingest\\_%' AND n.nspname <> 'icingest' AND n.nspname NOT LIKE 'pg\\_temp%'"),
      "0");
}

int rounds(int fallback) {
  const char* given = std::getenv("ICINGEST_ROUNDS");
  return given == nullptr ? fallback : static_cast<int>(text::parse_int(given).value_or(fallback));
}

}  // namespace icingest::test
