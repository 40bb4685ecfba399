// quota_worker: asks a source as fast as the shared quota lets it, and says what that took. One of many processes.
//
//   quota_worker DATABASE BASE-URL PERMITS WINDOW-MS SECONDS REQUESTS-AT-ONCE
//
// The last line of its output: requests and round trips to the database.
#include <utility>  // Boost.Asio 1.74 uses std::exchange without it

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "checkpoint/pg_quota.h"
#include "fetch/source_client.h"
#include "icingest/massive.h"

namespace icingest {
namespace {

namespace asio = boost::asio;

struct Worker {
  Worker(const pg::DbConfig& db, std::string url, const RateLimit& limit)
      : throttle(
            io, limit,
            [this, db, name = checkpoint::quota_name("massive", "key")](const RateLimit& now) {
              return std::make_unique<checkpoint::PgQuota>(db, name, now, clock);
            },
            std::chrono::hours(1), clock, metrics),
        client({.source = massive::source(),
                .base_url = std::move(url),
                .key = "key",
                .limit = limit,
                .limit_given = true},
               http, throttle, clock, metrics, buffers) {}

  asio::awaitable<void> ask() {
    while (!over) {
      const Result<fetch::Answer> answer = co_await client.get("/v1/nothing", {});
      if (answer || over) continue;
      asio::steady_timer pause(io);
      pause.expires_after(std::max(answer.error().retry_after, std::chrono::milliseconds(10)));
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  void end() {
    if (over) return;
    over = true;
    throttle.close();
    http.abort_all();
  }

  asio::io_context io;
  SystemClock clock;
  Metrics metrics;
  BufferPool buffers{1 << 20};
  fetch::HttpClient http{io, buffers, 32, "quota_worker"};
  fetch::Throttle throttle;
  fetch::SourceClient client;
  bool over = false;
};

int run(char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  Result<pg::DbConfig> db = pg::DbConfig::from_uri(arguments[1]);
  if (!db) return std::fprintf(stderr, "%s\n", db.error().describe().c_str()), 2;
  const RateLimit limit{.permits = std::atoi(arguments[3]),
                        .window = std::chrono::milliseconds(std::atoi(arguments[4]))};
  Worker worker(*db, arguments[2], limit);
  asio::signal_set end(worker.io, SIGTERM);
  asio::steady_timer until(worker.io, std::chrono::seconds(std::atoi(arguments[5])));
  end.async_wait([&](const auto& error, int) {
    if (!error) worker.end(), until.cancel();
  });
  until.async_wait([&](const auto& error) {
    if (!error) worker.end(), end.cancel();
  });
  for (int i = 0; i < std::atoi(arguments[6]); ++i) asio::co_spawn(worker.io, worker.ask(), asio::detached);
  worker.io.run();
  std::printf("{\"requests\":%ld,\"round_trips\":%ld}\n", static_cast<long>(worker.metrics.requests.get()),
              static_cast<long>(checkpoint::PgQuota::round_trips()));
  return 0;
}

}  // namespace
}  // namespace icingest

int main(int count, char** arguments) {
  if (count != 7) return std::fprintf(stderr, "quota_worker: six arguments\n"), 2;
  return icingest::run(arguments);
}
