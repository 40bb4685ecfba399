#include "pg/sqlstate.h"

#include <gtest/gtest.h>

#include "pg/db_config.h"
#include "pg/identifier.h"

namespace icingest::pg {
namespace {

TEST(SqlState, HoldsEveryRow) {
  struct Case {
    const char* code;
    Action action;
    ExitCode exit;
  };
  for (const Case& one :
       {Case{"", Action::reconnect, ExitCode::later},   {"08000", Action::reconnect, ExitCode::later},
        {"08006", Action::reconnect, ExitCode::later},  {"08P01", Action::fail_run, ExitCode::internal},
        {"0A000", Action::fail_run, ExitCode::person},  {"22003", Action::fail_unit, ExitCode::later},
        {"22021", Action::fail_unit, ExitCode::later},  {"23502", Action::fail_unit, ExitCode::later},
        {"23505", Action::restage, ExitCode::later},    {"23514", Action::fail_unit, ExitCode::later},
        {"25006", Action::fail_run, ExitCode::person},  {"25P02", Action::retry, ExitCode::later},
        {"25P03", Action::reconnect, ExitCode::later},  {"28P01", Action::fail_run, ExitCode::person},
        {"3D000", Action::fail_run, ExitCode::person},  {"3F000", Action::fail_run, ExitCode::person},
        {"40001", Action::retry, ExitCode::later},      {"40P01", Action::retry, ExitCode::later},
        {"40003", Action::in_doubt, ExitCode::later},   {"42501", Action::fail_run, ExitCode::person},
        {"42703", Action::fail_run, ExitCode::person},  {"42P01", Action::fail_run, ExitCode::person},
        {"53100", Action::fail_run, ExitCode::person},  {"53200", Action::retry, ExitCode::later},
        {"53300", Action::reconnect, ExitCode::later},  {"53400", Action::fail_run, ExitCode::person},
        {"54000", Action::fail_run, ExitCode::person},  {"55006", Action::retry, ExitCode::later},
        {"55P03", Action::retry, ExitCode::later},      {"57014", Action::retry, ExitCode::later},
        {"57P01", Action::reconnect, ExitCode::later},  {"57P02", Action::reconnect, ExitCode::later},
        {"57P03", Action::reconnect, ExitCode::later},  {"57P04", Action::fail_run, ExitCode::person},
        {"58030", Action::fail_run, ExitCode::person},  {"58P01", Action::fail_run, ExitCode::person},
        {"P0001", Action::fail_unit, ExitCode::later},  {"XX000", Action::fail_run, ExitCode::internal},
        {"XX001", Action::fail_run, ExitCode::person},  {"XX002", Action::fail_run, ExitCode::person},
        {"ZZZZZ", Action::fail_run, ExitCode::internal}}) {
    const SqlVerdict verdict = judge_sqlstate(one.code);
    EXPECT_EQ(verdict.action, one.action) << one.code;
    EXPECT_EQ(verdict.exit, one.exit) << one.code;
    EXPECT_FALSE(verdict.exit == ExitCode::person && verdict.remedy.empty())
        << one.code << ": what is the person to do?";
  }
}

TEST(DbConfig, ReadsUrisAndKeepsThePasswordToItself) {
  const auto config =
      DbConfig::from_uri("postgresql://someone:hunter22@db.example:5433/market?sslmode=require");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->display(), "someone@db.example:5433/market");
  EXPECT_EQ(config->parameters.at("password"), "hunter22");
  EXPECT_EQ(config->parameters.at("sslmode"), "require");
  const auto bad = DbConfig::from_uri("postgresql://someone:hunter22@db/x?nonsense=1");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().exit, ExitCode::usage);
  EXPECT_EQ(bad.error().message.find("hunter22"), std::string::npos);
}

TEST(Identifier, QuotesWhateverComes) {
  EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_text("it's"), "'it''s'");
  EXPECT_EQ(array_literal({"a", "b,c", "d\"e\\f", ""}), R"({"a","b,c","d\"e\\f",""})");
}

}  // namespace
}  // namespace icingest::pg
