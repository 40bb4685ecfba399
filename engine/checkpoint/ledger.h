// ledger.h: the record of units, in the database that holds the rows.
//
// Reading is for the planner and goes over the control connection. Writing is part of the load transaction:
// see ledger_write.h.
//
// Threads   one owner of the connection
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/batch.h"
#include "icingest/pipeline.h"
#include "pg/control.h"

namespace icingest::checkpoint {

// The DDL of the ledger (ledger.sql).
[[nodiscard]] std::string_view ledger_ddl();

enum class UnitState : std::uint8_t { done, empty, unavailable, failed };
[[nodiscard]] std::string_view to_string(UnitState state);
[[nodiscard]] std::optional<UnitState> parse_unit_state(std::string_view text);

// A unit as the ledger knows it.
struct UnitRecord {
  std::string unit;
  UnitState state = UnitState::done;
  std::string reason;
  std::string symbol;
  Date from{};
  Date to{};
  Date basis{};
  std::string scope;
  int epoch = 0;
  std::int64_t rows = 0;
  std::int64_t rejected = 0;
  int generation = 0;
  Instant asked_at{};
  std::string route;
  std::string etag;
  std::string last_modified;
  std::string digest;  // of the accepted rows, as delivered
};

struct RunStart {
  std::string run_id;
  std::string pipeline;
  std::string strategy;
  Date from{};
  Date to{};
  std::string arguments;
  std::string version;
  std::string crew{};  // of a run that processes share
};

struct Proof {
  std::int64_t rows = 0;
  Digest digest;

  friend bool operator==(const Proof&, const Proof&) = default;
};
using Proofs = std::map<std::int64_t, Proof>;  // by bucket

// The unit that says how far back the source goes.
inline constexpr std::string_view kFloorUnit = "floor";

class Ledger {
 public:
  explicit Ledger(pg::Control& control) : control_(control) {}

  [[nodiscard]] Result<std::vector<UnitRecord>> units(std::string_view pipeline);
  // Every member of a pipeline's universe and the epoch it came in with.
  [[nodiscard]] Result<std::map<std::string, int>> members(std::string_view pipeline);
  // Adds the symbols that are not members yet, with the next epoch; gives the newest epoch.
  [[nodiscard]] Result<int> add_members(std::string_view pipeline, const std::vector<std::string>& symbols);
  // Replaces what the ledger says of a table that others filled before.
  Result<void> adopt_proofs(std::string_view dataset, const Proofs& proofs);

  Result<void> start_run(const RunStart& run);
  Result<void> finish_run(std::string_view run_id, int exit_code, std::string_view strategy,
                          std::string_view report_json);

  // How far back the plan behind the key reaches: sessions in [from, to] cannot be had. Kept as the unit
  // "floor".
  Result<void> set_floor(std::string_view pipeline, std::string_view run_id, Date from, Date to,
                         std::string_view reason);
  Result<void> clear_floor(std::string_view pipeline);

  [[nodiscard]] Result<std::optional<std::string>> meta(std::string_view key);
  Result<void> set_meta(std::string_view key, std::string_view value);

 private:
  pg::Control& control_;
};

}  // namespace icingest::checkpoint
