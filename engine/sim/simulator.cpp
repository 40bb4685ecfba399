#include "sim/simulator.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <utility>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <set>

#include "core/json_writer.h"
#include "core/text.h"
#include "icingest/calendar.h"
#include "sim/arrival.h"
#include "sim/body_cache.h"
#include "sim/faults.h"
#include "sim/rate_gate.h"
#include "sim/recorded.h"
#include "sim/send.h"

namespace icingest::sim {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

namespace {

constexpr std::string_view kHtml =
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center>"
    "<hr><center>nginx</center></body></html>\n";

SimAnswer html(int status, std::string_view title) {
  return text_answer("text/html", fmt::format(fmt::runtime(kHtml), title), status);
}

std::shared_ptr<const std::string> gzip(const std::string& plain) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(4), &libdeflate_free_compressor);
  auto out = std::make_shared<std::string>();
  out->resize(libdeflate_gzip_compress_bound(compressor.get(), plain.size()));
  out->resize(
      libdeflate_gzip_compress(compressor.get(), plain.data(), plain.size(), out->data(), out->size()));
  return out;
}

// The first element of `results` once more, its count unchanged.
std::string with_first_row_twice(const std::string& body) {
  const std::size_t begin = body.find("\"results\":[{");
  if (begin == std::string::npos) return body;
  const std::size_t row = begin + 11;
  const std::size_t end = body.find('}', row);
  std::string doubled = body;
  return doubled.insert(end + 1, "," + body.substr(row, end + 1 - row));
}

std::string without_results(const std::string& body) {
  const std::size_t begin = body.find("\"results\":[");
  const std::size_t end = body.rfind("],");
  if (begin == std::string::npos || end == std::string::npos || end < begin) return body;
  std::string cut = body;
  return cut.erase(begin, end + 2 - begin);
}

}  // namespace

struct Simulator::State {
  State(const SimOptions& opts, const Clock& the_clock, Faults the_faults,
        std::optional<Recorded> the_recorded, std::vector<RecordedCompany> companies)
      : options(opts),
        clock(the_clock),
        market(opts.seed, opts.tickers, opts.from, opts.to, opts.corrected, listings_of(companies)),
        massive(market, opts.massive, the_clock),
        files(market, opts.files, opts.massive.plan, the_clock),
        sec(market, opts.sec, std::move(companies), the_clock),
        gate(opts.massive_limit),
        faults(std::move(the_faults)),
        recorded(std::move(the_recorded)),
        cache(opts.cache_bytes),
        acceptor(io) {}

  SimOptions options;
  const Clock& clock;
  Market market;
  MassiveApi massive;
  FilesApi files;
  SecApi sec;
  RateGate gate;
  Faults faults;
  std::optional<Recorded> recorded;
  BodyCache cache;
  asio::io_context io;
  tcp::acceptor acceptor;

  struct Counts {
    std::int64_t requests = 0;
    std::int64_t bytes = 0;
    std::int64_t keys_in_urls = 0;
    std::int64_t missing_keys = 0;
    std::int64_t connections = 0;
    std::int64_t parallel = 0;
    std::int64_t most_parallel = 0;
    std::int64_t repeated = 0;
    std::int64_t files = 0;
    std::int64_t files_unchanged = 0;  // answered with 304
  } counts;
  std::set<std::string> seen_targets;
  // What a stale cache would give, for each kind of request.
  SimAnswer last_answer;
  SimAnswer last_file;

  asio::awaitable<void> accept();
  asio::awaitable<void> converse(tcp::socket socket);

  [[nodiscard]] SimAnswer answer(const SimRequest& request, std::optional<FaultKind>& fault);
  [[nodiscard]] SimAnswer content(const SimRequest& request);
  [[nodiscard]] SimAnswer file(const SimRequest& request);
  std::shared_ptr<const std::string> packed_file(const std::string& path);
  SimAnswer rendered(const SimRequest& request);
  [[nodiscard]] std::optional<SimAnswer> faulty(const SimRequest& request, FaultKind fault);
  [[nodiscard]] SimAnswer gzipped(SimAnswer answer, const std::string& key);
  void prerender();
  [[nodiscard]] std::string stats() const;
};

