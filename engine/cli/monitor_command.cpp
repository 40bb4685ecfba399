#include "cli/monitor_command.h"

#include <fmt/format.h>
#include <poll.h>

#include "core/json_writer.h"
#include "core/log.h"
#include "monitor/exposition.h"
#include "monitor/monitor.h"

namespace icingest::cli {
namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:9464";
constexpr std::chrono::milliseconds kStopPatience{4'500};

Output list_metrics(bool as_json) {
  JsonWriter json;
  json.begin_object()
      .number("schema", 1)
      .text("command", "monitor")
      .number("exit_code", 0)
      .begin_array("metrics");
  std::string out;
  for (const prometheus::MetricFamily& family : monitor::every_family()) {
    const char* const type = family.type == prometheus::MetricType::Counter ? "counter" : "gauge";
    std::string labels;
    for (const auto& label : family.metric.front().label) labels += (labels.empty() ? "" : ", ") + label.name;
    json.begin_object()
        .text("name", family.name)
        .text("type", type)
        .text("labels", labels)
        .text("help", family.help);
    json.end_object();
    out += fmt::format("{:<52} {:<8} {:<28} {}\n", family.name, type, labels, family.help);
  }
  return {ExitCode::complete, as_json ? json.end_array().end_object().str() + "\n" : out};
}

}  // namespace

Result<Output> run_monitor(Context& context, bool list) {
  if (list) return list_metrics(context.settings().json);
  ICINGEST_TRY_LET(const auto db, context.database_if_running());
  if (!db) return later_error("the private PostgreSQL does not run", "start it with `icingest db start`");
  const SignalWatch signals(context.stop(), kStopPatience);
  monitor::Monitor monitor(std::string(version()), context.clock(), context.stop());
  const std::string& address = context.settings().metrics_listen;
  ICINGEST_TRY(monitor.listen(address.empty() ? kDefaultAddress : address));
  monitor.observe(*db, all_pipelines());
  log::info("watching {}; metrics at http://{}/metrics", db->display(), monitor.address());
  pollfd stop{.fd = context.stop().fd(), .events = POLLIN, .revents = 0};
  while (::poll(&stop, 1, -1) < 0 && errno == EINTR) {
  }
  return Output{};
}

}  // namespace icingest::cli
