#include "run/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/text.h"
#include "icingest/calendar.h"

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;
using checkpoint::UnitState;

constexpr double kBytesPerSecond = 12.5e6;  // 100 Mbit/s
// One stream into a bare table on the class of machine in docs/performance.md; a floor, not a promise.
constexpr double kCopyRowsPerSecond = 780'000;
// A run is the quota's when that takes several times what the database needs, and long enough for people to look.
constexpr double kQuotaBound = 4;
constexpr double kPatientSeconds = 120;
// Reading a year costs as much as comparing a fifth of it row by row.
constexpr int kSessionsWorthReading = 60;

const UnitRecord* find_unit(const Standing& standing, const std::string& key) {
  const auto found = standing.units.find(key);
  return found == standing.units.end() ? nullptr : &found->second;
}

bool was_loaded(const UnitRecord* unit) { return unit != nullptr && unit->rows > 0; }

bool has_prefix(const UnitRecord& unit, std::string_view prefix) {
  return unit.unit.size() > prefix.size() && unit.unit.starts_with(prefix) && unit.unit[prefix.size()] == '/';
}

double quota_seconds(std::int64_t requests, const RateLimit& limit) {
  return static_cast<double>(requests) * static_cast<double>(limit.window.count()) / 1e6 / limit.permits;
}

// What a row of answers of that many symbols weighs.
double bytes_of(const Route& by_session, std::int64_t symbols) {
  return static_cast<double>(std::max(by_session.rows_per_answer, symbols)) * by_session.bytes_per_row;
}

// What one choice of strategy means.
struct Candidate {
  std::string_view strategy;
  const Route* by_session = nullptr;
  Cover cover;
  RouteCost cost;
};

class SessionPlanner {
 public:
  SessionPlanner(const Pipeline& pipeline, const IngestOptions& options, const SourceLimits& limits,
                 const Universe& universe, const Standing& standing, const Window& window, Instant now)
      : pipeline_(pipeline),
        options_(options),
        limits_(limits),
        universe_(universe),
        standing_(standing),
        by_session_(find_route(pipeline, Grain::session)),
        by_symbol_(find_route(pipeline, Grain::symbol)),
        history_(find_history_route(pipeline)),
        scope_(scope_of(options, universe)) {
    plan_.from = window.from;
    plan_.to = window.to;
    plan_.sessions = nyse::sessions(window.from, window.to);
    plan_.symbols = static_cast<std::int64_t>(universe.symbols().size());
    find_missing_cells(pipeline, now);
    if (history_ != nullptr) find_history_sessions(now);
  }

  Result<Plan> plan() {
    std::vector<Candidate> candidates = make_candidates();
    for (const Candidate& candidate : candidates) add_cost(candidate.cost);
    const Candidate* const chosen = choose(candidates);
    if (chosen == nullptr) {
      return usage_error(fmt::format("--strategy {} cannot serve this run", options_.strategy),
                         options_.everything ? "a run over everything the source has goes by session"
                                             : "use --strategy auto");
    }
    plan_.strategy = chosen->strategy;
    plan_.quota_seconds = chosen->cost.quota_seconds;
    add_units(*chosen);
    for (const auto& [session, symbols] : missing_.by_session) {
      plan_.expected_rows += options_.everything ? by_session_->rows_per_answer : symbols;
    }
    plan_.copy_seconds = static_cast<double>(plan_.expected_rows) / kCopyRowsPerSecond;
    return std::move(plan_);
  }

 private:
  void find_missing_cells(const Pipeline& pipeline, Instant now) {
    CoverageInput input{.sessions = &plan_.sessions,
                        .symbols = &universe_.symbols(),
                        .everything = options_.everything,
                        .resume = options_.resume,
                        .scope = scope_,
                        .session_prefix = std::string(by_session_->unit_prefix),
                        .symbol_prefix = std::string(by_symbol_->unit_prefix),
                        .units = &standing_.units,
                        .members = &standing_.members};
    const auto refresh =
        static_cast<std::size_t>(std::max(options_.refresh.value_or(pipeline.refresh_sessions), 0));
    const std::size_t newest = std::min(refresh, plan_.sessions.size());
    input.refresh.assign(plan_.sessions.end() - static_cast<std::ptrdiff_t>(newest), plan_.sessions.end());
    // By default a session is read again once the market has closed since; --refresh N asks for it in any
    // case.
    input.fresh_since = options_.refresh ? now : nyse::close_of(nyse::last_closed_session(now));
    missing_ = find_missing(input);
  }

