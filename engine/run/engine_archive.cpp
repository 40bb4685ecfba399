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

// The directory of 20,000 members is two megabytes; with this much at once it takes no second request.
constexpr std::uint64_t kTailBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kMostDirectoryBytes = std::uint64_t{256} << 20;
// Reading over as much as this takes as long as another request.
constexpr std::uint64_t kSkipBytes = std::uint64_t{2} << 20;
// Room between a member's data and the next one, for headers and what writers put there.
constexpr std::uint64_t kSlackBytes = std::uint64_t{1} << 20;

struct Part {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t total = 0;
};

// "bytes 100-199/1234"
std::optional<Part> part_of(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  const std::size_t dash = content_range.find('-');
  const std::size_t slash = content_range.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = text::parse_int(content_range.substr(0, dash));
  const auto last = text::parse_int(content_range.substr(dash + 1, slash - dash - 1));
  const auto total = text::parse_int(content_range.substr(slash + 1));
  if (!first || !last || !total || *first < 0 || *last < *first || *total <= *last) return std::nullopt;
  return Part{static_cast<std::uint64_t>(*first), static_cast<std::uint64_t>(*last - *first + 1),
              static_cast<std::uint64_t>(*total)};
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
  std::vector<decode::ZipEntry> entries;                     // by offset; stays while members are decoded
  std::vector<std::pair<std::size_t, PlannedUnit*>> wanted;  // entries and their units, by offset
  std::size_t taken = 0;                                     // of wanted
  std::optional<Error> error;
};

