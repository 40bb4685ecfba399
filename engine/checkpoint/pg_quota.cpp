#include "checkpoint/pg_quota.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <utility>

#include "core/fault.h"
#include "core/text.h"

namespace icingest::checkpoint {
namespace {

using rate::Micros;

constexpr int kMostCollisions = 50;

std::atomic<std::int64_t> round_trips_made{0};

std::vector<Micros> parse_array(std::string_view literal) {
  std::vector<Micros> values;
  if (literal.size() < 3) return values;
  for (const std::string_view item : text::split(literal.substr(1, literal.size() - 2), ',')) {
    values.push_back(text::parse_int(item).value_or(0));
  }
  return values;
}

// Structures from three array columns.
template <typename Entry>
std::vector<Entry> read_entries(const pg::PgResult& row, int column) {
  const auto first = parse_array(row.text(0, column));
  const auto second = parse_array(row.text(0, column + 1));
  const auto third = parse_array(row.text(0, column + 2));
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < std::min({first.size(), second.size(), third.size()}); ++i) {
    entries.push_back({first[i], second[i], third[i]});
  }
  return entries;
}

template <typename Entry>
std::string column(const std::vector<Entry>& entries, Micros Entry::*member) {
  std::string literal = "{";
  for (const Entry& entry : entries) {
    literal += (literal.size() > 1 ? "," : "") + std::to_string(entry.*member);
  }
  return literal + "}";
}

std::int64_t make_id() {
  std::random_device device;
  return static_cast<std::int64_t>((std::uint64_t{device()} << 32 | device()) >> 1);
}

}  // namespace

// A digest that cannot be turned round, because the row is readable to whoever may read the ledger, and that every
// build of icingest computes alike, because two names for one key would be two quotas.
std::string quota_name(std::string_view source, std::string_view key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  const std::string text = fmt::format("icingest quota\n{}\n{}", source, key);
  ICINGEST_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  std::string name = fmt::format("{}#", source);
  for (std::size_t i = 0; i < 8; ++i) name += fmt::format("{:02x}", digest.at(i));
  return name;
}

PgQuota::PgQuota(pg::DbConfig db, std::string source, const RateLimit& limit, const Clock& clock)
    : db_(std::move(db)),
      source_(std::move(source)),
      limit_(limit),
      clock_(clock),
      id_(make_id()),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {
  ICINGEST_CHECK(wake_fd_ >= 0);
}

PgQuota::~PgQuota() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake();
  thread_.join();
  ::close(wake_fd_);
}

std::int64_t PgQuota::round_trips() { return round_trips_made; }

void PgQuota::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_fd_, &one, sizeof one));
}

void PgQuota::exchange(rate::Exchange exchange, std::move_only_function<void(Result<rate::Loan>)> done) {
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back({std::move(exchange), std::move(done)});
  }
  wake();
}

void PgQuota::on_notice(std::move_only_function<void()> look) {
  const std::scoped_lock lock(mutex_);
  look_ = std::move(look);
}

void PgQuota::run() {
  for (;;) {
    std::optional<Request> request;
    {
      const std::scoped_lock lock(mutex_);
      if (requests_.empty() && ending_) return;
      if (!requests_.empty()) {
        request = std::move(requests_.front());
        requests_.pop_front();
      }
    }
    if (!request) {
      wait_for_something();
      continue;
    }
    Result<rate::Loan> loan = serve(request->exchange);
    request->done(std::move(loan));
  }
}

// A request, the end, or a word from the database.
void PgQuota::wait_for_something() {
  std::array<pollfd, 2> waits{
      pollfd{.fd = wake_fd_, .events = POLLIN, .revents = 0},
      pollfd{.fd = conn_ ? PQsocket(conn_->native()) : -1, .events = POLLIN, .revents = 0}};
  if (::poll(waits.data(), waits.size(), -1) < 0) return;  // interrupted
  std::uint64_t count = 0;
  static_cast<void>(::read(wake_fd_, &count, sizeof count));
  if (waits[1].revents != 0) look_at_notices();
}

void PgQuota::look_at_notices() {
  if (!conn_) return;
  if (PQconsumeInput(conn_->native()) == 0) return conn_.reset();  // it is away; the next exchange will tell
  bool is_ours = false;
  while (PGnotify* const raw = PQnotifies(conn_->native())) {
    const std::unique_ptr<PGnotify, decltype(&PQfreemem)> notice(raw, &PQfreemem);
    is_ours = is_ours || (source_ == notice->extra && notice->be_pid != PQbackendPID(conn_->native()));
  }
  const std::scoped_lock lock(mutex_);
  if (is_ours && look_) look_();
}

Result<pg::PgResult> PgQuota::ask(const std::string& sql, const std::vector<pg::PgParameter>& parameters) {
  ++round_trips_made;
  return conn_->exec(sql, parameters);
}

