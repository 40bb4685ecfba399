// floor.h: how far back the plan behind a key reaches.
//
// A provider refuses older history, or answers with nothing, request by request. Asked session by session
// that costs thousands of requests; asked by halves it costs a dozen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run/engine.h"

namespace icingest::run {

struct HistoryFloor {
  Date first_available{};  // after the last session when there is none at all
  std::string reason;
};

// What the source has of one session: one request.
struct Probe {
  std::int64_t rows = 0;
  Verdict verdict = Verdict::success;
  std::string reason;
};
[[nodiscard]] Result<Probe> probe_session(Engine& engine, const Route& route, const Options& options,
                                          Date session);

// Nothing when `oldest` can be had. `known` is the last session that an earlier run found unavailable.
[[nodiscard]] Result<std::optional<HistoryFloor>> find_history_floor(Engine& engine, const Route& by_session,
                                                                     const Options& options,
                                                                     const std::vector<Date>& sessions,
                                                                     Date oldest, std::optional<Date> known);

}  // namespace icingest::run