  // The sessions that the history route may serve: old enough, and not yet brought by a route with more to
  // say. What others have put into the table before the ledger is not known to be less.
  void find_history_sessions(Instant now) {
    if (standing_.adopted) return;
    const Date closed = nyse::last_closed_session(now);
    // Twice the days hold the sessions of any number of weeks, holidays included.
    std::vector<Date> newest =
        nyse::sessions(closed - std::chrono::days(2 * history_->leaves_newest + 10), closed);
    const Date first_left = newest.at(newest.size() - static_cast<std::size_t>(history_->leaves_newest));
    for (const Date session : plan_.sessions) {
      if (session < first_left) history_sessions_.insert(session);
    }
    for (const auto& [key, unit] : standing_.units) {
      if (unit.rows == 0 || unit.route == history_->name) continue;
      history_sessions_.erase(history_sessions_.lower_bound(unit.from),
                              history_sessions_.upper_bound(unit.to));
    }
  }

  [[nodiscard]] const Route* session_route(const Route* wanted, Date session) const {
    return wanted == history_ && !history_sessions_.contains(session) ? by_session_ : wanted;
  }

  [[nodiscard]] RouteCost cost_of(const Route* by_session, const Cover& cover) const {
    RouteCost cost;
    std::map<std::string_view, std::int64_t> requests;
    for (const Date session : cover.sessions) {
      const Route& route = *session_route(by_session, session);
      ++requests[source_of(pipeline_, route).name];
      cost.bytes += bytes_of(route, plan_.symbols);
    }
    requests[pipeline_.source.name] += static_cast<std::int64_t>(cover.symbols.size());
    cost.bytes += static_cast<double>(cover.symbols.size()) * static_cast<double>(plan_.sessions.size()) *
                  by_symbol_->bytes_per_row;
    for (const auto& [source, count] : requests) {
      cost.requests += count;
      cost.quota_seconds = std::max(cost.quota_seconds, quota_seconds(count, limits_.find(source)->second));
    }
    cost.transfer_seconds = cost.bytes / kBytesPerSecond;
    return cost;
  }

  [[nodiscard]] std::vector<Candidate> make_candidates() const {
    std::vector<Candidate> candidates;
    const auto add = [&](const Route* strategy, const Route* by_session, Cover cover) {
      RouteCost cost = cost_of(by_session, cover);
      cost.route = strategy->name;
      candidates.push_back({strategy->name, by_session, std::move(cover), cost});
    };
    std::vector<const Route*> by_session = {by_session_};
    if (history_ != nullptr && limits_.contains(source_of(pipeline_, *history_).name))
      by_session.push_back(history_);
    for (const Route* route : by_session) {
      if (!options_.everything) add(route, route, cover_mixed(missing_, plan_.symbols));
      add(route, route, cover_by_session(missing_));
    }
    if (!options_.everything) add(by_symbol_, by_session_, cover_by_symbol(missing_));
    return candidates;
  }

  // Of each strategy the plan shows its cheapest form.
  void add_cost(const RouteCost& cost) {
    const auto same = std::find_if(plan_.costs.begin(), plan_.costs.end(),
                                   [&](const RouteCost& other) { return other.route == cost.route; });
    if (same == plan_.costs.end()) plan_.costs.push_back(cost);
    else if (cost.floor_seconds() < same->floor_seconds()) *same = cost;
  }