Result<ArchiveReading> Engine::execute_archive(const Route& route, const Choose& choose,
                                               std::string_view no_answer, const Universe& universe) {
  if (over()) return run_is_over();
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
        Delivery nothing{
            .state = UnitState::empty, .reason = std::string(feed.no_answer), .asked_at = feed.asked_at};
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

// What an answer that brings nothing asks for.
Error Engine::refusal_of(const fetch::StreamAnswer& answer, const Source& source) {
  fetch::Answer judged{.judgement = answer.judgement, .url = answer.url};
  judged.response.status = answer.response.status;
  judged.response.retry_after = answer.response.retry_after;
  return verdict_error(judged, source).error();
}

// Asks for the end of the file, which says everything else.
asio::awaitable<Result<void>> Engine::open_feed(Feed& feed) {
  fetch::SourceClient& client = feed.port.client;
  const std::string path(feed.route.archive->path);
  std::uint64_t from = 0;  // where the directory begins, once a shorter end has said so
  for (int attempts = 1; !over();) {
    Error error;
    const std::string range =
        from == 0 ? fmt::format("bytes=-{}", kTailBytes) : fmt::format("bytes={}-", from);
    // Named, because gcc 12 destroys a conditional's temporary twice when it lives across co_await.
    std::string version;
    if (from != 0) version = feed.reading.etag;
    Result<fetch::StreamAnswer> answer = co_await client.open(path, range, version);
    if (!answer) {
      error = std::move(answer).error();
    } else if (answer->judgement.verdict == Verdict::empty ||
               answer->judgement.verdict == Verdict::unavailable) {
      feed.reading.absent = true;
      feed.reading.reason = answer->judgement.reason;
      co_return Result<void>{};
    } else if (answer->judgement.verdict != Verdict::success) {
      error = refusal_of(*answer, client.config().source);
    } else if (answer->response.status != 206 || answer->response.etag.empty()) {
      // Replaced between two requests, or a cache that does not know ranges; one that never does is no use.
      from = 0;
      error = broken(fmt::format("{}: the answer to a range is not one", path)).error();
      if (attempts == kRetry.attempts) {
        feed.reading.absent = true;
        feed.reading.reason = "no_ranges";
        co_return Result<void>{};
      }
    } else {
      Result<std::uint64_t> begin = co_await read_directory(feed, *answer);
      if (begin && *begin == 0) co_return Result<void>{};
      if (begin && from == 0) {
        from = *begin;
        continue;
      }
      error = begin ? broken(fmt::format("{}: its directory moves", path)).error() : std::move(begin).error();
    }
    Result<void> again = co_await wait_to_retry(client, std::move(error), attempts);
    if (!again) co_return again;
  }
  co_return run_is_over();
}

// Reads the directory from an answer that ends with the file. Gives where it begins when that is before the answer
// does; else 0, and the entries are in `feed`.
asio::awaitable<Result<std::uint64_t>> Engine::read_directory(Feed& feed, fetch::StreamAnswer& answer) {
  const auto part = part_of(answer.response.content_range);
  if (!part || part->size > kMostDirectoryBytes || part->begin + part->size != part->total)
    co_return broken(fmt::format("{}: not the end of the file that was asked for", answer.url));
  Buffer tail;
  const Result<std::size_t> read = co_await answer.stream->read(static_cast<std::size_t>(part->size), tail);
  metrics_.bytes_received.add(static_cast<std::int64_t>(tail.size()));
  if (!read) co_return std::unexpected(read.error());
  if (*read < part->size) co_return broken(fmt::format("{} ended early", answer.url));
  const auto found = decode::find_zip_directory(tail.view(), part->total);
  if (!found) co_return std::unexpected(found.error());
  feed.reading.etag = answer.response.etag;
  if (found->directory_offset < part->begin) {
    if (part->total - found->directory_offset > kMostDirectoryBytes)
      co_return Failure(Error{.action = Action::fail_unit,
                              .exit = ExitCode::later,
                              .message = fmt::format("{}: its directory is larger than any", answer.url)});
    co_return found->directory_offset;
  }
  auto entries = decode::read_zip_directory(
      tail.view().substr(static_cast<std::size_t>(found->directory_offset - part->begin),
                         static_cast<std::size_t>(found->directory_bytes)),
      *found);
  if (!entries) co_return std::unexpected(std::move(entries).error());
  feed.entries = std::move(*entries);
  feed.asked_at = answer.asked_at;
  feed.reading.last_modified = answer.response.last_modified;
  feed.reading.bytes = static_cast<std::int64_t>(part->total);
  feed.reading.members = static_cast<std::int64_t>(feed.entries.size());
  co_return 0;
}

// The stream from the next wanted member on, to the end of what lies close together: then the connection can be used
// again. Nothing when the archive has been replaced.
asio::awaitable<Result<std::unique_ptr<fetch::HttpStream>>> Engine::open_members(Feed& feed) {
  fetch::SourceClient& client = feed.port.client;
  const std::string path(feed.route.archive->path);
  const std::uint64_t begin = feed.entries[feed.wanted[feed.taken].first].offset;
  std::uint64_t end = feed.entries[feed.wanted[feed.taken].first].end;
  for (std::size_t next = feed.taken + 1; next < feed.wanted.size(); ++next) {
    const decode::ZipEntry& following = feed.entries[feed.wanted[next].first];
    if (following.offset - end > kSkipBytes) break;
    end = following.end;
  }
  const std::string range = fmt::format("bytes={}-{}", begin, end - 1);
  Result<fetch::StreamAnswer> answer = co_await client.open(path, range, feed.reading.etag);
  if (!answer) co_return std::unexpected(std::move(answer).error());
  if (answer->judgement.verdict != Verdict::success) {
    Error error = refusal_of(*answer, client.config().source);
    // It was there a moment ago.
    if (answer->judgement.verdict == Verdict::empty) error.action = Action::retry;
    co_return std::unexpected(std::move(error));
  }
  if (answer->response.etag != feed.reading.etag) {
    log::warn("{} was replaced while it was read; beginning anew", path);
    feed.reading.changed = true;
    co_return std::unique_ptr<fetch::HttpStream>();
  }
  if (answer->response.status != 206)
    co_return broken(fmt::format("{}: the answer to a range is the whole", path));
  co_return std::move(answer->stream);
}

// The member's bytes, headers included, from a stream that is at `at`.
asio::awaitable<Result<void>> Engine::read_member(fetch::HttpStream& stream, std::uint64_t& at,
                                                  std::uint64_t begin, std::uint64_t end, Buffer& body) {
  for (const bool wanted : {false, true}) {
    const auto bytes = static_cast<std::size_t>(wanted ? end - begin : begin - at);
    body.clear();
    const Result<std::size_t> read = co_await stream.read(bytes, body);
    metrics_.bytes_received.add(static_cast<std::int64_t>(body.size()));
    if (!read) co_return std::unexpected(read.error());
    if (*read < bytes) co_return broken("the archive ended early");
    at = wanted ? end : begin;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Engine::read_members(Feed& feed) {
  std::unique_ptr<fetch::HttpStream> stream;
  std::uint64_t at = 0;  // where the stream is
  int attempts = 1;
  // Who was declared dead reads for nothing.
  while (feed.taken < feed.wanted.size() && !over() && !loss_) {
    const auto [number, planned] = feed.wanted[feed.taken];
    const decode::ZipEntry& entry = feed.entries[number];
    const std::uint64_t length = entry.end - entry.offset;
    if (entry.end < entry.offset || entry.compressed > length || length > entry.compressed + kSlackBytes ||
        length > feed.route.archive->most_member_bytes) {
      ++feed.taken;
      log::warn("{}: its place in the archive cannot be; asked for alone", planned->unit.key);
      ask_elsewhere(*planned);
      continue;
    }
    Budget::Hold hold =
        co_await take_budget(std::max<std::size_t>(estimate_, static_cast<std::size_t>(length)));
    if (over()) break;
    if (stream && (at > entry.offset || entry.offset - at > kSkipBytes)) stream.reset();
    Result<void> read;
    Buffer body = buffers_.take();
    if (!stream) {
      Result<std::unique_ptr<fetch::HttpStream>> opened = co_await open_members(feed);
      if (!opened) read = std::unexpected(std::move(opened).error());
      else if (feed.reading.changed) co_return Result<void>{};
      else stream = std::move(*opened), at = entry.offset;
    }
    if (read) read = co_await read_member(*stream, at, entry.offset, entry.end, body);
    if (read) {
      attempts = 1;
      ++feed.taken;
      if (fault::point("archive.member")) stream.reset();
      {
        const std::scoped_lock lock(mutex_);
        ++workers_;
      }
      asio::co_spawn(io_, take_member(feed, *planned, std::move(body), std::move(hold), number),
                     asio::detached);
      continue;
    }
    buffers_.give_back(std::move(body));
    hold.release();
    stream.reset();
    if (over()) break;
    Result<void> again = co_await wait_to_retry(feed.port.client, std::move(read).error(), attempts);
    if (!again) {
      // Part of it has been read: nothing else is cheaper later.
      if (again.error().action == Action::fail_unit) again.error().action = Action::stop_source;
      co_return again;
    }
  }
  co_return Result<void>{};
}

// Decodes a member and hands its rows to the loaders. A member that is broken says nothing about its unit.
asio::awaitable<void> Engine::take_member(Feed& feed, PlannedUnit& planned, Buffer body, Budget::Hold hold,
                                          std::size_t number) {
  std::unique_ptr<KeySet> keys;
  Delivery delivery{.asked_at = feed.asked_at};
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
  task.decode = [&](Document& document) { return decode(document, planned, delivery, keys, next_page); };
  Result<void> outcome = co_await decoders_->decode(std::move(task));
  delivery.decode_time = std::chrono::duration_cast<std::chrono::microseconds>(clock_.tick() - started);
  give_back(std::move(keys));
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
      ask_elsewhere(planned);
    }
  }
  worker_ended();
}

// A member that is broken has its unit asked for by the route of single units.
void Engine::ask_elsewhere(PlannedUnit& planned) {
  ICINGEST_CHECK(planned.fallback != nullptr);
  planned.note = "bad_member";
  fall_back(planned, planned.note);
  Port& port = port_of(planned.route);
  port.waiting.push_back(&planned);
  if (port.workers < port.source().in_flight) start_worker(port);
}

}  // namespace icingest::run
