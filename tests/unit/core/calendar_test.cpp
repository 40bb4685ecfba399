#include "icingest/calendar.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "support/shared_data.h"

namespace icingest {
namespace {

TEST(Calendar, KnowsTheClosuresNoRuleGives) {
  for (const auto& [y, m, d] : {std::tuple{2001, 9U, 11U},
                                {2001, 9U, 14U},
                                {2004, 6U, 11U},
                                {2007, 1U, 2U},
                                {2012, 10U, 29U},
                                {2012, 10U, 30U},
                                {2018, 12U, 5U},
                                {2025, 1U, 9U}}) {
    EXPECT_FALSE(nyse::is_session(make_date(y, m, d))) << y << "-" << m << "-" << d;
  }
}

TEST(Calendar, ObservesHolidaysAsTheExchangeDoes) {
  EXPECT_FALSE(nyse::is_session(make_date(2022, 6, 20)));   // Juneteenth, a Sunday, kept on Monday
  EXPECT_TRUE(nyse::is_session(make_date(2021, 6, 18)));    // not yet kept
  EXPECT_FALSE(nyse::is_session(make_date(2020, 7, 3)));    // 4 July is a Saturday
  EXPECT_TRUE(nyse::is_session(make_date(2021, 12, 31)));   // New Year's Day is a Saturday: not kept
  EXPECT_FALSE(nyse::is_session(make_date(2023, 1, 2)));    // New Year's Day is a Sunday
  EXPECT_FALSE(nyse::is_session(make_date(2021, 12, 24)));  // Christmas is a Saturday
  EXPECT_FALSE(nyse::is_session(make_date(2019, 4, 19)));   // Good Friday
  EXPECT_FALSE(nyse::is_session(make_date(2026, 11, 26)));  // Thanksgiving
  EXPECT_TRUE(nyse::is_session(make_date(2026, 11, 27)));
}

TEST(Calendar, ClosesEarlyWhereTheExchangeDoes) {
  const auto hour_of_close = [](int y, unsigned m, unsigned d) {
    const Date date = make_date(y, m, d);
    return std::chrono::duration_cast<std::chrono::hours>(nyse::close_of(date) - new_york::midnight(date))
        .count();
  };
  EXPECT_EQ(hour_of_close(2020, 11, 27), 13);
  EXPECT_EQ(hour_of_close(2020, 12, 24), 13);
  EXPECT_EQ(hour_of_close(2025, 7, 3), 13);
  EXPECT_EQ(hour_of_close(2020, 12, 23), 16);
  EXPECT_EQ(hour_of_close(2020, 7, 2), 16);
}

TEST(Calendar, LastClosedSessionWaitsForTheClose) {
  const Date friday = make_date(2026, 11, 20);
  EXPECT_EQ(nyse::last_closed_session(nyse::close_of(friday)), friday);
  EXPECT_EQ(nyse::last_closed_session(nyse::close_of(friday) - std::chrono::microseconds(1)),
            make_date(2026, 11, 19));
  EXPECT_EQ(nyse::last_closed_session(*parse_instant("2026-11-22T18:00:00Z")), friday);
  // 13:30 New York
  EXPECT_EQ(nyse::last_closed_session(*parse_instant("2026-11-27T18:30:00Z")), make_date(2026, 11, 27));
}

TEST(Calendar, TenYearsAreThe2513SessionsOfThePlan) {
  EXPECT_EQ(nyse::sessions(make_date(2016, 11, 22), make_date(2026, 11, 20)).size(), 2513U);
}

// Dates of a recorded daily series, from the first column that parses as one.
std::set<Date> recorded_dates(const std::string& csv) {
  std::set<Date> dates;
  std::istringstream in(csv);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) {
      if (const auto date = parse_date(std::string_view(field).substr(0, 10))) {
        dates.insert(*date);
        break;
      }
    }
  }
  return dates;
}

TEST(Calendar, AgreesWithTwentyYearsOfRecordedSessions) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::set<Date> recorded = recorded_dates(test::read_shared("ohlcv/SPY_D.csv.gz"));
  ASSERT_GT(recorded.size(), 5000U);
  const auto ours = nyse::sessions(*recorded.begin(), *recorded.rbegin());
  EXPECT_EQ(std::set<Date>(ours.begin(), ours.end()), recorded);
}

TEST(Calendar, AgreesWithTheRecordedReturnsSince1993) {
  ICINGEST_NEEDS_SHARED_DATA();
  const std::set<Date> recorded = recorded_dates(test::read_shared("ohlcv/SPY_benchmark_returns.csv.gz"));
  ASSERT_GT(recorded.size(), 6000U);
  const auto sessions = nyse::sessions(*recorded.begin(), *recorded.rbegin());
  const std::set<Date> ours(sessions.begin(), sessions.end());
  for (const Date date : recorded) EXPECT_TRUE(ours.contains(date)) << to_string(date);
  for (const Date date : ours) EXPECT_TRUE(recorded.contains(date)) << to_string(date) << " is ours alone";
}

}  // namespace
}  // namespace icingest
