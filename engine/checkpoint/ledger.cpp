#include "checkpoint/ledger.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "pg/identifier.h"

namespace icingest::checkpoint {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"done", "empty", "unavailable", "failed"};

// Dates and instants travel as days and microseconds since 1970: no parsing of formats, no session settings.
Date date_of(const pqxx::field& days) { return Date(std::chrono::days(days.as<int>())); }

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

std::string_view to_string(UnitState state) { return kStates.at(static_cast<std::size_t>(state)); }

std::optional<UnitState> parse_unit_state(std::string_view text) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates.at(i) == text) return static_cast<UnitState>(i);
  }
  return std::nullopt;
}

Result<std::vector<UnitRecord>> Ledger::units(std::string_view pipeline) {
  return control_.transact("read the ledger", [&](pqxx::work& tx) {
    std::vector<UnitRecord> units;
    const auto rows = tx.exec_params(
        "SELECT unit, state, reason, symbol, from_date - DATE '1970-01-01', to_date - DATE '1970-01-01', "
        "basis - DATE '1970-01-01', scope, epoch, rows, rejected, generation, "
        "(extract(epoch FROM asked_at) * 1000000)::bigint, route, etag, last_modified, digest FROM icingest.units WHERE pipeline = "
        "$1",
        std::string(pipeline));
    units.reserve(rows.size());
    for (const auto& row : rows) {
      units.push_back({.unit = row[0].as<std::string>(),
                       .state = parse_unit_state(row[1].c_str()).value_or(UnitState::failed),
                       .reason = row[2].as<std::string>(),
                       .symbol = row[3].as<std::string>(),
                       .from = date_of(row[4]),
                       .to = date_of(row[5]),
                       .basis = date_of(row[6]),
                       .scope = row[7].as<std::string>(),
                       .epoch = row[8].as<int>(),
                       .rows = row[9].as<std::int64_t>(),
                       .rejected = row[10].as<std::int64_t>(),
                       .generation = row[11].as<int>(),
                       .asked_at = Instant(std::chrono::microseconds(row[12].as<std::int64_t>())),
                       .route = row[13].as<std::string>(),
                       .etag = row[14].as<std::string>(),
                       .last_modified = row[15].as<std::string>(),
                       .digest = row[16].as<std::string>()});
    }
    return units;
  });
}

Result<std::map<std::string, int>> Ledger::members(std::string_view pipeline) {
  return control_.transact("read the members", [&](pqxx::work& tx) {
    std::map<std::string, int> members;
    for (const auto& row : tx.exec_params("SELECT symbol, epoch FROM icingest.members WHERE pipeline = $1",
                                          std::string(pipeline))) {
      members.emplace(row[0].as<std::string>(), row[1].as<int>());
    }
    return members;
  });
}

Result<int> Ledger::add_members(std::string_view pipeline, const std::vector<std::string>& symbols) {
  return control_.transact("add members", [&](pqxx::work& tx) {
    const std::string name(pipeline);
    if (!symbols.empty()) {
      tx.exec_params(
          "INSERT INTO icingest.members (pipeline, symbol, epoch) "
          "SELECT $1, symbol, (SELECT coalesce(max(epoch), 0) + 1 FROM icingest.members WHERE pipeline = $1) "
          "FROM unnest($2::text[]) AS symbol ON CONFLICT DO NOTHING",
          name, pg::array_literal(symbols));
    }
    return tx.exec_params("SELECT coalesce(max(epoch), 0) FROM icingest.members WHERE pipeline = $1", name)
        .front()[0]
        .as<int>();
  });
}

Result<void> Ledger::adopt_proofs(std::string_view dataset, const Proofs& proofs) {
  return control_.transact("adopt rows", [&](pqxx::work& tx) {
    for (const char* const table : {"proofs", "proof_changes"})
      tx.exec_params(fmt::format("DELETE FROM icingest.{} WHERE dataset = $1", table), std::string(dataset));
    for (const auto& [bucket, proof] : proofs) {
      const auto& lanes = proof.digest.lanes;
      tx.exec_params("INSERT INTO icingest.proofs VALUES ($1, $2, $3, $4, $5, $6, $7)", std::string(dataset),
                     bucket, proof.rows, std::int64_t{lanes[0]}, std::int64_t{lanes[1]},
                     std::int64_t{lanes[2]}, std::int64_t{lanes[3]});
    }
  });
}

Result<void> Ledger::start_run(const RunStart& run) {
  return control_.transact("record the run", [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO icingest.runs (run_id, pipeline, strategy, window_from, window_to, arguments, host, pid, version, crew) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, '')::uuid)",
        run.run_id, run.pipeline, run.strategy, icingest::to_string(run.from), icingest::to_string(run.to),
        run.arguments, host_name(), static_cast<int>(::getpid()), run.version, run.crew);
  });
}

Result<void> Ledger::finish_run(std::string_view run_id, int exit_code, std::string_view strategy,
                                std::string_view report_json) {
  return control_.transact("record the end of the run", [&](pqxx::work& tx) {
    tx.exec("SELECT icingest.fold_proofs()");
    tx.exec_params(
        "UPDATE icingest.runs SET finished_at = now(), exit_code = $2, "
        "strategy = $3, report = $4::jsonb WHERE run_id = $1",
        std::string(run_id), exit_code, std::string(strategy), std::string(report_json));
  });
}

Result<void> Ledger::set_floor(std::string_view pipeline, std::string_view run_id, Date from, Date to,
                               std::string_view reason) {
  return control_.transact("record the floor", [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO icingest.units AS u (pipeline, unit, state, reason, from_date, to_date, basis, attempts, rows, "
        "rejected, bytes, digest, fetch_ms, decode_ms, run_id, commit_id, generation, asked_at) "
        "VALUES ($1, $2, 'unavailable', $3, $4, $5, current_date, 1, 0, 0, 0, '', 0, 0, $6, 0, 1, now()) "
        "ON CONFLICT (pipeline, unit) DO UPDATE SET reason = excluded.reason, from_date = excluded.from_date, "
        "to_date = excluded.to_date, basis = excluded.basis, run_id = excluded.run_id, generation = u.generation + 1, "
        "asked_at = now(), committed_at = now()",
        std::string(pipeline), std::string(kFloorUnit), std::string(reason), icingest::to_string(from),
        icingest::to_string(to), std::string(run_id));
  });
}

Result<void> Ledger::clear_floor(std::string_view pipeline) {
  return control_.transact("clear the floor", [&](pqxx::work& tx) {
    tx.exec_params("DELETE FROM icingest.units WHERE pipeline = $1 AND unit = $2", std::string(pipeline),
                   std::string(kFloorUnit));
  });
}

Result<std::optional<std::string>> Ledger::meta(std::string_view key) {
  return control_.transact("read meta", [&](pqxx::work& tx) -> std::optional<std::string> {
    const auto rows = tx.exec_params("SELECT value FROM icingest.meta WHERE key = $1", std::string(key));
    if (rows.empty()) return std::nullopt;
    return rows.front()[0].as<std::string>();
  });
}

Result<void> Ledger::set_meta(std::string_view key, std::string_view value) {
  return control_.transact("write meta", [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO icingest.meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        std::string(key), std::string(value));
  });
}

}  // namespace icingest::checkpoint
