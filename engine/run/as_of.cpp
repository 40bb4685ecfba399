#include "run/as_of.h"

#include <fmt/format.h>

#include "load/known_rows.h"
#include "run/entities.h"

namespace icingest::run {

Result<std::int64_t> read_as_of(Session& session, const Environment& environment, const Pipeline& pipeline,
                                const IngestOptions& options, Date as_of,
                                const std::function<void(const RowText&)>& each) {
  ICINGEST_TRY_LET(pg::Control* const control, session.control());
  ICINGEST_TRY_LET(const Entities entities, read_entities(*control, pipeline, options));
  if (!entities.unknown.empty() && entities.entities.empty()) {
    return usage_error(fmt::format("--tickers: {} does not know {}", pipeline.entities->filled_by,
                                   entities.unknown.front()));
  }
  load::PgKnownRows known(environment.db, environment.outage_patience, *environment.clock, environment.stop);
  std::int64_t rows = 0;
  for (const Entity& entity : entities.entities) {
    if (environment.stop->requested()) return later_error("stopped");
    const Unit unit{.grain = Grain::entity, .entity = entity.id, .symbols = entity.symbols};
    ICINGEST_TRY(pipeline.as_of->rows(unit, as_of, known, [&](const RowText& row) {
      ++rows;
      each(row);
    }));
  }
  return rows;
}

}  // namespace icingest::run