std::shared_ptr<const std::string> Simulator::State::packed_file(const std::string& path) {
  auto body = cache.find(path);
  if (!body) {
    body = gzip(files.object(path));
    cache.put(path, body);
  }
  return body;
}

SimAnswer Simulator::State::file(const SimRequest& request) {
  SimAnswer answer = files.head(request);
  if (answer.status == 200) answer.body = packed_file(request.path);
  return answer;
}

SimAnswer Simulator::State::content(const SimRequest& request) {
  if (recorded) {
    if (auto found = recorded->find(request)) return *found;
  }
  if (files.is_ours(request)) return file(request);
  if (auto found = massive.answer(request)) return *found;
  return text_answer("text/plain; charset=utf-8", "404 page not found\n", 404);
}

SimAnswer Simulator::State::gzipped(SimAnswer plain, const std::string& key) {
  auto body = cache.find(key);
  if (!body) {
    body = gzip(*plain.body);
    if (!key.empty()) cache.put(key, body);
  }
  plain.body = body;
  plain.gzipped = true;
  return plain;
}

// Answers that are wrong in what they say; the others are wrong in how they are sent.
std::optional<SimAnswer> Simulator::State::faulty(const SimRequest& request, FaultKind fault) {
  switch (fault) {
    case FaultKind::storm_429: return MassiveApi::too_many(options.massive_limit);
    case FaultKind::retry_after:
    case FaultKind::retry_after_date: {
      SimAnswer answer = MassiveApi::too_many(options.massive_limit);
      const std::time_t at = std::time(nullptr) + 1;
      std::string date(64, '\0');
      std::tm utc{};
      date.resize(std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &utc)));
      answer.headers.emplace_back("Retry-After", fault == FaultKind::retry_after ? "1" : date);
      return answer;
    }
    case FaultKind::empty_429: return json_answer("", 429);
    case FaultKind::http_500: return html(500, "500 Internal Server Error");
    case FaultKind::http_502: return html(502, "502 Bad Gateway");
    case FaultKind::http_503: return html(503, "503 Service Temporarily Unavailable");
    case FaultKind::http_504: return html(504, "504 Gateway Time-out");
    case FaultKind::html_200: return html(200, "Welcome");
    case FaultKind::stale:
      if (const SimAnswer& last = files.is_ours(request) ? last_file : last_answer; last.body) return last;
      return std::nullopt;
    default: break;
  }
  SimAnswer answer = content(request);
  if (answer.status != 200) return answer;
  const std::string& body = *answer.body;
  switch (fault) {
    case FaultKind::malformed: return json_answer(body.substr(0, body.size() / 2));
    case FaultKind::trailing: return json_answer(body + "{\"more\":1}");
    case FaultKind::duplicate_rows: return json_answer(with_first_row_twice(body));
    case FaultKind::empty_nonzero: return json_answer(without_results(body));
    case FaultKind::wrong_type: answer.content_type = "text/html"; return answer;
    case FaultKind::truncated_gzip: {
      answer.body = gzip(body);
      answer.body = std::make_shared<const std::string>(answer.body->substr(0, answer.body->size() - 5));
      answer.gzipped = true;
      return answer;
    }
    default: return answer;
  }
}

// The right answer, from the cache where it was given before. A key sees what its plan sees, so where plans
// differ by key the key is part of the cache's.
SimAnswer Simulator::State::rendered(const SimRequest& request) {
  bool in_url = false;
  const std::string key = MassiveApi::key_of(request, in_url);
  if (key.empty()) return content(request);
  const std::string cache_key =
      fmt::format("{} {} {} {}", options.massive.keys.empty() ? "" : key, request.accepts_gzip,
                  to_string(new_york::date_of(clock.now())), request.target);
  SimAnswer answer;
  answer.body = cache.find(cache_key);
  answer.gzipped = request.accepts_gzip;
  if (answer.body) return answer;
  answer = content(request);
  const bool keep = answer.status == 200;
  if (request.accepts_gzip) return gzipped(std::move(answer), keep ? cache_key : "");
  if (keep) cache.put(cache_key, answer.body);
  return answer;
}