  [[nodiscard]] const Candidate* choose(const std::vector<Candidate>& candidates) const {
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
      if (options_.strategy != "auto" && options_.strategy != candidate.strategy) continue;
      const auto rank = [](const Candidate& c) { return std::pair(c.cost.floor_seconds(), c.cost.requests); };
      if (best == nullptr || rank(candidate) < rank(*best)) best = &candidate;
    }
    // Nothing to do: name the way it was done.
    if (best != nullptr && best->cost.requests == 0 && options_.strategy == "auto") {
      const bool by_symbol =
          std::none_of(standing_.units.begin(), standing_.units.end(),
                       [&](const auto& entry) { return has_prefix(entry.second, by_session_->unit_prefix); });
      if (by_symbol && candidates.size() > 1) best = &candidates.back();
      const auto by_history =
          std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
            return candidate.by_session == history_ && any_brought_by(*history_);
          });
      if (history_ != nullptr && by_history != candidates.end()) best = &*by_history;
    }
    return best;
  }

  void add_units(const Candidate& chosen) {
    const bool session_loaded = any_loaded(by_session_->unit_prefix);
    const bool symbol_loaded = any_loaded(by_symbol_->unit_prefix);
    // Newest first: what readers look at is back before the rest.
    for (auto session = chosen.cover.sessions.rbegin(); session != chosen.cover.sessions.rend(); ++session) {
      PlannedUnit planned{.route = session_route(chosen.by_session, *session), .scope = scope_};
      planned.unit = {.key = session_key(by_session_->unit_prefix, *session, scope_),
                      .grain = Grain::session,
                      .from = *session,
                      .to = *session};
      const UnitRecord* const record = find_unit(standing_, planned.unit.key);
      planned.expected_generation = record != nullptr ? record->generation : 0;
      planned.staged =
          standing_.adopted || was_loaded(record) || symbol_loaded || (!scope_.empty() && session_loaded);
      if (planned.route == history_) {
        planned.fallback = by_session_;
        const bool again =
            record != nullptr && record->route == history_->name && missing_.stale.contains(*session);
        if (again) planned.etag = record->etag;
      }
      plan_.main.push_back(std::move(planned));
    }
    const bool only_symbols = chosen.strategy == by_symbol_->name;
    for (const std::string& symbol : chosen.cover.symbols) {
      PlannedUnit planned = symbol_unit(symbol, plan_.from, plan_.to);
      planned.staged = standing_.adopted || session_loaded ||
                       was_loaded(find_unit(standing_, planned.unit.key)) || !chosen.cover.sessions.empty();
      (only_symbols ? plan_.main : plan_.gaps).push_back(std::move(planned));
    }
    const auto whole = only_symbols ? plan_.symbols : static_cast<std::int64_t>(plan_.sessions.size());
    plan_.skipped = whole - static_cast<std::int64_t>(plan_.main.size());
  }

  [[nodiscard]] PlannedUnit symbol_unit(const std::string& symbol, Date from, Date to) const {
    PlannedUnit planned{.route = by_symbol_, .scope = {}};
    planned.unit = {.key = fmt::format("{}/{}", by_symbol_->unit_prefix, symbol),
                    .grain = Grain::symbol,
                    .from = from,
                    .to = to,
                    .symbol = symbol};
    const UnitRecord* const record = find_unit(standing_, planned.unit.key);
    planned.expected_generation = record != nullptr ? record->generation : 0;
    return planned;
  }

  [[nodiscard]] bool any_brought_by(const Route& route) const {
    return std::any_of(standing_.units.begin(), standing_.units.end(),
                       [&](const auto& entry) { return entry.second.route == route.name; });
  }

  [[nodiscard]] bool any_loaded(std::string_view prefix) const {
    return std::any_of(standing_.units.begin(), standing_.units.end(), [&](const auto& entry) {
      return has_prefix(entry.second, prefix) && entry.second.rows > 0;
    });
  }

  const Pipeline& pipeline_;
  const IngestOptions& options_;
  const SourceLimits& limits_;
  const Universe& universe_;
  const Standing& standing_;
  const Route* by_session_;
  const Route* by_symbol_;
  const Route* history_;
  std::set<Date> history_sessions_;
  std::string scope_;
  Missing missing_;
  Plan plan_;
};

