#include "pg/db_config.h"

#include <gtest/gtest.h>

namespace icingest::pg {
namespace {

TEST(DbConfig, BothEndsNoticeWithinHalfAMinuteThatTheOtherIsGone) {
  const DbConfig config = DbConfig{.parameters = {{"host", "db"}}}.with_session_settings();
  EXPECT_EQ(config.parameters.at("keepalives_idle"), "10");
  EXPECT_EQ(config.parameters.at("keepalives_interval"), "5");
  EXPECT_EQ(config.parameters.at("keepalives_count"), "4");
  EXPECT_EQ(config.parameters.at("tcp_user_timeout"), "30000");
  EXPECT_NE(config.parameters.at("options").find("-c tcp_keepalives_idle=10"), std::string::npos);
}

TEST(DbConfig, WhatTheUserSaysAboutItStays) {
  const DbConfig config = DbConfig{.parameters = {{"keepalives_idle", "60"},
                                                  {"connect_timeout", "3"},
                                                  {"options", "-c tcp_keepalives_idle=90"}}}
                              .with_session_settings();
  EXPECT_EQ(config.parameters.at("keepalives_idle"), "60");
  EXPECT_EQ(config.parameters.at("connect_timeout"), "3");
  EXPECT_EQ(config.parameters.at("options").find("tcp_keepalives_idle=10"), std::string::npos);
}

}  // namespace
}  // namespace icingest::pg