SimAnswer Simulator::State::answer(const SimRequest& request, std::optional<FaultKind>& fault) {
  if (SecApi::is_ours(request)) {
    const bool whole = request.method == "GET" && header_of(request, "range").empty();
    if (whole && !seen_targets.insert(request.target).second) ++counts.repeated;
    return sec.answer(request, faults, fault);
  }
  const bool is_file = files.is_ours(request);
  bool in_url = false;
  const std::string key = is_file ? request.authorization : MassiveApi::key_of(request, in_url);
  counts.keys_in_urls += in_url ? 1 : 0;
  counts.missing_keys += key.empty() ? 1 : 0;
  // Files do not count against the limit of the API.
  if (is_file) {
    ++counts.files;
  } else if (!gate.admit("massive:" + key, request.arrived.value_or(clock.tick()))) {
    fault.reset();
    return MassiveApi::too_many(options.massive_limit);
  }
  if (!seen_targets.insert(request.target).second) ++counts.repeated;
  fault = faults.next();
  if (fault) {
    if (auto wrong = faulty(request, *fault)) {
      if (wrong->gzipped || !request.accepts_gzip || is_file) return *wrong;
      return gzipped(*wrong, "");
    }
  }
  if (is_file) {
    SimAnswer answer = content(request);
    if (answer.status == 200) last_file = answer;
    if (answer.status == 304) ++counts.files_unchanged;
    return answer;
  }
  SimAnswer answer = rendered(request);
  if (answer.status == 200) last_answer = answer;
  return answer;
}

asio::awaitable<void> Simulator::State::converse(tcp::socket socket) {
  ++counts.connections;
  try {
    socket.set_option(tcp::no_delay(true));
    const std::string client = socket.remote_endpoint().address().to_string();
    beast::flat_buffer buffer;
    for (bool keep = true; keep;) {
      beast::http::request<beast::http::string_body> message;
      if (buffer.size() == 0) co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);
      const Tick arrived = arrival_of(socket.native_handle(), clock);
      co_await beast::http::async_read(socket, buffer, message, asio::use_awaitable);
      SimRequest request = parse_target({message.target().data(), message.target().size()});
      const auto header = [&](beast::http::field field) {
        const auto value = message[field];
        return std::string(value.data(), value.size());
      };
      request.authorization = header(beast::http::field::authorization);
      request.host = header(beast::http::field::host);
      request.method = std::string(message.method_string());
      request.client = client;
      request.arrived = arrived;
      if (files.is_ours(request) || SecApi::is_ours(request)) {
        for (const auto& field : message) {
          std::string name(field.name_string());
          std::transform(name.begin(), name.end(), name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
          request.headers.emplace_back(std::move(name), std::string(field.value()));
        }
      }
      request.accepts_gzip = header(beast::http::field::accept_encoding).find("gzip") != std::string::npos;
      if (request.path == "/__sim/stats") {
        keep = co_await send(socket, json_answer(stats()), std::nullopt, counts.bytes);
        continue;
      }
      ++counts.requests;
      counts.most_parallel = std::max(counts.most_parallel, ++counts.parallel);
      std::optional<FaultKind> fault;
      const SimAnswer reply = answer(request, fault);
      --counts.parallel;
      if (fault == FaultKind::latency) co_await pause(faults.latency());
      if (fault == FaultKind::reset_before) break;
      keep = co_await send(socket, reply, fault, counts.bytes);
    }
    // An abortive close, as a crashing server or a middlebox gives.
    socket.set_option(asio::socket_base::linger(true, 0));
  } catch (const boost::system::system_error&) {
    // The peer went away; nobody is left to tell.
  }
}

asio::awaitable<void> Simulator::State::accept() {
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(io, converse(std::move(socket)), asio::detached);
  }
}

void Simulator::State::prerender() {
  for (const Date session : nyse::sessions(options.from, options.to)) {
    SimRequest request = parse_target(
        fmt::format("/v2/aggs/grouped/locale/us/market/stocks/{}?adjusted=true", to_string(session)));
    request.authorization = "Bearer prerender";
    for (const bool compressed : {true, false}) {
      request.accepts_gzip = compressed;
      rendered(request);
    }
    packed_file(files.path_of(session));
  }
  sec.prerender();
}

