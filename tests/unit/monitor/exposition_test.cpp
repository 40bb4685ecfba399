// What Prometheus is given: names as its conventions want them, and as the documentation says.
#include "monitor/exposition.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "icingest/source.h"

namespace icingest::monitor {
namespace {

std::string documentation() {
  std::ifstream in(ICINGEST_SOURCE_DIR "/docs/operations.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

RunView busy_run() {
  RunView run{.pipeline = "prices",
              .run_id = "one",
              .limit = run::Limit::quota,
              .rows_written = 12,
              .rows_rejected = 3,
              .units_planned = 10,
              .units_done = 4,
              .units_failed = 1,
              .queue_bytes = 4096};
  std::array<std::int64_t, kVerdicts + 2> outcomes{};
  outcomes.at(static_cast<std::size_t>(Verdict::success)) = 7;
  outcomes.at(static_cast<std::size_t>(Verdict::retry)) = 2;
  outcomes.at(static_cast<std::size_t>(Verdict::throttled)) = 1;
  outcomes.at(static_cast<std::size_t>(Verdict::stop_source)) = 3;
  outcomes.at(kNoAnswer) = 5;
  run.sources.push_back({.source = "massive",
                         .outcomes = outcomes,
                         .permits = 15,
                         .waiting = 31,
                         .limit_permits = 100,
                         .limit_window_seconds = 1});
  return run;
}

// The value of a line "NAME{LABELS} VALUE"; "absent" when there is none.
std::string value_of(const std::string& text, const std::string& series) {
  const std::size_t at = text.find("\n" + series + " ");
  if (at == std::string::npos) return "absent";
  const std::size_t begin = at + series.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST(Exposition, NamesFollowTheConventions) {
  const std::regex valid("(icingest|process)(_[a-z0-9]+)+");
  std::set<std::string> seen;
  for (const prometheus::MetricFamily& family : every_family()) {
    EXPECT_TRUE(std::regex_match(family.name, valid)) << family.name;
    EXPECT_TRUE(seen.insert(family.name).second) << family.name << " twice";
    EXPECT_EQ(family.type == prometheus::MetricType::Counter, family.name.ends_with("_total")) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    for (const char* unit : {"_ms", "_us", "_milliseconds", "_mb", "_kb"})
      EXPECT_EQ(family.name.find(unit), std::string::npos) << family.name << " is not in a base unit";
    std::set<std::vector<std::pair<std::string, std::string>>> series;
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::vector<std::pair<std::string, std::string>> labels;
      for (const auto& label : metric.label) labels.emplace_back(label.name, label.value);
      EXPECT_TRUE(series.insert(labels).second) << family.name << " has a series twice";
    }
  }
}

TEST(Exposition, AndDocumentationNameTheSameMetrics) {
  const std::string text = documentation();
  std::set<std::string> exposed;
  for (const prometheus::MetricFamily& family : every_family()) {
    exposed.insert(family.name);
    EXPECT_NE(text.find("`" + family.name + "`"), std::string::npos)
        << family.name << " is not in docs/operations.md";
  }
  const std::regex name("`(icingest_[a-z0-9_]+)`");
  for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at)
    EXPECT_TRUE(exposed.contains((*at)[1])) << (*at)[1] << " is documented, but not there";
}

TEST(Exposition, SaysWhatARunDoesAndWhatHoldsItBack) {
  const std::string text = to_text(families({.version = "1.2.3", .runs = {busy_run()}}));
  EXPECT_EQ(value_of(text, "icingest_build_info{version=\"1.2.3\"}"), "1");
  const std::string requests = "icingest_requests_total{pipeline=\"prices\",source=\"massive\",outcome=";
  EXPECT_EQ(value_of(text, requests + "\"success\"}"), "7");
  EXPECT_EQ(value_of(text, requests + "\"throttled\"}"), "1");
  EXPECT_EQ(value_of(text, requests + "\"stopped_source\"}"), "3");
  EXPECT_EQ(value_of(text, requests + "\"no_answer\"}"), "5");
  EXPECT_EQ(value_of(text, "icingest_quota_waiting_requests{pipeline=\"prices\",source=\"massive\"}"), "31");
  EXPECT_EQ(value_of(text, "icingest_rows_total{pipeline=\"prices\",result=\"rejected\"}"), "3");
  EXPECT_EQ(value_of(text, "icingest_units_total{pipeline=\"prices\",state=\"failed\"}"), "1");
  EXPECT_EQ(value_of(text, "icingest_run_limited_by{pipeline=\"prices\",limit=\"quota\"}"), "1");
  EXPECT_EQ(value_of(text, "icingest_run_limited_by{pipeline=\"prices\",limit=\"network\"}"), "0");
  EXPECT_EQ(value_of(text, "icingest_load_queue_bytes{pipeline=\"prices\"}"), "4096");
}

TEST(Exposition, KeepsTheCountsOfARunThatIsOverAndNothingElseOfIt) {
  RunView run = busy_run();
  run.active = false;
  const std::string text = to_text(families({.runs = {run}}));
  EXPECT_EQ(value_of(text, "icingest_run_active{pipeline=\"prices\"}"), "0");
  EXPECT_EQ(value_of(text, "icingest_rows_total{pipeline=\"prices\",result=\"written\"}"), "12");
  EXPECT_EQ(text.find("icingest_run_limited_by"), std::string::npos);
  EXPECT_EQ(text.find("icingest_memory_held_bytes"), std::string::npos);
}

TEST(Exposition, SaysNothingOfADatabaseThatWasNeverReached) {
  EXPECT_EQ(to_text(families({})).find("icingest_database_up"), std::string::npos) << "not looked at yet";
  const std::string text = to_text(families({.database = DatabaseView{.up = false, .problem = "refused"}}));
  EXPECT_EQ(value_of(text, "icingest_database_up"), "0");
  EXPECT_EQ(text.find("icingest_ledger"), std::string::npos);
}

TEST(Exposition, KeepsWhatItKnewOfADatabaseThatWentAway) {
  const run::PipelineStatus status{.pipeline = "prices", .units = {{"done", 5}}, .rows = 70};
  const std::string text =
      to_text(families({.database = DatabaseView{.up = false, .version = "15.1", .pipelines = {status}}}));
  EXPECT_EQ(value_of(text, "icingest_database_up"), "0");
  EXPECT_EQ(value_of(text, "icingest_ledger_rows{pipeline=\"prices\"}"), "70");
  EXPECT_EQ(value_of(text, "icingest_ledger_units{pipeline=\"prices\",state=\"failed\"}"), "0")
      << "a state without units is zero, not absent";
  EXPECT_EQ(value_of(text, "icingest_ledger_overdue_since_timestamp_seconds{pipeline=\"prices\"}"), "absent");
}

TEST(Exposition, EscapesWhatALabelMayNotHold) {
  RunView run = busy_run();
  run.run_id = "a\"b\\c\nd";
  const std::string text = to_text(families({.version = "1", .runs = {run}}));
  EXPECT_NE(text.find(R"(run_id="a\"b\\c\nd")"), std::string::npos) << text;
}

TEST(Overdue, IsSinceTheCloseOfTheFirstMissingSession) {
  const Date friday = make_date(2026, 11, 20);
  const auto at = [](const char* instant) { return *parse_instant(instant); };
  const auto since = [&](const char* now) -> std::string {
    const auto found = run::overdue_since(friday, at(now));
    return found ? to_string(*found) : "not";
  };
  EXPECT_EQ(since("2026-11-22T12:00:00Z"), "not") << "nothing closes on a weekend";
  EXPECT_EQ(since("2026-11-23T20:59:59Z"), "not");
  EXPECT_EQ(since("2026-11-23T21:00:00Z"), "2026-11-23T21:00:00Z");
  EXPECT_EQ(since("2026-11-26T12:00:00Z"), "2026-11-23T21:00:00Z") << "the first, not the last";
  // Wednesday before Thanksgiving: the next session is Friday's, which closes early.
  EXPECT_EQ(to_string(*run::overdue_since(make_date(2026, 11, 25), at("2026-11-30T00:00:00Z"))),
            "2026-11-27T18:00:00Z");
}

}  // namespace
}  // namespace icingest::monitor
