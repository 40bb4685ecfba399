// coverage.h: which (symbol, session) cells are still missing, and the cheapest requests that bring them.
//
// A session request brings one session of every symbol, a symbol request every session of one symbol, so what
// is missing is covered by a choice of rows and columns. Symbols that miss the same sessions are counted as
// one group, so the work grows with the number of groups, not of cells.
//
// Threads   pure functions
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/ledger.h"
#include "icingest/pipeline.h"

namespace icingest::run {

struct CoverageInput {
  const std::vector<Date>* sessions = nullptr;        // of the window, ascending
  const std::vector<std::string>* symbols = nullptr;  // of the universe; empty with `everything`
  bool everything = false;                            // the universe is whatever the source delivers
  bool resume = false;                                // what the ledger has counts
  std::string scope;                                  // of this run's session units
  std::string session_prefix;                         // unit keys of the two routes: "day", "ticker"
  std::string symbol_prefix;
  const std::map<std::string, checkpoint::UnitRecord>* units = nullptr;
  const std::map<std::string, int>* members = nullptr;
  std::vector<Date> refresh;  // sessions whose reading must be no older than `fresh_since`
  Instant fresh_since{};
};

struct Missing {
  std::map<Date, std::int64_t> by_session;  // how many symbols miss it (1 with `everything`)
  struct Group {
    std::vector<std::string> symbols;
    std::vector<Date> sessions;
  };
  std::vector<Group> groups;
  std::set<Date> stale;  // read for every symbol, only not recently enough
};

[[nodiscard]] Missing find_missing(const CoverageInput& input);

// A choice of requests.
struct Cover {
  std::vector<Date> sessions;        // by session request
  std::vector<std::string> symbols;  // by symbol request, over the whole window
};

// Every missing session by session requests; nothing by symbol.
[[nodiscard]] Cover cover_by_session(const Missing& missing);
// Every symbol that misses anything by symbol requests.
[[nodiscard]] Cover cover_by_symbol(const Missing& missing);
// Sessions that at least half of the symbols miss by session requests, the rest by symbol.
[[nodiscard]] Cover cover_mixed(const Missing& missing, std::int64_t symbols);

// The ledger key of a session unit: "day/2026-11-20", with a restricted scope "day/2026-11-20@set:…".
[[nodiscard]] std::string session_key(std::string_view prefix, Date session, std::string_view scope);

}  // namespace icingest::run
