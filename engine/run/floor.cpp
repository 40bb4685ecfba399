#include "run/floor.h"

#include <algorithm>

namespace icingest::run {
namespace {

class Prober {
 public:
  Prober(Engine& engine, const Route& route, const Options& options)
      : engine_(engine), route_(route), options_(options) {}

  // Whether the source has any row of that session.
  Result<bool> has(Date session) {
    ICINGEST_TRY_LET(const Probe found, probe_session(engine_, route_, options_, session));
    if (found.rows == 0) reason_ = found.verdict == Verdict::unavailable ? found.reason : "shortened_history";
    return found.rows > 0;
  }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  Engine& engine_;
  const Route& route_;
  const Options& options_;
  std::string reason_;
};

}  // namespace

Result<Probe> probe_session(Engine& engine, const Route& route, const Options& options, Date session) {
  const Unit unit{.key = "probe", .grain = Grain::session, .from = session, .to = session};
  const Universe nothing = Universe::of({});
  Probe found;
  ICINGEST_TRY_LET(const Engine::Reply reply, engine.ask(&route, route.requests(unit, options).front(),
                                                         [&](Document& document, std::string& next_page) {
                                                           Batch batch;
                                                           KeySet keys;
                                                           Result<void> read =
                                                               route.load.decode(document, unit, batch, keys,
                                                                                 nothing, next_page);
                                                           found.rows = batch.answered;
                                                           next_page.clear();
                                                           return read;
                                                         }));
  found.verdict = reply.judgement.verdict;
  found.reason = reply.judgement.reason;
  return found;
}

Result<std::optional<HistoryFloor>> find_history_floor(Engine& engine, const Route& by_session,
                                                       const Options& options,
                                                       const std::vector<Date>& sessions, Date oldest,
                                                       std::optional<Date> known) {
  Prober prober(engine, by_session, options);
  auto low = std::lower_bound(sessions.begin(), sessions.end(), oldest);  // not to be had, once asked
  if (low == sessions.end()) return std::nullopt;
  ICINGEST_TRY_LET(const bool has_oldest, prober.has(*low));
  if (has_oldest) return std::nullopt;
  const std::string reason = prober.reason();
  auto high = sessions.end();  // to be had, or the end
  if (known) {
    const auto edge = std::upper_bound(sessions.begin(), sessions.end(), *known);
    if (edge != sessions.end() && edge > low) {
      ICINGEST_TRY_LET(const bool has_edge, prober.has(*edge));
      // The floor moves up with the calendar; what was loaded before stays, so the old edge serves.
      if (has_edge) return HistoryFloor{*edge, reason};
      low = edge;
    }
  }
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    ICINGEST_TRY_LET(const bool has_middle, prober.has(*middle));
    (has_middle ? high : low) = middle;
  }
  const Date first = high == sessions.end() ? sessions.back() + std::chrono::days(1) : *high;
  return HistoryFloor{first, reason};
}

}  // namespace icingest::run