// The whole dataset, once a day.
Result<Plan> plan_whole(const Route& route, const IngestOptions& options, const RateLimit& limit,
                        const Standing& standing, const Window& window, Date today) {
  if (options.strategy != "auto" && options.strategy != route.name) {
    return usage_error(fmt::format("unknown --strategy {}", options.strategy),
                       fmt::format("use auto or {}", route.name));
  }
  Plan plan{.strategy = std::string(route.name), .from = window.from, .to = window.to};
  PlannedUnit planned{.route = &route};
  planned.unit = {
      .key = fmt::format("{}/{}", route.unit_prefix, route.unit_name ? route.unit_name(options.own) : "all"),
      .grain = Grain::whole,
      .from = today,
      .to = today};
  const UnitRecord* const record = find_unit(standing, planned.unit.key);
  planned.expected_generation = record != nullptr ? record->generation : 0;
  planned.staged = true;
  if (options.resume && record != nullptr && record->state == UnitState::done && record->basis == today) {
    plan.skipped = 1;
    return plan;
  }
  plan.main.push_back(std::move(planned));
  plan.expected_rows = route.expected_rows;
  RouteCost cost{.route = route.name,
                 .requests = (route.expected_rows + route.rows_per_answer - 1) /
                             std::max<std::int64_t>(1, route.rows_per_answer)};
  cost.bytes = static_cast<double>(route.expected_rows) * route.bytes_per_row;
  cost.quota_seconds = quota_seconds(cost.requests, limit);
  cost.transfer_seconds = cost.bytes / kBytesPerSecond;
  plan.quota_seconds = cost.quota_seconds;
  plan.copy_seconds = static_cast<double>(plan.expected_rows) / kCopyRowsPerSecond;
  plan.costs.push_back(cost);
  return plan;
}

}  // namespace

const Route* find_route(const Pipeline& pipeline, Grain grain) {
  const auto found = std::find_if(pipeline.routes.begin(), pipeline.routes.end(), [&](const Route& route) {
    return route.grain == grain && !route.only_with_option && route.leaves_newest == 0;
  });
  return found == pipeline.routes.end() ? nullptr : &*found;
}

const Route* find_history_route(const Pipeline& pipeline) {
  const auto found = std::find_if(pipeline.routes.begin(), pipeline.routes.end(),
                                  [](const Route& route) { return route.leaves_newest > 0; });
  return found == pipeline.routes.end() ? nullptr : &*found;
}

const Source& source_of(const Pipeline& pipeline, const Route& route) {
  return route.source ? *route.source : pipeline.source;
}

Result<Window> window_of(const IngestOptions& options, Instant now) {
  const Date closed = nyse::last_closed_session(now);
  const Date to = options.to.value_or(closed);
  if (to > closed) {
    return usage_error(
        fmt::format("--to {} lies after the last closed session ({})", to_string(to), to_string(closed)));
  }
  if (options.years < 1 || options.years > 100) return usage_error("--years takes a number from 1 to 100");
  // N calendar years back from today, or from --to when that is given.
  const Date from =
      options.from.value_or(years_before(options.to.value_or(new_york::date_of(now)), options.years));
  if (from > to) {
    return usage_error(fmt::format("--from {} lies after --to {}", to_string(from), to_string(to)));
  }
  return Window{from, to};
}

std::string scope_of(const IngestOptions& options, const Universe& universe) {
  if (options.everything) return "all";
  if (options.tickers.empty() && !options.limit) return "";
  return "set:" + universe.fingerprint();
}

Result<Plan> make_plan(const Pipeline& pipeline, const IngestOptions& options, const SourceLimits& limits,
                       const Universe& universe, const Standing& standing, const Window& window,
                       Instant now) {
  if (const Route* const whole = find_route(pipeline, Grain::whole)) {
    return plan_whole(*whole, options, limits.find(source_of(pipeline, *whole).name)->second, standing,
                      window, new_york::date_of(now));
  }
  return SessionPlanner(pipeline, options, limits, universe, standing, window, now).plan();
}

load::UnitYears years_of(const PlannedUnit& planned) {
  return {.first = year_of(planned.unit.from), .last = year_of(planned.unit.to), .staged = planned.staged};
}

