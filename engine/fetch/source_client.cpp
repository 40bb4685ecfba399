#include "fetch/source_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/log.h"
#include "core/text.h"

namespace icingest::fetch {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kErrorBodyLimit = 16'384;
constexpr int kMaxRedirects = 5;
static_assert(static_cast<std::size_t>(Verdict::stop_source) + 1 == kVerdicts);

struct Url {
  std::string_view origin;  // scheme://host[:port]
  std::string_view host;
  std::string_view path;  // with query; empty or beginning with '/' or '?'
};

std::optional<Url> split_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::size_t end = std::min(url.find_first_of("/?#", scheme + 3), url.size());
  const std::string_view authority = url.substr(scheme + 3, end - scheme - 3);
  return Url{url.substr(0, end), authority.substr(0, authority.find(':')), url.substr(end)};
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Failure unit_error(std::string message) {
  return Failure(Error{.action = Action::fail_unit, .exit = ExitCode::later, .message = std::move(message)});
}

}  // namespace

SourceClient::SourceClient(SourceConfig config, HttpClient& http, Throttle& throttle, const Clock& clock,
                           Metrics& metrics, BufferPool& buffers)
    : config_(std::move(config)),
      http_(http),
      throttle_(throttle),
      clock_(clock),
      metrics_(metrics),
      own_metrics_(metrics.sources.source(config_.source.name)),
      buffers_(buffers) {
  throttle_.ask_delivery([this] { return http_.delivered(); });
}

const std::string& SourceClient::base_of(std::string_view path) const {
  const auto found = std::find_if(config_.hosts.begin(), config_.hosts.end(),
                                  [&](const auto& host) { return path.starts_with(host.first); });
  return found == config_.hosts.end() ? config_.base_url : found->second;
}

Result<std::string> SourceClient::resolve(const std::string& path_or_url) const {
  if (path_or_url.starts_with('/')) return base_of(path_or_url) + path_or_url;
  // A next page may name the provider's old or new host, with or without a port. It is asked of the
  // configured address in any case, so the key goes nowhere else.
  const auto url = split_url(path_or_url);
  const auto base = split_url(config_.base_url);
  if (!url || !base)
    return unit_error(fmt::format("next page is not a URL: {}", text::printable(path_or_url, 120)));
  const auto& hosts = config_.source.page_hosts;
  if (url->host != base->host && std::find(hosts.begin(), hosts.end(), url->host) == hosts.end()) {
    return unit_error(fmt::format("next page is on another host: {}", text::printable(url->host, 120)));
  }
  return std::string(base->origin) + std::string(url->path);
}

Result<std::string> SourceClient::redirect_target(const std::string& url, const std::string& location) const {
  const auto from = split_url(url);
  ICINGEST_CHECK(from.has_value());  // we have just asked it
  if (location.starts_with('/') && !location.starts_with("//")) return std::string(from->origin) + location;
  const auto to = split_url(location);
  if (to && to->origin == from->origin) return location;
  return Failure(
      Error{.action = Action::stop_source,
            .exit = ExitCode::person,
            .message = fmt::format("GET {} redirects to another place ({})", url,
                                   to ? text::printable(to->origin, 120) : "no URL"),
            .remedy = fmt::format("set the base URL of {} to the place it redirects to, if you trust it",
                                  config_.source.name)});
}

// Puts the key where this source wants it.
void SourceClient::identify(HttpRequest& request) const {
  if (config_.source.store) {
    request.signature =
        AwsSignature{.access_key = config_.key, .secret = config_.secret, .region = config_.region};
    return;
  }
  request.headers.emplace_back("Accept: application/json");
  if (!config_.key.empty()) request.headers.push_back("Authorization: Bearer " + config_.key);
}

asio::awaitable<Result<Permit>> SourceClient::permit() {
  const RateLimit& limit = throttle_.limit();
  own_metrics_.limit_permits.set(limit.permits);
  own_metrics_.limit_window_us.set(limit.window.count());
  own_metrics_.waiting.add(1);
  Result<Permit> permit = co_await throttle_.permit();
  own_metrics_.waiting.add(-1);
  // Somebody may have found the source away meanwhile; the permit goes back unused.
  if (permit && throttle_.is_away()) co_return left_alone();
  if (permit) own_metrics_.permits.add();
  co_return permit;
}

