// entities.h: companies and the like: which ones a run is about, and what the ledger knows of each.
//
// Threads   pure functions, but read_entities()
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pg/control.h"
#include "run/plan.h"

namespace icingest::run {

struct Entity {
  std::int64_t id = 0;
  std::vector<std::string> symbols;  // ascending
};

struct Entities {
  std::vector<Entity> entities;      // in order of their first symbol
  std::vector<std::string> without;  // symbols that have none
  std::vector<std::string> unknown;  // asked for, and not in the table
  std::size_t listed = 0;            // symbols in the table at all
};

// Those of the pipeline's rule, or of the symbols that the options name: then with all their other symbols.
[[nodiscard]] Result<Entities> read_entities(pg::Control& control, const Pipeline& pipeline,
                                             const IngestOptions& options);

// "cik/0000320193"
[[nodiscard]] std::string unit_key(const Route& route, const EntityRule& rule, const Entity& entity);
// What a unit's rows depend on beside the delivery: the rules and the symbols. In the ledger as the unit's scope.
[[nodiscard]] std::string scope_of(const EntityRule& rule, const Entity& entity);

// The first day whose changes the ledger's reading of a unit may lack; nothing when there is no reading.
[[nodiscard]] std::optional<Date> known_until(const checkpoint::UnitRecord* record);

// The version of an archive that a run has found.
struct ArchiveVersion {
  std::string_view etag;
  std::string_view last_modified;
};
// Whether the ledger's reading needs no other: it is of these symbols and rules and, where an archive is given, as new
// as that.
[[nodiscard]] bool is_current(const checkpoint::UnitRecord* record, const std::string& scope,
                              const std::optional<ArchiveVersion>& archive);

// Weekdays from `from` to `to`: on others nothing is filed.
[[nodiscard]] std::vector<Date> weekdays(Date from, Date to);

}  // namespace icingest::run