Result<rate::Loan> PgQuota::serve(rate::Exchange& exchange) {
  auto& settled = untold_.settled;
  settled.insert(settled.end(), exchange.settled.begin(), exchange.settled.end());
  untold_.block_until = std::max(untold_.block_until, exchange.block_until);
  untold_.away_until = std::max(untold_.away_until, exchange.away_until);
  untold_.kept = std::move(exchange.kept);
  untold_.wants = exchange.wants;
  const auto lend = [&]() -> Result<rate::Loan> {
    ICINGEST_TRY(connect());
    for (int collisions = 0; collisions < kMostCollisions; ++collisions) {
      ICINGEST_TRY_LET(Row row, read());
      bool others_should_look = false;
      rate::Loan loan = row.state.serve(id_, there(untold_), limit_, row.there, others_should_look);
      ICINGEST_TRY_LET(const bool written, write(row, others_should_look));
      if (written) return here(std::move(loan));
    }
    return Failure(Error{.action = Action::reconnect, .message = "the quota's row changes all the time"});
  };
  Result<rate::Loan> loan = lend();
  if (loan) untold_ = {};
  else conn_.reset();
  // What came while the answer was waited for.
  if (conn_) look_at_notices();
  return loan;
}

Result<void> PgQuota::connect() {
  if (conn_) return {};
  bounds_.forget();  // it may be another server
  ICINGEST_TRY_LET(conn_, pg::PgConn::connect(db_, std::chrono::seconds(5)));
  ICINGEST_TRY(ask("LISTEN icingest_quota", {}));
  return {};
}

Result<void> PgQuota::make_row() {
  ICINGEST_TRY(ask(
      "INSERT INTO icingest.quotas (source, permits, window_us) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      {source_, std::to_string(limit_.permits), std::to_string(limit_.window.count())}));
  return {};
}

Result<PgQuota::Row> PgQuota::read() {
  const Micros before = now();
  ICINGEST_TRY_LET(
      const pg::PgResult row,
      ask("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, permits, window_us, "
          "blocked_until, away_until, version, last_lease, free_at, was_free_at, lease, "
          "sharer, wants, wants_until FROM icingest.quotas WHERE source = $1",
          {source_}));
  const Micros after = now();
  if (row.rows() == 0) {
    ICINGEST_TRY(make_row());
    return read();
  }
  const Micros there = row.number(0, 0);
  bounds_.add(before, there, after);
  const RateLimit stored{.permits = static_cast<int>(row.number(0, 1)),
                         .window = std::chrono::microseconds(row.number(0, 2))};
  return Row{.state = {.table = rate::SlotTable(limit_, stored, read_entries<rate::SlotTable::Entry>(row, 7),
                                                row.number(0, 6)),
                       .sharers = rate::Sharers(read_entries<rate::Sharer>(row, 10)),
                       .blocked_until = row.number(0, 3),
                       .away_until = row.number(0, 4)},
             .version = row.number(0, 5),
             .there = there};
}

// False when somebody else has written meanwhile.
Result<bool> PgQuota::write(const Row& row, bool tell_others) {
  using Entry = rate::SlotTable::Entry;
  using rate::Sharer;
  if (fault::point("quota.before_write")) {
    return Failure(Error{.action = Action::reconnect, .message = "fault: quota.before_write"});
  }
  const auto& entries = row.state.table.entries();
  const auto& sharers = row.state.sharers.all();
  ICINGEST_TRY_LET(
      const pg::PgResult written,
      ask("WITH written AS (UPDATE icingest.quotas SET permits = $2, window_us = $3, blocked_until = $4, "
          "away_until = $5, version = version + 1, last_lease = $7, free_at = $8::bigint[], "
          "was_free_at = $9::bigint[], lease = $10::bigint[], sharer = $11::bigint[], wants = $12::bigint[], "
          "wants_until = $13::bigint[] WHERE source = $1 AND version = $6 RETURNING source) "
          "SELECT CASE WHEN $14::boolean THEN pg_notify('icingest_quota', source) END FROM written",
          {source_, std::to_string(limit_.permits), std::to_string(limit_.window.count()),
           std::to_string(row.state.blocked_until), std::to_string(row.state.away_until),
           std::to_string(row.version), std::to_string(row.state.table.last_lease()),
           column(entries, &Entry::free_at), column(entries, &Entry::was_free_at),
           column(entries, &Entry::lease), column(sharers, &Sharer::id), column(sharers, &Sharer::wants),
           column(sharers, &Sharer::until), tell_others ? "true" : "false"}));
  return written.rows() == 1;
}

// In the database's time, as late as it can have been.
rate::Exchange PgQuota::there(const rate::Exchange& exchange) const {
  rate::Exchange moved = exchange;
  for (rate::Settled& one : moved.settled) {
    if (one.used) one.arrived_by = bounds_.there_at_most(one.arrived_by);
  }
  for (Micros* const until : {&moved.block_until, &moved.away_until}) {
    if (*until > 0) *until = bounds_.there_at_most(*until);
  }
  return moved;
}

// In this process's time: beginnings late, ends early.
rate::Loan PgQuota::here(rate::Loan loan) const {
  for (rate::Slot& slot : loan.slots) {
    slot.not_before = bounds_.here_at_most(slot.not_before);
    slot.expires = bounds_.here_at_least(slot.expires);
  }
  for (rate::Slot& slot : loan.prolonged) slot.expires = bounds_.here_at_least(slot.expires);
  for (Micros* const time : {&loan.next_chance, &loan.blocked_until, &loan.away_until}) {
    if (*time > 0) *time = bounds_.here_at_most(*time);
  }
  return loan;
}

}  // namespace icingest::checkpoint