asio::awaitable<Result<HttpResponse>> SourceClient::send(std::string url, std::string etag) {
  Result<Permit> permit = co_await this->permit();
  if (!permit) co_return std::unexpected(std::move(permit).error());
  HttpRequest request{.url = std::move(url),
                      .deadlines = config_.deadlines,
                      .max_body = config_.max_body,
                      .http2 = config_.source.http2};
  identify(request);
  if (!etag.empty()) request.headers.push_back("If-None-Match: " + etag);
  bool sent = false;
  request.may_send = [&permit, &sent, this] {
    const std::optional<Tick> until = permit->may_send();
    if (until) metrics_.requests.add();
    sent = sent || until.has_value();
    return until;
  };
  request.answered = [&permit] { permit->answered(); };
  metrics_.in_flight.add(1);
  own_metrics_.in_flight.add(1);
  Result<HttpResponse> response = co_await http_.get(std::move(request));
  metrics_.in_flight.add(-1);
  own_metrics_.in_flight.add(-1);
  if (response) {
    metrics_.bytes_received.add(static_cast<std::int64_t>(response->wire_bytes));
    own_metrics_.bytes_received.add(static_cast<std::int64_t>(response->wire_bytes));
  } else if (sent) {
    own_metrics_.outcomes.at(kNoAnswer).add();
  }
  co_return response;
}

asio::awaitable<Result<Answer>> SourceClient::get(std::string path, std::string etag) {
  if (throttle_.is_away()) co_return left_alone();
  Result<std::string> url = resolve(path);
  if (!url) co_return std::unexpected(std::move(url).error());
  Answer answer{.url = *url, .asked_at = clock_.now()};
  for (int redirects = 0;; ++redirects) {
    Result<HttpResponse> response = co_await send(*url, etag);
    if (!response) {
      if (!throttle_.is_away()) note_failure(answer.url, response.error());
      co_return std::unexpected(std::move(response).error());
    }
    if (!is_redirect(response->status) || response->location.empty()) {
      answer.response = std::move(*response);
      break;
    }
    own_metrics_.outcomes.at(kRedirected).add();
    buffers_.give_back(std::move(response->body));
    if (redirects == kMaxRedirects)
      co_return unit_error(fmt::format("GET {} redirects in a circle", answer.url));
    url = redirect_target(*url, response->location);
    if (!url) co_return std::unexpected(std::move(url).error());
  }
  answer.judgement = judge(answer.url, answer.response, !etag.empty());
  own_metrics_.outcomes.at(static_cast<std::size_t>(answer.judgement.verdict)).add();
  co_return answer;
}

Judgement SourceClient::judge(const std::string& url, HttpResponse& response, bool conditional) {
  if (response.status == 200) {
    suspicions_ = 0;
    return {Verdict::success, "ok"};
  }
  if (response.status == 304 && conditional) {
    note_success();
    return {Verdict::unchanged, "not_modified"};
  }
  Buffer plain;
  if (response.gzip) {
    if (inflater_.gunzip(response.body.view(), kErrorBodyLimit * 4, 0, plain)) response.body.swap(plain);
    else response.body.clear();
  }
  const AnswerHead head{.http_status = response.status,
                        .content_type = response.content_type,
                        .body = response.body.view().substr(0, kErrorBodyLimit)};
  Judgement judgement = config_.source.judge(head);
  const bool left_alone = escalate(judgement);
  if (judgement.verdict == Verdict::retry) {
    note_failure(url, Error{.exit = ExitCode::later,
                            .message = fmt::format("{} answers HTTP {}", config_.base_url, response.status)});
  } else {
    note_success();
  }
  if (judgement.verdict == Verdict::throttled && !left_alone) {
    metrics_.status_429.add();
    throttle_.throttled(parse_retry_after(response.retry_after, std::chrono::system_clock::now()));
    if (judgement.reason == "rate_per_minute" && !config_.limit_given &&
        throttle_.limit().window < std::chrono::minutes(1)) {
      log::warn(
          "{} says this key is limited per minute; "
          "going on with 5 requests per minute (set --rate to change)",
          config_.source.name);
      throttle_.change_limit({.permits = 5, .window = std::chrono::minutes(1)});
      throttle_.penalty(std::chrono::minutes(1));
    }
  }
  return judgement;
}

// A source that blocks is left alone, by this process and, through the quota, by every other one and the next; then it
// is asked at half the rate. An answer that may be a block costs a tenth of that, and counts as one when it comes
// twice.
bool SourceClient::escalate(Judgement& judgement) {
  const bool suspect = judgement.verdict == Verdict::suspect;
  if (!suspect && judgement.verdict != Verdict::blocked) {
    suspicions_ = 0;
    return false;
  }
  const bool blocked = !suspect || suspicions_ > 0;
  judgement.verdict = Verdict::throttled;
  // Requests that were under way when it began say nothing new.
  if (throttle_.blocked()) return true;
  suspicions_ = blocked ? 0 : 1;
  const auto pause = blocked ? config_.penalty : config_.penalty / 10;
  log::warn("{} {}; nobody asks it for {}", config_.source.name,
            blocked ? "blocks this address" : "refuses without saying why",
            text::duration(static_cast<double>(pause.count()) / 1000));
  if (blocked && throttle_.limit().permits > 1) {
    RateLimit half = throttle_.limit();
    half.permits /= 2;
    throttle_.change_limit(half);
  }
  throttle_.penalty(pause);
  return true;
}

