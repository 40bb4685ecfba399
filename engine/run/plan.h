// plan.h: what a run will do, decided before the first request.
//
// The cheapest way first: the strategies are compared by what is still missing, in requests and bytes at the
// limits in force, and the floor that results is printed.
//
// Threads   pure functions
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "icingest/universe.h"
#include "load/load_plan.h"
#include "run/coverage.h"
#include "run/engine.h"
#include "run/options.h"

namespace icingest::run {

// The limit in force at each source that can be asked, by its name. A source whose keys are not there is not
// in it.
using SourceLimits = std::map<std::string, RateLimit, std::less<>>;

struct RouteCost {
  std::string_view route;
  std::int64_t requests = 0;
  double bytes = 0;
  double quota_seconds = 0;     // requests at the limits in force; sources are asked at the same time
  double transfer_seconds = 0;  // bytes at 100 Mbit/s
  [[nodiscard]] double floor_seconds() const { return std::max(quota_seconds, transfer_seconds); }
};

struct Plan {
  std::string strategy;
  Date from{};
  Date to{};
  std::vector<Date> sessions;
  std::int64_t symbols = 0;       // 0: whatever the source delivers
  std::vector<RouteCost> costs;   // of every strategy that could serve
  std::vector<PlannedUnit> main;  // in order of work
  std::vector<PlannedUnit> gaps;  // single symbols that the main route leaves out
  std::int64_t skipped = 0;       // units done by earlier runs
  std::string loading;            // how the rows go into the table, in words
  std::int64_t expected_rows = 0;
  double quota_seconds = 0;
  double copy_seconds = 0;

  // Of the strategy that was chosen.
  [[nodiscard]] std::int64_t requests() const {
    for (const RouteCost& cost : costs) {
      if (cost.route == strategy) return cost.requests;
    }
    return static_cast<std::int64_t>(main.size() + gaps.size());
  }
  [[nodiscard]] std::int64_t units() const {
    return static_cast<std::int64_t>(main.size() + gaps.size()) + skipped;
  }
};

// What the ledger and the tables say; read by the caller.
struct Standing {
  std::map<std::string, checkpoint::UnitRecord> units;
  std::map<std::string, int> members;
  bool adopted = false;  // the table held rows before the ledger began: everything is staged
};

struct Window {
  Date from{};
  Date to{};
};
// --from/--to/--years at this moment; errors for an empty or future window.
[[nodiscard]] Result<Window> window_of(const IngestOptions& options, Instant now);

// The scope of a run's session units: '' for members, 'all', or the fingerprint of a restricted set.
[[nodiscard]] std::string scope_of(const IngestOptions& options, const Universe& universe);

[[nodiscard]] Result<Plan> make_plan(const Pipeline& pipeline, const IngestOptions& options,
                                     const SourceLimits& limits, const Universe& universe,
                                     const Standing& standing, const Window& window, Instant now);

// Years the unit's rows fall into.
[[nodiscard]] load::UnitYears years_of(const PlannedUnit& planned);
// How the main units go into a table of this layout; `streams` 0: as the plan sees fit.
[[nodiscard]] load::LoadPlan load_plan_of(const Plan& plan, const pg::TableLayout& layout, int streams);

// Years whose sessions are delivered again, whole: all of them when somebody wants them looked at (no --resume), else
// those of which most comes again.
[[nodiscard]] std::set<int> years_read_again(const Plan& plan, bool resume);

// A route that an option switched on, over the pipeline's universe.
[[nodiscard]] std::vector<PlannedUnit> plan_optional_route(const Route& route, const IngestOptions& options,
                                                           const Universe& universe, const Standing& standing,
                                                           Date today, std::int64_t& skipped);

// Symbols whose loaded history is on an older basis than one of these events.
[[nodiscard]] std::vector<PlannedUnit> plan_restatements(const Pipeline& pipeline, const Standing& standing,
                                                         const Universe& universe,
                                                         const std::vector<Restatement>& events);
// The oldest basis of anything loaded, or nothing when nothing is.
[[nodiscard]] std::optional<Date> oldest_basis(const Standing& standing);

// The pipeline's main route of that grain.
[[nodiscard]] const Route* find_route(const Pipeline& pipeline, Grain grain);
// The second route by session, for history (Route::leaves_newest); nullptr when there is none.
[[nodiscard]] const Route* find_history_route(const Pipeline& pipeline);
// Where a route is asked.
[[nodiscard]] const Source& source_of(const Pipeline& pipeline, const Route& route);

}  // namespace icingest::run
