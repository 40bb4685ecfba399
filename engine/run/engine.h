// engine.h: the data path of one run: units → requests → answers → batches → COPY and ledger.
//
//   fetch thread            decode threads       loader threads
//   worker coroutines  ──▶  inflate, parse,  ──▶ COPY, merge, ledger,
//   (limiter, curl)    ◀──  encode               commit
//
// The byte budget is taken before a request and released after its commit, so whatever is slowest holds back
// the rest.
//
// Threads   one caller; it waits in execute() and ask()
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/budget.h"
#include "core/stop.h"
#include "fetch/source_client.h"
#include "load/known_rows.h"
#include "load/loader.h"
#include "load/year_sorter.h"
#include "run/decode_pool.h"
#include "run/year_book.h"

namespace icingest::run {

// A unit with what the planner knows of it.
struct PlannedUnit {
  Unit unit;
  const Route* route = nullptr;
  int expected_generation = 0;
  bool staged = false;
  load::Way way = load::Way::table;
  std::string scope;
  int epoch = 0;
  bool had_second_chance = false;
  const Route* fallback = nullptr;  // where the unit is asked when its route has nothing or fails
  std::string etag;                 // of the reading that stands, when only another one is of interest
  std::string before;               // digest of what was delivered last time, when the same changes nothing
  std::string note;                 // why the unit is asked by another way than planned, for the ledger
  // Of a run that processes share: what was claimed, and the worker that claimed it.
  std::string claim;
  std::string fence;
};

// Where the units of a run come from that several processes share. Called on the thread that called execute().
class UnitSource {
 public:
  struct Taken {
    std::vector<PlannedUnit> units;
    bool complete = false;  // nothing is left, not even of others
  };
  UnitSource() = default;
  UnitSource(const UnitSource&) = delete;
  UnitSource& operator=(const UnitSource&) = delete;
  virtual ~UnitSource() = default;

  // Gives up what has ended and takes about `most` units at most; none, where some were asked for: others have the rest.
  virtual Result<Taken> take(int most, const std::vector<std::string>& ended) = 0;
};

// What an archive turned out to be.
struct ArchiveReading {
  bool absent = false;    // the source has no such object, or does not serve parts of it: nothing was done
  bool changed = false;   // another version took its place while it was read
  std::int64_t left = 0;  // units that were not begun for that
  std::string reason;
  std::string etag;
  std::string last_modified;
  std::int64_t bytes = 0;
  std::int64_t members = 0;
};

// A source and what counts its requests.
struct EngineSource {
  fetch::SourceConfig config;
  fetch::Throttle::MakeQuota make_quota;
};

struct EngineSettings {
  pg::DbConfig db;
  std::vector<EngineSource> sources;  // the pipeline's first
  std::string user_agent;
  std::string pipeline;
  std::string run_id;
  double max_reject_share = 0.02;
  Options own_options;
  std::size_t memory_budget = std::size_t{64} << 20;
  std::string temporary_directory = "/tmp";
  int decode_threads = 1;
  std::chrono::milliseconds outage_patience{600'000};
  // Of a run that processes share: whether that worker is still this process, and the lease.
  std::function<bool(const std::string& fence)> is_mine;
  std::chrono::milliseconds lease{0};
};

class Engine {
 public:
  Engine(EngineSettings settings, const Clock& clock, Metrics& metrics, Stop& stop);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Loads over at least this many connections at once from now on. Without it there is one.
  void use_streams(int streams);
  // Needed before units of Way::sorted: the order of their rows.
  void use_sorting(load::KeyOrder order);
  // Years of the table that are worth reading before they are delivered again. Before use_streams().
  void use_proofs(const TableInfo& table, std::set<int> years);

  // Does these units, in this order as far as the source lets it; returns when each has ended. The error of a run
  // that had to end is in failure().
  // Years sorted or built aside are finished as soon as they are whole, and the rest of them at the end; when the
  // process is to stop, those built aside stay as they are.
  void execute(std::vector<PlannedUnit> units, const Universe& universe);
  // Does what `source` gives until nothing is left of it. Years built aside stay: see finish_years().
  void execute(UnitSource& source, const Universe& universe);
  // Finishes years that were built aside, in the name of that worker.
  void finish_years(const TableInfo& table, const std::set<int>& years, const std::string& fence);
  // Whether units were lost to others since the last call.
  [[nodiscard]] bool take_loss() { return loss_.exchange(false); }

