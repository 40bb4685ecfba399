// A run as Prometheus sees it: scraped while it works, through an outage of its database, and after it.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <set>
#include <sstream>
#include <thread>

#include "core/text.h"
#include "support/end_to_end.h"

namespace icingest {
namespace {

using test::Finished;
using test::Process;

// Series of a scrape, "name{labels}" → value.
std::map<std::string, double> parse(const std::string& text) {
  std::map<std::string, double> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t blank = line.rfind(' ');
    const bool is_new =
        series.emplace(line.substr(0, blank), std::strtod(line.c_str() + blank, nullptr)).second;
    EXPECT_TRUE(is_new) << "twice in one scrape: " << line;
  }
  return series;
}

class MonitoredRun : public test::EndToEnd {
 protected:
  using Series = std::map<std::string, double>;

  // The address that the process says it serves; it must say it within ten seconds.
  static std::string address_of(const Process& process) {
    const std::string mark = "metrics at http://";
    for (int i = 0; i < 1000; ++i) {
      const std::string log = process.err_so_far();
      const std::size_t at = log.find(mark);
      if (at != std::string::npos && log.find("/metrics", at) != std::string::npos)
        return log.substr(at + 11, log.find("/metrics", at) - at - 11);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "no address in: " << process.err_so_far();
    return "http://127.0.0.1:1";
  }
  // Scrapes until `is_there` holds of one.
  template <class Condition>
  static Series scrape_until(const std::string& address, const char* what, Condition is_there) {
    Series series;
    for (int i = 0; i < 600; ++i) {
      series = parse(test::http_get(address + "/metrics"));
      if (is_there(series)) return series;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "never: " << what;
    return series;
  }
  static double at(const Series& series, const std::string& name) {
    const auto found = series.find(name);
    if (found == series.end()) ADD_FAILURE() << "no series " << name;
    return found == series.end() ? -1 : found->second;
  }
};

TEST_F(MonitoredRun, CountsInAScrapeWhatTheReportSays) {
  const test::TestSim sim(
      {.seed = 3, .tickers = 30, .from = make_date(2022, 1, 3), .massive_limit = {.permits = 150}});
  const pg::DbConfig db = test::TestServer::instance().create_database();
  complete(db, sim.environment(), {"tickers"});
  // Fifteen seconds at this rate: long enough to be looked at, whatever else the machine does.
  Process process(command(db, {"prices", "--years", "2", "--strategy", "grouped", "--rate", "massive=33/s",
                               "--metrics-listen", "127.0.0.1:0"}),
                  sim.environment());
  const std::string address = address_of(process);
  const Series early = scrape_until(address, "a run that the quota holds back", [](const Series& series) {
    const auto is_above = [&](const char* name, double limit) {
      const auto found = series.find(name);
      return found != series.end() && found->second > limit;
    };
    return is_above("icingest_units_total{pipeline=\"prices\",state=\"done\"}", 20) &&
           is_above("icingest_ledger_units{pipeline=\"prices\",state=\"done\"}", 0) &&
           is_above("icingest_run_limited_by{pipeline=\"prices\",limit=\"quota\"}", 0) &&
           is_above("icingest_quota_waiting_requests{pipeline=\"prices\",source=\"massive\"}", 0) &&
           is_above("icingest_memory_held_bytes{pipeline=\"prices\"}", 0);
  });
  EXPECT_EQ(at(early, "icingest_run_active{pipeline=\"prices\"}"), 1);
  EXPECT_EQ(at(early, "icingest_database_up"), 1);
  EXPECT_EQ(at(early, "icingest_quota_limit_permits{pipeline=\"prices\",source=\"massive\"}"), 33);
  EXPECT_EQ(test::http_get(address + "/readyz"), "ok\n");
  EXPECT_EQ(test::http_get(address + "/healthz"), "ok\n");

  // Counters never go back, and the newest scrape is never ahead of the report.
  Series last = early;
  while (process.running()) {
    Series now = parse(test::http_get(address + "/metrics"));
    for (const auto& [name, value] : last) {
      const bool counts = name.find("_total") != std::string::npos && now.contains(name);
      EXPECT_TRUE(!counts || now[name] >= value) << name;
    }
    last = std::move(now);
    const double planned = at(last, "icingest_run_units_planned{pipeline=\"prices\"}");
    // Seconds before its end, so that no scrape meets a process that is gone.
    if (at(last, "icingest_units_total{pipeline=\"prices\",state=\"done\"}") + 150 > planned) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const Finished finished = process.wait();
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto written = static_cast<double>(number(finished, "written"));
  EXPECT_LE(at(last, "icingest_rows_total{pipeline=\"prices\",result=\"written\"}"), written);
  EXPECT_GT(at(last, "icingest_rows_total{pipeline=\"prices\",result=\"written\"}"), written / 2);
  EXPECT_LE(at(last, "icingest_requests_total{pipeline=\"prices\",source=\"massive\",outcome=\"success\"}"),
            static_cast<double>(number(finished, "requests")));
  EXPECT_EQ(at(last, "icingest_run_units_planned{pipeline=\"prices\"}"),
            static_cast<double>(number(finished, "total")));
}

TEST_F(MonitoredRun, IsSeenInTheLedgerByAMonitorThatRunsNothing) {
  const test::TestSim sim({.seed = 3, .tickers = 20});
  const pg::DbConfig db = test::TestServer::instance().create_database();
  Process monitor(command(db, {"monitor", "--metrics-listen", "127.0.0.1:0"}), {});
  const std::string address = address_of(monitor);
  Series series = scrape_until(address, "a database without a ledger",
                               [](const Series& seen) { return seen.contains("icingest_ledger_exists"); });
  EXPECT_EQ(at(series, "icingest_ledger_exists"), 0);
  EXPECT_FALSE(series.contains("icingest_ledger_rows{pipeline=\"prices\"}"));

  const Finished loaded = run(db, sim.environment(), {"prices", "--years", "1"});
  ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  series = scrape_until(address, "the end of the run", [](const Series& seen) {
    return seen.contains("icingest_ledger_last_run_exit_code{pipeline=\"prices\"}");
  });
  EXPECT_EQ(at(series, "icingest_ledger_last_run_exit_code{pipeline=\"prices\"}"), 0);
  EXPECT_EQ(at(series, "icingest_ledger_rows{pipeline=\"prices\"}"),
            std::stod(test::query(db, "SELECT count(*) FROM stock_prices")));
  EXPECT_EQ(at(series, "icingest_ledger_newest_session_timestamp_seconds{pipeline=\"prices\"}"),
            std::stod(test::query(db, "SELECT extract(epoch FROM max(time)) FROM stock_prices")));
  EXPECT_EQ(at(series, "icingest_ledger_last_commit_timestamp_seconds{pipeline=\"prices\"}") > 0, true);
  EXPECT_FALSE(series.contains("icingest_ledger_overdue_since_timestamp_seconds{pipeline=\"prices\"}"));
  EXPECT_FALSE(series.contains("icingest_run_active{pipeline=\"prices\"}"));

  monitor.signal(SIGTERM);
  const Finished finished = monitor.wait(std::chrono::seconds(10));
  EXPECT_EQ(finished.exit_code, 0) << "to be stopped is how a monitor ends: " << finished.err;
}

TEST_F(MonitoredRun, TellsThatItsDatabaseIsAwayAndBack) {
  const pg::DbConfig db = test::TestServer::instance().create_database();
  Process monitor(command(db, {"monitor", "--metrics-listen", "127.0.0.1:0"}), {});
  const std::string address = address_of(monitor);
  const auto up = [](double wanted) {
    return [wanted](const Series& series) {
      const auto found = series.find("icingest_database_up");
      return found != series.end() && found->second == wanted;
    };
  };
  scrape_until(address, "the database is up", up(1));
  test::TestServer::instance().stop("immediate");
  scrape_until(address, "the database is away", up(0));
  EXPECT_NE(test::http_get(address + "/readyz"), "ok\n");
  EXPECT_EQ(test::http_get(address + "/healthz"), "ok\n")
      << "restarting us would not bring the database back";
  test::TestServer::instance().start();
  scrape_until(address, "the database is back", up(1));
  EXPECT_EQ(test::http_get(address + "/readyz"), "ok\n");
}

TEST_F(MonitoredRun, RefusesAnAddressItCannotHaveBeforeItDoesAnything) {
  const pg::DbConfig db = test::TestServer::instance().create_database();
  const Finished finished = run(db, {{"POLYGON_API_KEY", "k"}}, {"prices", "--metrics-listen", "nowhere:80"});
  EXPECT_EQ(finished.exit_code, 2) << finished.err;
  EXPECT_EQ(test::query(db, "SELECT to_regclass('icingest.units')"), "(null)");
}

}  // namespace
}  // namespace icingest
