// test_sim.h: the simulator on a free port, in a thread of the test.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "core/clock.h"
#include "icingest/calendar.h"
#include "sim/simulator.h"

namespace icingest::test {

class TestSim {
 public:
  explicit TestSim(sim::SimOptions options) {
    if (options.from == Date{}) options.from = make_date(2025, 1, 2);
    if (options.to == Date{}) options.to = nyse::last_closed_session(clock_.now());
    auto simulator = sim::Simulator::listen(options, clock_);
    EXPECT_TRUE(simulator.has_value()) << simulator.error().describe();
    simulator_ = std::move(*simulator);
    thread_ = std::thread([this] { simulator_->serve(); });
  }
  ~TestSim() {
    simulator_->stop();
    thread_.join();
  }
  TestSim(const TestSim&) = delete;
  TestSim& operator=(const TestSim&) = delete;

  [[nodiscard]] std::string url() const { return simulator_->base_url(); }
  [[nodiscard]] int port() const { return simulator_->port(); }
  [[nodiscard]] const sim::Market& market() const { return simulator_->market(); }
  // Variables that make the binary use it.
  [[nodiscard]] std::map<std::string, std::string> environment() const {
    return {{"POLYGON_BASE_URL", url()}, {"POLYGON_API_KEY", "test-key-1234"}};
  }
  // The same, and the keys of the flat files.
  [[nodiscard]] std::map<std::string, std::string> environment_with_files() const {
    std::map<std::string, std::string> variables = environment();
    variables["POLYGON_S3_ENDPOINT"] = url();
    variables["POLYGON_S3_ACCESS_KEY_ID"] = sim::kBuiltInKey;
    variables["POLYGON_S3_SECRET_ACCESS_KEY"] = sim::kBuiltInSecret;
    return variables;
  }
  // The first, and the SEC.
  [[nodiscard]] std::map<std::string, std::string> environment_with_sec() const {
    std::map<std::string, std::string> variables = environment();
    variables["SEC_DATA_URL"] = url();
    variables["SEC_WWW_URL"] = url();
    variables["SEC_USER_AGENT"] = "Example Company admin@example.com";
    return variables;
  }
  [[nodiscard]] const sim::SecFilers& filers() const { return simulator_->filers(); }
  // A number of /__sim/stats by name, asked over HTTP as anybody would.
  [[nodiscard]] std::int64_t stat(const std::string& name) const;

 private:
  SystemClock clock_;
  std::unique_ptr<sim::Simulator> simulator_;
  std::thread thread_;
};

// GET over a fresh connection; the body.
[[nodiscard]] std::string http_get(const std::string& url);

}  // namespace icingest::test