asio::awaitable<Result<StreamAnswer>> SourceClient::open(std::string path, std::string range,
                                                         std::string version) {
  constexpr std::size_t kWindow = std::size_t{1} << 20;
  if (throttle_.is_away()) co_return left_alone();
  Result<std::string> url = resolve(path);
  if (!url) co_return std::unexpected(std::move(url).error());
  StreamAnswer answer{.url = *url, .asked_at = clock_.now()};
  Result<Permit> granted = co_await this->permit();
  if (!granted) co_return std::unexpected(std::move(granted).error());
  const auto permit = std::make_shared<Permit>(std::move(*granted));
  HttpRequest request{.url = std::move(*url),
                      .deadlines = config_.deadlines,
                      .http2 = config_.source.http2,
                      .identity = true};
  identify(request);
  if (!range.empty()) request.headers.push_back("Range: " + range);
  if (!version.empty()) request.headers.push_back("If-Range: " + version);
  request.may_send = [permit, this] {
    const std::optional<Tick> until = permit->may_send();
    if (until) metrics_.requests.add();
    return until;
  };
  request.answered = [permit] { permit->answered(); };
  Result<std::unique_ptr<HttpStream>> stream = co_await http_.open(std::move(request), kWindow);
  if (!stream) {
    note_failure(answer.url, stream.error());
    co_return std::unexpected(std::move(stream).error());
  }
  const HttpResponse& head = (*stream)->response();
  answer.response.status = head.status;
  answer.response.content_type = head.content_type;
  answer.response.content_range = head.content_range;
  answer.response.etag = head.etag;
  answer.response.last_modified = head.last_modified;
  answer.response.retry_after = head.retry_after;
  if (head.status == 200 || head.status == 206) {
    suspicions_ = 0;
    note_success();
    answer.judgement = {Verdict::success, "ok"};
    answer.stream = std::move(*stream);
    co_return answer;
  }
  const Result<std::size_t> read = co_await (*stream)->read(kErrorBodyLimit, answer.response.body);
  if (!read) answer.response.body.clear();
  answer.judgement = judge(answer.url, answer.response, false);
  co_return answer;
}

void SourceClient::body_was(const std::string& url, bool good) {
  if (good) note_success();
  else
    note_failure(
        url, Error{.exit = ExitCode::later,
                   .message = fmt::format("{} answers with something that is not its API (HTML? a proxy?)",
                                          config_.base_url),
                   .remedy = "check the base URL"});
}

void SourceClient::note_failure(const std::string& url, const Error& error) {
  if (failures_++ == 0) failing_since_ = clock_.tick(), failing_url_ = url;
  several_urls_fail_ = several_urls_fail_ || url != failing_url_;
  last_failure_ = error;
  own_metrics_.is_away.set(is_away() ? 1 : 0);
  if (!is_away() || throttle_.is_away()) return;
  // Nobody asks for a moment, in no process; then everybody may, and the next failure says it again, for longer.
  away_for_ = away_for_.count() == 0 ? kFirstAway : std::min(2 * away_for_, kLongestAway);
  throttle_.away(away_for_);
}

// What a request is told that is not made, because the source is known to fail everybody.
Failure SourceClient::left_alone() {
  own_metrics_.is_away.set(1);
  return Failure(Error{
      .action = Action::retry,
      .exit = ExitCode::later,
      .message = fmt::format("{} fails whoever asks; it is left alone for a moment", config_.source.name),
      .retry_after = throttle_.away_for()});
}

void SourceClient::note_success() {
  failures_ = 0;
  several_urls_fail_ = false;
  ever_answered_ = true;
  away_for_ = {};
  own_metrics_.is_away.set(0);
}

bool SourceClient::is_given_up(Error& why) const {
  const auto patience =
      ever_answered_ ? config_.outage_patience : std::min(kFirstPatience, config_.outage_patience);
  if (failures_ < kFewestFailures || clock_.tick() - failing_since_ < patience) return false;
  why = {.action = Action::stop_source,
         .exit = ExitCode::later,
         .message =
             fmt::format("{} has been failing for {}: {}", config_.source.name,
                         text::duration(static_cast<double>(patience.count()) / 1000), last_failure_.message),
         .remedy = last_failure_.remedy.empty() ? "run the same command again later" : last_failure_.remedy,
         .cause = last_failure_.cause};
  return true;
}

}  // namespace icingest::fetch
