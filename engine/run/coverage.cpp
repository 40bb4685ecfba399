#include "run/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;
using checkpoint::UnitState;

constexpr int kEveryEpoch = std::numeric_limits<int>::max();
constexpr int kNoEpoch = -1;  // no unit holds the session

bool holds_rows(const UnitRecord& unit) {
  return unit.state == UnitState::done || unit.state == UnitState::empty;
}

// What session units have read of one session.
struct SessionReading {
  int epoch = kNoEpoch;  // symbols that came in by then are in it
  Instant asked_at{};
};

std::vector<SessionReading> read_sessions(const CoverageInput& input) {
  std::vector<SessionReading> readings(input.sessions->size());
  if (!input.resume) return readings;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const auto consider = [&](const std::string& scope) {
      const auto found = input.units->find(session_key(input.session_prefix, (*input.sessions)[i], scope));
      if (found == input.units->end() || !holds_rows(found->second)) return;
      const UnitRecord& unit = found->second;
      int epoch = kNoEpoch;
      if (unit.scope == "all" || (unit.scope == input.scope && !unit.scope.empty())) epoch = kEveryEpoch;
      else if (unit.scope.empty() && input.scope != "all") epoch = unit.epoch;
      if (epoch > readings[i].epoch) readings[i] = {epoch, unit.asked_at};
    };
    consider("");
    if (!input.scope.empty() && input.scope != "all") consider(input.scope);
  }
  return readings;
}

// What makes symbols miss the same sessions.
struct Standing {
  int epoch = kEveryEpoch;  // since when it is a member
  Date from = Date::max();  // what its own unit covers
  Date to = Date::min();
  bool fresh = false;  // read recently enough for sessions that are to be fresh
  friend auto operator<=>(const Standing&, const Standing&) = default;
};

Standing standing_of(const CoverageInput& input, const std::string& symbol) {
  Standing standing;
  if (const auto member = input.members->find(symbol); member != input.members->end())
    standing.epoch = member->second;
  if (!input.resume) return standing;
  const auto unit = input.units->find(fmt::format("{}/{}", input.symbol_prefix, symbol));
  if (unit == input.units->end() || !holds_rows(unit->second)) return standing;
  standing.from = unit->second.from;
  standing.to = unit->second.to;
  standing.fresh = unit->second.asked_at >= input.fresh_since;
  return standing;
}

// Sessions these symbols miss; those that no session unit holds for them at any age leave `stale`.
std::vector<Date> missing_sessions(const CoverageInput& input, const std::vector<SessionReading>& readings,
                                   const Standing& standing, std::set<Date>& stale) {
  const std::set<Date> refresh(input.refresh.begin(), input.refresh.end());
  std::vector<Date> missing;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const Date session = (*input.sessions)[i];
    const bool any_age = !refresh.contains(session);
    const bool held = readings[i].epoch != kNoEpoch && readings[i].epoch >= standing.epoch;
    const bool by_session = held && (any_age || readings[i].asked_at >= input.fresh_since);
    if (!held) stale.erase(session);
    const bool by_symbol = session >= standing.from && session <= standing.to && (any_age || standing.fresh);
    if (!by_session && !by_symbol) missing.push_back(session);
  }
  return missing;
}

}  // namespace

std::string session_key(std::string_view prefix, Date session, std::string_view scope) {
  const bool shared = scope.empty() || scope == "all";
  return fmt::format("{}/{}{}{}", prefix, to_string(session), shared ? "" : "@", shared ? "" : scope);
}

Missing find_missing(const CoverageInput& input) {
  const std::vector<SessionReading> readings = read_sessions(input);
  Missing missing;
  missing.stale.insert(input.refresh.begin(), input.refresh.end());
  if (input.everything) {
    for (const Date session : missing_sessions(input, readings, Standing{}, missing.stale))
      missing.by_session[session] = 1;
    return missing;
  }
  std::map<Standing, std::vector<std::string>> standings;
  for (const std::string& symbol : *input.symbols) standings[standing_of(input, symbol)].push_back(symbol);
  for (auto& [standing, symbols] : standings) {
    Missing::Group group{std::move(symbols), missing_sessions(input, readings, standing, missing.stale)};
    if (group.sessions.empty()) continue;
    for (const Date session : group.sessions) {
      missing.by_session[session] += static_cast<std::int64_t>(group.symbols.size());
    }
    missing.groups.push_back(std::move(group));
  }
  return missing;
}

Cover cover_by_session(const Missing& missing) {
  Cover cover;
  for (const auto& [session, symbols] : missing.by_session) cover.sessions.push_back(session);
  return cover;
}

Cover cover_by_symbol(const Missing& missing) {
  Cover cover;
  for (const Missing::Group& group : missing.groups) {
    cover.symbols.insert(cover.symbols.end(), group.symbols.begin(), group.symbols.end());
  }
  std::sort(cover.symbols.begin(), cover.symbols.end());
  return cover;
}

Cover cover_mixed(const Missing& missing, std::int64_t symbols) {
  Cover cover;
  std::set<Date> heavy;
  for (const auto& [session, missing_symbols] : missing.by_session) {
    if (missing_symbols * 2 >= symbols) heavy.insert(session);
  }
  cover.sessions.assign(heavy.begin(), heavy.end());
  for (const Missing::Group& group : missing.groups) {
    const bool left = std::any_of(group.sessions.begin(), group.sessions.end(),
                                  [&](Date session) { return !heavy.contains(session); });
    if (left) cover.symbols.insert(cover.symbols.end(), group.symbols.begin(), group.symbols.end());
  }
  std::sort(cover.symbols.begin(), cover.symbols.end());
  return cover;
}

}  // namespace icingest::run