  // Reads the route's archive and does those units whose members are in it, as they come; the others get the
  // `no_answer` word as empty. `choose` makes the units when the archive's version is known; it runs on the fetch
  // thread.
  using Choose = std::function<std::vector<PlannedUnit>(const ArchiveReading&)>;
  Result<ArchiveReading> execute_archive(const Route& route, const Choose& choose, std::string_view no_answer,
                                         const Universe& universe);

  // Writes units that need no answer into the ledger, as empty for that reason.
  void record_empty(std::vector<PlannedUnit> units, std::string_view reason);

  // One question outside the units (a probe, a list of splits), with the same limiter and retries. `read` may
  // be called again for another page it asks for. The route gives the source; none: the pipeline's.
  struct Reply {
    Judgement judgement;
  };
  using Read = std::function<Result<void>(Document&, std::string& next_page)>;
  Result<Reply> ask(const Route* route, std::string path, Read read);

  [[nodiscard]] std::optional<Error> failure() const;
  // The first sentence said about a failed unit, for the report.
  [[nodiscard]] std::string first_unit_failure() const;
  [[nodiscard]] int streams() const { return streams_.load(std::memory_order_relaxed); }
  [[nodiscard]] int decode_threads() const { return settings_.decode_threads; }
  [[nodiscard]] bool is_source_away() const { return source_away_.load(std::memory_order_relaxed); }
  [[nodiscard]] const std::string& run_id() const { return settings_.run_id; }

  // Bytes between request and commit, from any thread.
  struct Holding {
    std::size_t limit = 0;   // the memory budget
    std::size_t held = 0;    // of it
    std::size_t queued = 0;  // of that, rows that wait for a loader
  };
  [[nodiscard]] Holding holding() const;
  // Asks the fetch thread for a sign of life; gives the time of the newest one. From any thread, often.
  Tick pulse();

 private:
  // What became of a unit's requests.
  struct Delivery {
    checkpoint::UnitState state = checkpoint::UnitState::done;
    std::string reason;
    Batch batch;
    std::vector<Batch> side_batches;
    std::string source;
    std::string etag;
    std::string last_modified;
    Instant asked_at{};
    std::int64_t wire_bytes = 0;
    std::chrono::microseconds fetch_time{0};
    std::chrono::microseconds decode_time{0};
    bool unchanged = false;  // what stands is what the source has
  };
  struct Attempt;
  // An archive on its way in.
  struct Feed;
  // A source with all that is its own: connections, limiter, health, and its units.
  struct Port;

  [[nodiscard]] Port& port_of(const Route* route) const;
  boost::asio::awaitable<void> work(Port& port);
  void start_worker(Port& port);
  boost::asio::awaitable<void> deliver(PlannedUnit& planned);
  boost::asio::awaitable<Result<Delivery>> attempt(const PlannedUnit& planned, Budget::Hold& hold);
  // What a decode thread does with a body. The first of a unit takes memory for its keys and rows.
  Result<void> decode(Document& document, const PlannedUnit& planned, Delivery& delivery,
                      std::unique_ptr<KeySet>& keys, std::string& next_page);
  boost::asio::awaitable<Result<bool>> fetch_page(const PlannedUnit& planned, Attempt& state,
                                                  std::string path, std::string& next_page);
  boost::asio::awaitable<Budget::Hold> take_budget(std::size_t bytes);
  boost::asio::awaitable<void> pause(std::chrono::milliseconds duration);
  boost::asio::awaitable<Result<Reply>> ask_pages(Port& port, std::string path, Read read);
  boost::asio::awaitable<void> ask_and_tell(Port& port, std::string path, Read read,
                                            std::shared_ptr<std::promise<Result<Reply>>> told);

