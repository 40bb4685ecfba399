// One archive instead of a request for each unit: its directory first, then its members in the order in which they
// lie, cut out of one stream that is gone on with by range after every break.
#include "run/engine_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "core/fault.h"
#include "core/log.h"
#include "core/text.h"
#include "decode/zip.h"

namespace icingest::run {

namespace asio = boost::asio;
using checkpoint::UnitState;

namespace {

constexpr rate::BackoffPolicy kRetry{};
// The directory of 20,000 members is two megabytes; with this much at once it takes no second request.
constexpr std::uint64_t kTailBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kMostDirectoryBytes = std::uint64_t{256} << 20;
// Reading over as much as this takes as long as another request.
constexpr std::uint64_t kSkipBytes = std::uint64_t{2} << 20;
// Room between a member's data and the next one, for headers and what writers put there.
constexpr std::uint64_t kSlackBytes = std::uint64_t{1} << 20;

// "bytes 100-199/1234": the size of the whole.
std::optional<std::uint64_t> whole_size(std::string_view content_range) {
  const std::size_t slash = content_range.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto size = text::parse_int(content_range.substr(slash + 1));
  return size && *size > 0 ? std::optional(static_cast<std::uint64_t>(*size)) : std::nullopt;
}

Failure broken(std::string message) {
  return Failure(Error{.action = Action::retry, .exit = ExitCode::later, .message = std::move(message)});
}

}  // namespace

struct Engine::Feed {
  Feed(const Route& of, Port& at) : route(of), port(at) {}

