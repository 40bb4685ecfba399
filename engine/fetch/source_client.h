// source_client.h: asks one source: address, key, limiter, redirects, and the difference between one failed
// request and a source that is away.
//
// Threads   the io_context's thread
// Errors    Error for transfers that failed; an answer of any status is an Answer with its judgement
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <string>

#include "core/clock.h"
#include "decode/inflate.h"
#include "fetch/http_client.h"
#include "fetch/http_stream.h"
#include "fetch/throttle.h"
#include "icingest/source.h"

namespace icingest::fetch {

// A source as this process uses it.
struct SourceConfig {
  Source source;
  std::string base_url;  // no trailing slash
  // Of the source's other hosts, by the beginning of their paths; like base_url.
  std::vector<std::pair<std::string, std::string>> hosts{};
  std::string user_agent{};              // where the source wants to know who asks
  std::chrono::milliseconds penalty{0};  // how long it is left alone when it blocks
  std::string key;                       // empty: none
  std::string secret;                    // of an object store, behind its access key
  std::string region;                    // of an object store
  RateLimit limit;
  bool limit_given = false;  // by the user: then it is law, and not guessed anew
  Deadlines deadlines;
  std::size_t max_body = std::size_t{64} << 20;
  std::chrono::milliseconds outage_patience{600'000};  // how long a source that answered before may be away
};

struct Answer {
  Judgement judgement;
  HttpResponse response;
  std::string url;
  Instant asked_at{};
};

// A body that is taken while it comes.
struct StreamAnswer {
  Judgement judgement;
  std::unique_ptr<HttpStream> stream;  // of a success
  HttpResponse response;               // its head; with the body of anything else
  std::string url;
  Instant asked_at{};
};

class SourceClient {
 public:
  SourceClient(SourceConfig config, HttpClient& http, Throttle& throttle, const Clock& clock,
               Metrics& metrics, BufferPool& buffers);

  // GETs a path with query, or the address of a next page, on this source's own host. With the ETag of an
  // earlier answer, an answer that would be the same is not sent again: its verdict is `unchanged`.
  [[nodiscard]] boost::asio::awaitable<Result<Answer>> get(std::string path, std::string etag);

  // The same for a large object as it is stored, or the part that `range` names ("bytes=0-99"). With `version`, the
  // ETag of a part had before, a source that has another version now answers with the whole of it (200).
  [[nodiscard]] boost::asio::awaitable<Result<StreamAnswer>> open(std::string path, std::string range,
                                                                  std::string version);

  // The decoder's word on the body of an answer: false for one that was not an answer at all (HTML, cut JSON).
  void body_was(const std::string& url, bool good);

  // Whether the source fails whoever asks, whatever is asked: then a failure says nothing about a unit. One request
  // that fails again and again does.
  // Another process's word counts too.
  [[nodiscard]] bool is_away() const {
    return (failures_ >= kAwayAfter && several_urls_fail_) || throttle_.is_away();
  }
  // Whether it has been away for longer than is worth waiting for; then `why` says so.
  [[nodiscard]] bool is_given_up(Error& why) const;

  [[nodiscard]] const SourceConfig& config() const { return config_; }

 private:
  static constexpr int kAwayAfter = 8;  // failures in a row
  // How long it is left alone then, at first and at most.
  static constexpr std::chrono::milliseconds kFirstAway{500};
  static constexpr std::chrono::milliseconds kLongestAway{4'000};
  static constexpr int kFewestFailures = 3;  // before giving up, however little patience there is
  // A source that never answered is probably a wrong address: no use in waiting long.
  static constexpr std::chrono::milliseconds kFirstPatience{15'000};

  [[nodiscard]] boost::asio::awaitable<Result<Permit>> permit();
  [[nodiscard]] boost::asio::awaitable<Result<HttpResponse>> send(std::string url, std::string etag);
  [[nodiscard]] Result<std::string> resolve(const std::string& path_or_url) const;
  [[nodiscard]] Result<std::string> redirect_target(const std::string& url,
                                                    const std::string& location) const;
  [[nodiscard]] Judgement judge(const std::string& url, HttpResponse& response, bool conditional);
  void note_failure(const std::string& url, const Error& error);
  void note_success();
  void identify(HttpRequest& request) const;
  [[nodiscard]] const std::string& base_of(std::string_view path) const;
  bool escalate(Judgement& judgement);
  [[nodiscard]] Failure left_alone();

  SourceConfig config_;
  HttpClient& http_;
  Throttle& throttle_;
  const Clock& clock_;
  Metrics& metrics_;
  SourceMetrics& own_metrics_;
  BufferPool& buffers_;
  decode::Inflater inflater_;
  int suspicions_ = 0;  // answers in a row that may have been a block
  int failures_ = 0;
  std::string failing_url_;  // the first of them
  bool several_urls_fail_ = false;
  bool ever_answered_ = false;
  std::chrono::milliseconds away_for_{0};
  Tick failing_since_{};
  Error last_failure_{};
};

}  // namespace icingest::fetch
