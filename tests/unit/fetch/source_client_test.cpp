// What many failures say: that a source is away, or that one request of it cannot be served.
#include "fetch/source_client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "icingest/massive.h"
#include "support/http_imposter.h"

namespace icingest::fetch {
namespace {

// A client of a source that answers HTTP 500 to everything under /bad.
class Client {
 public:
  Client() {
    SourceConfig config{.source = massive::source(), .base_url = imposter_.url(), .limit = limit_};
    client_.emplace(std::move(config), http_, throttle_, clock_, metrics_, buffers_);
  }
  ~Client() {
    throttle_.close();
    http_.abort_all();
    io_.restart();
    io_.run();
  }
  void get(const std::string& path) {
    const auto ask = [&]() -> boost::asio::awaitable<void> {
      static_cast<void>(co_await client_->get(path, {}));
    };
    bool done = false;
    boost::asio::co_spawn(io_, ask(), [&](const std::exception_ptr&) { done = true; });
    io_.restart();
    while (!done && io_.run_one_for(std::chrono::seconds(10)) > 0) {
    }
    ASSERT_TRUE(done);
  }
  [[nodiscard]] bool is_away() const { return client_->is_away(); }
  void wait_until_asked_again() const {
    while (throttle_.is_away()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  [[nodiscard]] std::int64_t requests() const { return metrics_.requests.get(); }

 private:
  test::HttpImposter imposter_{[](const std::string& head) {
    return head.find("/bad") == std::string::npos ? test::http_answer(404, "{}")
                                                  : test::http_answer(500, "oops");
  }};
  RateLimit limit_{.permits = 1000};
  boost::asio::io_context io_;
  SystemClock clock_;
  Metrics metrics_;
  BufferPool buffers_{1 << 20};
  HttpClient http_{io_, buffers_, 4, "test"};
  Throttle throttle_{
      io_,
      limit_,
      [this](const RateLimit& limit) { return std::make_unique<rate::LocalQuota>(limit, clock_); },
      std::chrono::seconds(1),
      clock_,
      metrics_};
  std::optional<SourceClient> client_;
};

TEST(SourceClient, OneRequestThatAlwaysFailsIsNoAbsence) {
  Client client;
  for (int i = 0; i < 20; ++i) client.get("/bad/one");
  EXPECT_FALSE(client.is_away());
}

TEST(SourceClient, DifferentRequestsThatAllFailAre) {
  Client client;
  for (int i = 0; i < 7; ++i) client.get("/bad/" + std::to_string(i));
  EXPECT_FALSE(client.is_away());
  client.get("/bad/7");
  EXPECT_TRUE(client.is_away());
  const std::int64_t made = client.requests();
  client.get("/good");
  EXPECT_EQ(client.requests(), made) << "nobody asks it for a moment";
  client.wait_until_asked_again();
  client.get("/good");
  EXPECT_FALSE(client.is_away());
}

}  // namespace
}  // namespace icingest::fetch