  const Route& route;
  Port& port;
  const Choose* choose = nullptr;
  std::string_view no_answer;
  ArchiveReading reading;
  Instant asked_at{};
  std::vector<decode::ZipEntry> entries;  // by offset; stays while members are decoded
  std::vector<std::pair<std::size_t, PlannedUnit*>> wanted;  // entries and their units, by offset
  std::size_t taken = 0;                                     // of wanted
  std::optional<Error> error;
};

Result<ArchiveReading> Engine::execute_archive(const Route& route, const Choose& choose,
                                               std::string_view no_answer, const Universe& universe) {
  if (over()) return Failure(Error{.action = Action::stop_source, .exit = ExitCode::later, .message = "stopped"});
  use_streams(1);
  Feed feeding(route, port_of(&route));
  feeding.choose = &choose;
  feeding.no_answer = no_answer;
  {
    const std::scoped_lock lock(mutex_);
    unfinished_ = 0;
    ++workers_;
  }
  asio::post(io_, [this, &feeding, &universe] {
    units_.clear();
    universe_ = &universe;
    asio::co_spawn(io_, feed(feeding), asio::detached);
  });
  wait_for_units();
  if (feeding.error) return std::unexpected(std::move(*feeding.error));
  return feeding.reading;
}

asio::awaitable<void> Engine::feed(Feed& feed) {
  Result<void> done = co_await open_feed(feed);
  if (done && !feed.reading.absent) {
    std::vector<PlannedUnit> chosen = (*feed.choose)(feed.reading);
    std::map<std::int64_t, std::size_t> members;
    for (std::size_t i = 0; i < feed.entries.size(); ++i) {
      if (const auto entity = feed.route.archive->entity(feed.entries[i].name)) members.emplace(*entity, i);
    }
    {
      const std::scoped_lock lock(mutex_);
      unfinished_ += chosen.size();
    }
    for (PlannedUnit& planned : chosen) {
      PlannedUnit& unit = units_.emplace_back(std::move(planned));
      const auto member = members.find(unit.unit.entity);
      if (member != members.end()) {
        feed.wanted.emplace_back(member->second, &unit);
      } else {
        Delivery nothing{.state = UnitState::empty, .reason = std::string(feed.no_answer), .asked_at = feed.asked_at};
        nothing.etag = feed.reading.etag;
        nothing.last_modified = feed.reading.last_modified;
        submit(unit, std::move(nothing), {}, 1);
      }
    }
    std::sort(feed.wanted.begin(), feed.wanted.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    done = co_await read_members(feed);
    feed.reading.left = static_cast<std::int64_t>(feed.wanted.size() - feed.taken);
    const std::scoped_lock lock(mutex_);
    unfinished_ -= feed.wanted.size() - feed.taken;
  }
  if (!done) {
    feed.error = std::move(done).error();
    if (feed.error->action != Action::fail_unit && !over()) end_run(*feed.error);
  }
  worker_ended();
}

// Asks for the end of the file, which says everything else.
asio::awaitable<Result<void>> Engine::open_feed(Feed& feed) {
  fetch::SourceClient& client = feed.port.client;
  const std::string path(feed.route.archive->path);
  std::string range = fmt::format("bytes=-{}", kTailBytes);
  std::string version;
  for (int attempts = 1; !over();) {
    Error error;
    Result<fetch::StreamAnswer> answer = co_await client.open(path, range, version);
    if (!answer) {
      error = std::move(answer).error();
    } else if (answer->judgement.verdict == Verdict::empty || answer->judgement.verdict == Verdict::unavailable) {
      feed.reading.absent = true;
      feed.reading.reason = answer->judgement.reason;
      co_return Result<void>{};
    } else if (answer->judgement.verdict != Verdict::success) {
      fetch::Answer judged{.judgement = answer->judgement, .url = answer->url};
      judged.response.status = answer->response.status;
      judged.response.retry_after = answer->response.retry_after;
      error = verdict_error(judged, client.config().source).error();
    } else if (const auto total = whole_size(answer->response.content_range);
               answer->response.status != 206 || !total || answer->response.etag.empty()) {
      // Replaced between two requests, or a cache that does not know ranges; one that never does is no use.
      version.clear();
      range = fmt::format("bytes=-{}", kTailBytes);
      error = broken(fmt::format("{}: the answer to a range is not one", path)).error();
      if (attempts == kRetry.attempts) {
        feed.reading.absent = true;
        feed.reading.reason = "no_ranges";
        co_return Result<void>{};
      }
    } else {
      Buffer tail;
      const std::uint64_t want = std::min(*total, range.starts_with("bytes=-") ? kTailBytes : *total);
      const Result<std::size_t> read = co_await answer->stream->read(static_cast<std::size_t>(want), tail);
      metrics_.bytes_received.add(static_cast<std::int64_t>(tail.size()));
      if (read) {
        const auto found = decode::find_zip_directory(tail.view(), *total);
        const std::uint64_t tail_at = *total - tail.size();
        if (!found) {
          error = found.error();
        } else if (found->directory_offset < tail_at) {
          const std::uint64_t needed = *total - found->directory_offset;
          if (needed > kMostDirectoryBytes) {
            co_return Failure(Error{.action = Action::fail_unit,
                                    .exit = ExitCode::later,
                                    .message = fmt::format("{}: its directory would be {} bytes", path, needed)});
          }
          range = fmt::format("bytes={}-", found->directory_offset);
          version = answer->response.etag;
          continue;
        } else {
          auto entries = decode::read_zip_directory(
              tail.view().substr(static_cast<std::size_t>(found->directory_offset - tail_at),
                                 static_cast<std::size_t>(found->directory_bytes)),
              *found);
          if (entries) {
            feed.entries = std::move(*entries);
            feed.asked_at = answer->asked_at;
            feed.reading.etag = answer->response.etag;
            feed.reading.last_modified = answer->response.last_modified;
            feed.reading.bytes = static_cast<std::int64_t>(*total);
            feed.reading.members = static_cast<std::int64_t>(feed.entries.size());
            co_return Result<void>{};
          }
          error = std::move(entries).error();
        }
      } else {
        error = read.error();
      }
    }
    Error why;
    if (client.is_given_up(why)) co_return Failure(std::move(why));
    if (error.action != Action::retry && error.action != Action::reconnect) co_return Failure(std::move(error));
    if (error.cause.http_status != 429 && !client.is_away() && ++attempts > kRetry.attempts) {
      error.action = Action::fail_unit;  // there may be another way
      co_return Failure(std::move(error));
    }
    metrics_.retries.add();
    co_await pause(rate::pause_after(attempts, kRetry, error.retry_after, random_));
  }
  co_return Failure(Error{.action = Action::stop_source, .exit = ExitCode::later, .message = "the run is over"});
}

asio::awaitable<Result<void>> Engine::read_members(Feed& feed) {
  fetch::SourceClient& client = feed.port.client;
  const std::string path(feed.route.archive->path);
  std::unique_ptr<fetch::HttpStream> stream;
  std::uint64_t at = 0;  // where the stream is
  int attempts = 1;
  while (feed.taken < feed.wanted.size() && !over()) {
    const auto [number, planned] = feed.wanted[feed.taken];
    const decode::ZipEntry& entry = feed.entries[number];
    const std::uint64_t length = entry.end - entry.offset;
    if (entry.compressed > length || length > entry.compressed + kSlackBytes ||
        length > feed.route.archive->most_member_bytes) {
      ++feed.taken;
      planned->note = "bad_member";
      log::warn("{}: its place in the archive cannot be; asked for alone", planned->unit.key);
      ask_elsewhere(*planned);
      continue;
    }
    Budget::Hold hold = co_await take_budget(std::max<std::size_t>(estimate_, static_cast<std::size_t>(length)));
    if (over()) break;
    Error error;
    if (stream && (at > entry.offset || entry.offset - at > kSkipBytes)) stream.reset();
    if (!stream) {
      // To the end of what lies close together, so that the connection can be used again.
      std::uint64_t end = entry.end;
      for (std::size_t next = feed.taken + 1; next < feed.wanted.size(); ++next) {
        const decode::ZipEntry& following = feed.entries[feed.wanted[next].first];
        if (following.offset - end > kSkipBytes) break;
        end = following.end;
      }
      Result<fetch::StreamAnswer> answer =
          co_await client.open(path, fmt::format("bytes={}-{}", entry.offset, end - 1), feed.reading.etag);
      if (!answer) {
        error = std::move(answer).error();
      } else if (answer->judgement.verdict != Verdict::success) {
        fetch::Answer judged{.judgement = answer->judgement, .url = answer->url};
        judged.response.status = answer->response.status;
        judged.response.retry_after = answer->response.retry_after;
        error = verdict_error(judged, client.config().source).error();
        if (answer->judgement.verdict == Verdict::empty) error.action = Action::retry;
      } else if (answer->response.etag == feed.reading.etag && answer->response.status != 206) {
        error = broken(fmt::format("{}: the answer to a range is the whole", path)).error();
      } else if (answer->response.etag != feed.reading.etag) {
        log::warn("{} was replaced while it was read; beginning anew", path);
        feed.reading.changed = true;
        co_return Result<void>{};
      } else {
        stream = std::move(answer->stream);
        at = entry.offset;
      }
    }
    if (stream) {
      if (entry.offset > at) {
        Buffer skipped;
        const auto gap = static_cast<std::size_t>(entry.offset - at);
        const Result<std::size_t> read = co_await stream->read(gap, skipped);
        if (!read) error = read.error();
        else if (*read < gap) error = broken(fmt::format("{} ended early", path)).error();
        else at += gap, metrics_.bytes_received.add(static_cast<std::int64_t>(gap));
      }
      if (error.message.empty()) {
        Buffer body = buffers_.take();
        const Result<std::size_t> read = co_await stream->read(static_cast<std::size_t>(length), body);
        if (read && *read == length) {
          at += length;
          metrics_.bytes_received.add(static_cast<std::int64_t>(length));
          attempts = 1;
          ++feed.taken;
          if (fault::point("archive.member")) stream.reset();
          {
            const std::scoped_lock lock(mutex_);
            ++workers_;
          }
          asio::co_spawn(io_, take_member(feed, *planned, std::move(body), std::move(hold), number), asio::detached);
          continue;
        }
        buffers_.give_back(std::move(body));
        error = read ? broken(fmt::format("{} ended early", path)).error() : read.error();
      }
    }
    hold.release();
    stream.reset();
    if (over()) break;
    Error why;
    if (client.is_given_up(why)) co_return Failure(std::move(why));
    if (error.action != Action::retry && error.action != Action::reconnect) co_return Failure(std::move(error));
    if (error.cause.http_status != 429 && !client.is_away() && ++attempts > kRetry.attempts) {
      error.action = Action::stop_source;
      co_return Failure(std::move(error));
    }
    log::debug("{}: {}; going on where it broke", path, error.describe());
    metrics_.retries.add();
    co_await pause(rate::pause_after(attempts, kRetry, error.retry_after, random_));
  }
  co_return Result<void>{};
}

// Decodes a member and hands its rows to the loaders. A member that is broken says nothing about its unit.
asio::awaitable<void> Engine::take_member(Feed& feed, PlannedUnit& planned, Buffer body, Budget::Hold hold,
                                          std::size_t number) {
  std::unique_ptr<KeySet> keys = key_sets_.empty() ? std::make_unique<KeySet>() : std::move(key_sets_.back());
  if (!key_sets_.empty()) key_sets_.pop_back();
  keys->clear();
  Delivery delivery{.asked_at = feed.asked_at};
  delivery.batch.rows = row_buffers_.take();
  delivery.source = fmt::format("{}#{}", feed.route.archive->path, feed.entries[number].name);
  delivery.etag = feed.reading.etag;
  delivery.last_modified = feed.reading.last_modified;
  delivery.wire_bytes = static_cast<std::int64_t>(body.size());
  const auto started = clock_.tick();
  DecodeTask task{.body = std::move(body),
                  .origin = delivery.source,
                  .max_plain = feed.route.archive->most_member_bytes,
                  .member = &feed.entries[number]};
  std::string next_page;
  task.decode = [&](Document& document) { return decode(document, planned, delivery, *keys, next_page); };
  Result<void> outcome = co_await decoders_->decode(std::move(task));
  delivery.decode_time = std::chrono::duration_cast<std::chrono::microseconds>(clock_.tick() - started);
  key_sets_.push_back(std::move(keys));
  if (outcome) {
    metrics_.rows_decoded.add(delivery.batch.row_count);
    outcome = accept(planned, delivery);
  }
  if (outcome) {
    submit(planned, std::move(delivery), std::move(hold), 1);
  } else {
    row_buffers_.give_back(std::move(delivery.batch.rows));
    hold.release();
    if (outcome.error().action == Action::fail_run) {
      end_run(outcome.error());
    } else if (!over()) {
      log::warn("{}: {}; asked for alone", planned.unit.key, outcome.error().describe());
      planned.note = "bad_member";
      ask_elsewhere(planned);
    }
  }
  worker_ended();
}

// By the route of single units.
void Engine::ask_elsewhere(PlannedUnit& planned) {
  ICINGEST_CHECK(planned.fallback != nullptr);
  fall_back(planned, planned.note);
  Port& port = port_of(planned.route);
  port.waiting.push_back(&planned);
  if (port.workers < port.source().in_flight) start_worker(port);
}

}  // namespace icingest::run