std::string Simulator::State::stats() const {
  JsonWriter json;
  json.begin_object();
  json.number("requests", counts.requests)
      .number("bytes", counts.bytes)
      .number("connections", counts.connections);
  json.number("most_parallel", counts.most_parallel).number("repeated", counts.repeated);
  json.number("files", counts.files).number("files_unchanged", counts.files_unchanged);
  json.number("keys_in_urls", counts.keys_in_urls).number("missing_keys", counts.missing_keys);
  json.begin_object("limit")
      .number("permits", gate.limit().permits)
      .number("window_ms", gate.limit().window.count() / 1000)
      .end_object();
  json.begin_object("sec")
      .number("undeclared", sec.counts().undeclared)
      .number("blocks", sec.gate().blocks())
      .number("while_blocked", sec.gate().while_blocked())
      .number("documents", sec.counts().documents)
      .number("absent", sec.counts().absent)
      .number("bulk", sec.counts().bulk)
      .number("bulk_partial", sec.counts().bulk_partial)
      .number("bulk_heads", sec.counts().bulk_heads)
      .number("zips_built", sec.zips_built())
      .end_object();
  std::int64_t violations = 0;
  json.begin_array("keys");
  std::map<std::string, RateGate::Usage> all_usage = gate.usage();
  all_usage.insert(sec.gate().gate().usage().begin(), sec.gate().gate().usage().end());
  for (const auto& [key, usage] : all_usage) {
    violations += usage.violations;
    json.begin_object().text("key", "source " + key.substr(0, key.find(':')));
    json.number("requests", usage.requests).number("most_in_window", usage.most_in_window);
    json.number("violations", usage.violations);
    json.number("span_ms",
                std::chrono::duration_cast<std::chrono::milliseconds>(usage.last - usage.first).count());
    json.end_object();
  }
  json.end_array();
  json.number("violations", violations);
  json.begin_object("faults");
  for (std::size_t i = 0; i < kFaultKinds; ++i) {
    if (faults.injected().at(i) > 0) json.number(kFaultNames.at(i), faults.injected().at(i));
  }
  json.end_object().end_object();
  return json.str();
}

Simulator::Simulator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Simulator::~Simulator() = default;

Result<std::unique_ptr<Simulator>> Simulator::listen(const SimOptions& options, const Clock& clock) {
  ICINGEST_TRY_LET(Faults faults, Faults::parse(options.faults));
  std::optional<Recorded> recorded;
  if (options.recorded) {
    ICINGEST_TRY_LET(recorded, Recorded::load(*options.recorded));
  }
  std::vector<RecordedCompany> companies;
  if (options.sec.recorded) {
    ICINGEST_TRY_LET(companies, find_recorded_companies(*options.sec.recorded));
  }
  auto state =
      std::make_unique<State>(options, clock, std::move(faults), std::move(recorded), std::move(companies));
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return usage_error(fmt::format("--listen: '{}' is not an address", options.address));
  const tcp::endpoint endpoint(address, options.port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  ask_for_arrivals(state->acceptor.native_handle());
  if (!error) state->acceptor.listen(1024, error);
  if (error) {
    return usage_error(
        fmt::format("cannot listen on {}:{}: {}", options.address, options.port, error.message()),
        "choose another port, or 0 for any");
  }
  if (options.prerender) state->prerender();
  return std::unique_ptr<Simulator>(new Simulator(std::move(state)));
}

std::uint16_t Simulator::port() const { return state_->acceptor.local_endpoint().port(); }
std::string Simulator::base_url() const {
  return fmt::format("http://{}:{}", state_->options.address, port());
}
const Market& Simulator::market() const { return state_->market; }
const SecFilers& Simulator::filers() const { return state_->sec.filers(); }
std::string Simulator::stats() const { return state_->stats(); }

void Simulator::serve() {
  asio::co_spawn(state_->io, state_->accept(), asio::detached);
  state_->io.run();
}

void Simulator::stop() { state_->io.stop(); }

}  // namespace icingest::sim