  [[nodiscard]] Result<void> accept(const PlannedUnit& planned, Delivery& delivery) const;
  [[nodiscard]] static Failure verdict_error(const fetch::Answer& answer, const Source& source);
  static bool fall_back(PlannedUnit& planned, std::string_view why);
  boost::asio::awaitable<void> feed(Feed& feed);
  boost::asio::awaitable<Result<void>> open_feed(Feed& feed);
  boost::asio::awaitable<Result<std::uint64_t>> read_directory(Feed& feed, fetch::StreamAnswer& answer);
  boost::asio::awaitable<Result<void>> read_members(Feed& feed);
  boost::asio::awaitable<Result<std::unique_ptr<fetch::HttpStream>>> open_members(Feed& feed);
  boost::asio::awaitable<Result<void>> read_member(fetch::HttpStream& stream, std::uint64_t& at,
                                                   std::uint64_t begin, std::uint64_t end, Buffer& body);
  boost::asio::awaitable<Result<void>> wait_to_retry(fetch::SourceClient& client, Error error, int& attempts);
  [[nodiscard]] static Error refusal_of(const fetch::StreamAnswer& answer, const Source& source);
  boost::asio::awaitable<void> take_member(Feed& feed, PlannedUnit& planned, Buffer body, Budget::Hold hold,
                                           std::size_t number);
  void ask_elsewhere(PlannedUnit& planned);
  void begin_units(std::vector<PlannedUnit> units, const Universe& universe);
  void wait_for_units();
  void wait_for_years();
  std::unique_ptr<KeySet> take_keys();
  void give_back(std::unique_ptr<KeySet> keys);
  [[nodiscard]] load::LoadQueue::Producer& producer_for(load::Way way) {
    return way == load::Way::sorted ? *sort_producer_ : *producer_;
  }
  void submit(PlannedUnit& planned, Delivery delivery, Budget::Hold hold, int attempts);
  void record_failure(PlannedUnit& planned, const Error& error, int attempts);
  void on_loaded(load::LoadJob& job, const Result<void>& result);
  void year_lost_unit(const load::LoadJob& job);
  void finish_years_left(load::Way way);
  void finish_year(const YearBook::Key& key, load::Way way, const TableInfo& table);
  // `claim`: what the unit belongs to, where it need not be done by anybody else.
  void unit_ended(bool was_in_loader, const std::string& fence, const std::string& claim);
  void note_loss(const std::string& unit, const Error& error);
  void open_units(const Universe& universe);
  void add_units(std::vector<PlannedUnit> units);
  void end_units();

  void worker_ended();
  PlannedUnit* next_unit(Port& port);
  void end_run(const Error& error);
  void close_fetching();
  [[nodiscard]] bool over() const { return over_.load(std::memory_order_acquire); }

  EngineSettings settings_;
  const Clock& clock_;
  Metrics& metrics_;
  Stop& stop_;

  Budget budget_;
  BufferPool buffers_;
  BufferPool row_buffers_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::vector<std::unique_ptr<Port>> ports_;
  load::LoadQueue load_queue_;
  std::optional<load::LoadQueue::Producer> producer_;
  load::LoadQueue sort_queue_;
  std::optional<load::LoadQueue::Producer> sort_producer_;
  std::unique_ptr<load::YearSorter> sorter_;
  checkpoint::LedgerWriter ledger_;
  std::optional<load::YearProofs> known_years_;
  load::LoaderSettings loader_settings_;
  load::PgKnownRows known_rows_;
  rate::Random random_;

  std::deque<PlannedUnit> units_;  // grows while an archive comes; entries stay where they are
  const Universe* universe_ = nullptr;
  std::size_t estimate_ = 0;  // bytes a unit will hold, from those before it
  std::atomic<bool> over_{false};
  std::atomic<bool> source_away_{false};
  std::atomic<int> streams_{0};
  std::atomic<bool> pulse_asked_{false};
  std::atomic<Tick> pulse_at_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<std::unique_ptr<KeySet>> key_sets_;  // that nobody uses now
  int workers_ = 0;                                // coroutines under way
  std::size_t unfinished_ = 0;                     // units of execute() that have not ended
  std::size_t in_loaders_ = 0;                     // of those, the ones handed to a loader
  std::size_t years_in_loaders_ = 0;
  // Of units that come from a source.
  std::int64_t ended_units_ = 0;                                        // so far
  std::map<std::pair<std::string, std::string>, std::int64_t> claims_;  // by worker and claim: units to come
  std::vector<std::string> ended_claims_;                               // and not yet given up
  std::atomic<bool> loss_{false};
  YearBook years_;
  std::optional<Error> failure_;
  std::string first_unit_failure_;

  std::optional<DecodePool> decoders_;
  std::vector<std::unique_ptr<load::Loader>> loaders_;
  std::vector<std::thread> threads_;
  std::optional<Stop::Registration> at_stop_;
};

}  // namespace icingest::run