load::LoadPlan load_plan_of(const Plan& plan, const pg::TableLayout& layout, int streams) {
  std::vector<load::UnitYears> units;
  units.reserve(plan.main.size());
  for (const PlannedUnit& planned : plan.main) units.push_back(years_of(planned));
  const bool quota_bound =
      plan.quota_seconds > kPatientSeconds && plan.quota_seconds > kQuotaBound * plan.copy_seconds;
  return load::plan_load(layout, units, {.quota_bound = quota_bound, .streams = streams});
}

std::set<int> years_read_again(const Plan& plan, bool resume) {
  std::map<int, int> sessions;
  for (const PlannedUnit& planned : plan.main) {
    if (planned.staged && planned.unit.grain == Grain::session && planned.scope.empty())
      ++sessions[year_of(planned.unit.from)];
  }
  std::set<int> years;
  for (const auto& [year, count] : sessions) {
    if (!resume || count >= kSessionsWorthReading) years.insert(year);
  }
  return years;
}

std::vector<PlannedUnit> plan_optional_route(const Route& route, const IngestOptions& options,
                                             const Universe& universe, const Standing& standing, Date today,
                                             std::int64_t& skipped) {
  std::vector<PlannedUnit> units;
  for (const std::string& symbol : universe.symbols()) {
    PlannedUnit planned{.route = &route, .staged = true};
    planned.unit = {.key = fmt::format("{}/{}", route.unit_prefix, symbol),
                    .grain = route.grain,
                    .from = today,
                    .to = today,
                    .symbol = symbol};
    const UnitRecord* const record = find_unit(standing, planned.unit.key);
    planned.expected_generation = record != nullptr ? record->generation : 0;
    const bool done =
        record != nullptr && (record->state == UnitState::done || record->state == UnitState::empty);
    if (options.resume && done) ++skipped;
    else units.push_back(std::move(planned));
  }
  return units;
}

std::optional<Date> oldest_basis(const Standing& standing) {
  std::optional<Date> oldest;
  for (const auto& [key, unit] : standing.units) {
    if (unit.rows > 0 && (!oldest || unit.basis < *oldest)) oldest = unit.basis;
  }
  return oldest;
}

std::vector<PlannedUnit> plan_restatements(const Pipeline& pipeline, const Standing& standing,
                                           const Universe& universe, const std::vector<Restatement>& events) {
  const Route* const by_session = find_route(pipeline, Grain::session);
  const Route* const by_symbol = find_route(pipeline, Grain::symbol);
  std::map<std::string, Date> newest_event;
  for (const Restatement& event : events) {
    if (!universe.contains(event.symbol)) continue;
    Date& newest = newest_event[event.symbol];
    newest = std::max(newest, event.effective);
  }
  // Session units by session, to see what an event leaves on the old basis.
  std::vector<const UnitRecord*> sessions;
  for (const auto& [key, unit] : standing.units) {
    if (has_prefix(unit, by_session->unit_prefix) && unit.rows > 0) sessions.push_back(&unit);
  }
  std::vector<PlannedUnit> units;
  for (const auto& [symbol, effective] : newest_event) {
    const std::string key = fmt::format("{}/{}", by_symbol->unit_prefix, symbol);
    const UnitRecord* const own = find_unit(standing, key);
    std::optional<Window> loaded;
    const auto extend = [&](Date from, Date to) {
      loaded = loaded ? Window{std::min(loaded->from, from), std::max(loaded->to, to)} : Window{from, to};
    };
    bool stale = own != nullptr && own->rows > 0 && own->from < effective && own->basis < effective;
    if (was_loaded(own)) extend(own->from, own->to);
    for (const UnitRecord* session : sessions) {
      extend(session->from, session->from);
      const bool reread =
          own != nullptr && own->basis >= effective && session->from >= own->from && session->from <= own->to;
      stale = stale || (session->from < effective && session->basis < effective && !reread);
    }
    if (!stale || !loaded) continue;
    PlannedUnit planned{.route = by_symbol, .staged = true};
    planned.unit = {
        .key = key, .grain = Grain::symbol, .from = loaded->from, .to = loaded->to, .symbol = symbol};
    planned.expected_generation = own != nullptr ? own->generation : 0;
    units.push_back(std::move(planned));
  }
  return units;
}

}  // namespace icingest::run
