// claims.h: a shared run's units in the database: written by whoever plans, taken by whoever has time.
//
// A claim is one unit, or all units of a year that is sorted: one process makes it, in one transaction.
//
// Threads   one owner of the source
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pg/control.h"
#include "pg/pg_conn.h"
#include "run/crew.h"
#include "run/engine.h"

namespace icingest::run {

// What crews.step is when the run has ended.
inline constexpr int kLastStep = 1'000'001;

void write_claims(pqxx::work& tx, const std::string& crew, int step, const std::vector<PlannedUnit>& units);

class ClaimSource final : public UnitSource {
 public:
  // Called with each unit before it is done.
  using Prepare = std::function<Result<void>(PlannedUnit&, std::optional<Date> basis)>;

  // Those of the run's steps up to `step`.
  ClaimSource(const Environment& environment, const Pipeline& pipeline, Crew& crew, int step,
              Metrics& metrics, Prepare prepare)
      : environment_(environment),
        pipeline_(pipeline),
        crew_(crew),
        step_(step),
        metrics_(metrics),
        prepare_(std::move(prepare)) {}

  Result<Taken> take(int most, const std::vector<std::string>& ended) override;

 private:
  Result<Taken> try_take(int most);
  Result<Taken> read_units(const pg::PgResult& rows, const std::string& me);
  Result<void> release_unknown(const std::string& me);
  [[nodiscard]] Result<bool> count_left();

  const Environment& environment_;
  const Pipeline& pipeline_;
  Crew& crew_;
  const int step_;
  Metrics& metrics_;
  Prepare prepare_;
  std::optional<pg::PgConn> conn_;
  Tick counted_at_{};
  std::string held_by_;         // the worker that holds
  std::set<std::string> held_;  // these claims
  std::vector<std::string> ended_;
};

}  // namespace icingest::run
