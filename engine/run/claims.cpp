#include "run/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "core/log.h"
#include "core/text.h"
#include "icingest/basis.h"
#include "pg/identifier.h"
#include "pg/lost.h"
#include "pg/year_partitions.h"

namespace icingest::run {
namespace {

std::string claim_of(const PlannedUnit& planned) {
  return planned.way == load::Way::sorted ? fmt::format("year/{}", year_of(planned.unit.from))
                                          : planned.unit.key;
}

constexpr const char* kWriteClaims =
    "INSERT INTO icingest.claims (crew, step, claim, seq, units) SELECT $1, $2, w.* "
    "FROM unnest($3::text[], $4::int[], $5::int[]) AS w ON CONFLICT DO NOTHING";
constexpr const char* kWriteUnits =
    "INSERT INTO icingest.claim_units (crew, claim, place, unit, from_date, to_date, symbol, symbols, entity, basis, "
    "route, fallback, scope, epoch, generation, staged, way, etag, before) SELECT $1, w.* FROM unnest($2::text[], "
    "$3::int[], $4::text[], $5::date[], $6::date[], $7::text[], $8::text[], $9::bigint[], $10::date[], $11::text[], "
    "$12::text[], $13::text[], $14::int[], $15::int[], $16::boolean[], $17::int[], $18::text[], $19::text[]) AS w "
    "ON CONFLICT DO NOTHING";

// Claims that nobody has, or a dead worker, in order of work. A year is taken alone. What the ledger has of each unit
// comes with it.
constexpr const char* kTake = R"sql(
WITH gone AS (DELETE FROM icingest.claims WHERE crew = $1::uuid AND worker = $2::uuid AND claim = ANY ($4::text[])),
me AS (SELECT worker FROM icingest.workers WHERE worker = $2::uuid AND NOT dead FOR KEY SHARE),
free AS (SELECT c.claim, c.seq, c.units FROM icingest.claims c
  WHERE c.crew = $1::uuid AND $3::int > 0 AND EXISTS (SELECT FROM me)
    AND c.step <= $6::int
    AND (c.worker IS NULL OR EXISTS (SELECT FROM icingest.workers w WHERE w.worker = c.worker AND w.dead))
  ORDER BY c.seq LIMIT $3::int FOR UPDATE OF c SKIP LOCKED),
chosen AS (SELECT claim FROM (SELECT claim, sum(units) OVER (ORDER BY seq) - units AS before FROM free) AS f
  WHERE before < $3::int),
taken AS (UPDATE icingest.claims c SET worker = $2::uuid, claimed_at = now(),
    takeovers = takeovers + (c.worker IS NOT NULL)::int
  FROM chosen WHERE c.crew = $1::uuid AND c.claim = chosen.claim RETURNING c.claim, c.seq, c.takeovers)
SELECT t.claim, t.takeovers, u.unit, u.from_date - DATE '1970-01-01', u.to_date - DATE '1970-01-01', u.symbol, u.symbols,
  u.entity, u.basis - DATE '1970-01-01', u.route, u.fallback, u.scope, u.epoch, u.generation, u.staged, u.way, u.etag,
  u.before, coalesce(l.generation, 0)
FROM taken t JOIN icingest.claim_units u ON u.crew = $1::uuid AND u.claim = t.claim
LEFT JOIN icingest.units l ON l.pipeline = $5 AND l.unit = u.unit ORDER BY t.seq, u.place)sql";

constexpr const char* kLeft =
    "SELECT count(*) FILTER (WHERE c.step <= $2::int), coalesce(sum(c.units), 0), "
    "(SELECT planned FROM icingest.crews WHERE crew = $1::uuid) FROM icingest.claims c WHERE c.crew = $1::uuid";

Date date_at(const pg::PgResult& rows, int row, int column) {
  return Date(std::chrono::days(rows.number(row, column)));
}

const Route* route_named(const Pipeline& pipeline, std::string_view name) {
  const auto found = std::find_if(pipeline.routes.begin(), pipeline.routes.end(),
                                  [&](const Route& route) { return route.name == name; });
  return found == pipeline.routes.end() ? nullptr : &*found;
}

}  // namespace

void write_claims(pqxx::work& tx, const std::string& crew, int step, const std::vector<PlannedUnit>& units) {
  if (units.empty()) return;
  std::vector<std::vector<std::string>> claims(3);
  std::vector<std::vector<std::string>> rows(18);
  std::map<std::string, std::pair<std::size_t, int>> places;  // by claim: its row, and units so far
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  for (const PlannedUnit& planned : units) {
    const Unit& unit = planned.unit;
    const std::string claim = claim_of(planned);
    const auto [place, is_new] = places.try_emplace(claim, claims[0].size(), 0);
    if (is_new) {
      claims[0].push_back(claim);
      claims[1].push_back(number(step * 1'000'000 + static_cast<std::int64_t>(claims[0].size())));
      claims[2].emplace_back();
    }
    claims[2][place->second.first] = number(++place->second.second);
    std::string symbols;
    for (const std::string& symbol : unit.symbols) symbols += (symbols.empty() ? "" : "\n") + symbol;
    auto column = rows.begin();
    for (std::string& value : std::vector<std::string>{
             claim, number(place->second.second), unit.key, to_string(unit.from), to_string(unit.to),
             unit.symbol, symbols, number(unit.entity),
             unit.basis != nullptr ? to_string(unit.basis->as_of()) : "1970-01-01",
             std::string(planned.route->name),
             std::string(planned.fallback != nullptr ? planned.fallback->name : std::string_view()),
             planned.scope, number(planned.epoch), number(planned.expected_generation),
             planned.staged ? "t" : "f", number(static_cast<int>(planned.way)), planned.etag, planned.before})
      (column++)->push_back(std::move(value));
  }
  tx.exec_params(kWriteClaims, crew, step, pg::array_literal(claims[0]), pg::array_literal(claims[1]),
                 pg::array_literal(claims[2]));
  std::vector<std::string> columns;
  columns.reserve(rows.size());
  for (const auto& column : rows) columns.push_back(pg::array_literal(column));
  tx.exec_params(kWriteUnits, crew, pqxx::prepare::make_dynamic_params(columns));
}

Result<UnitSource::Taken> ClaimSource::take(int most, const std::vector<std::string>& ended) {
  ended_.insert(ended_.end(), ended.begin(), ended.end());
  const Tick since = environment_.clock->tick();
  for (int attempt = 1;; ++attempt) {
    if (crew_.is_left_behind()) return pg::lost_error("the run was begun anew");
    Result<Taken> taken = try_take(most);
    if (taken && taken->units.empty() && !ended_.empty()) continue;
    if (taken) return taken;
    const Action action = taken.error().action;
    const bool away = action == Action::reconnect || action == Action::in_doubt;
    if (!away && action != Action::retry) return taken;
    if (away) conn_.reset();
    if (environment_.stop->requested() || environment_.clock->tick() - since > environment_.outage_patience)
      return taken;
    if (attempt == 1) log::debug("claims: {}", taken.error().describe());
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

Result<UnitSource::Taken> ClaimSource::try_take(int most) {
  const std::string me = crew_.worker();
  if (me != held_by_) {
    held_by_ = me;
    held_.clear();
    ended_.clear();  // the ledger says of those that they are done
  }
  if (!conn_ || !conn_->usable()) {
    ICINGEST_TRY_LET(conn_, pg::PgConn::connect(environment_.db, std::chrono::seconds(10)));
    // The answer to a claim may have been lost with the connection before.
    ICINGEST_TRY(release_unknown(me));
  }
  ICINGEST_TRY_LET(const pg::PgResult rows,
                   conn_->exec(kTake, {crew_.id(), me, std::to_string(most), pg::array_literal(ended_),
                                       std::string(pipeline_.name), std::to_string(step_)}));
  for (const std::string& claim : ended_) held_.erase(claim);
  ended_.clear();
  ICINGEST_TRY_LET(Taken taken, read_units(rows, me));
  if (!taken.units.empty()) {
    if (environment_.clock->tick() - counted_at_ > std::chrono::seconds(1)) ICINGEST_TRY(count_left());
    return taken;
  }
  if (most == 0) return taken;
  // Nothing for us, or nothing that was still to be done.
  ICINGEST_TRY(release_unknown(me));
  ICINGEST_TRY_LET(taken.complete, count_left());
  return taken;
}

// Whether nothing is left of these steps. What others have done is skipped, as far as this process goes.
Result<bool> ClaimSource::count_left() {
  ICINGEST_TRY_LET(const pg::PgResult left, conn_->exec(kLeft, {crew_.id(), std::to_string(step_)}));
  counted_at_ = environment_.clock->tick();
  const std::int64_t own = metrics_.units_done.get() + metrics_.units_empty.get() +
                           metrics_.units_unavailable.get() + metrics_.units_failed.get();
  metrics_.units_planned.set(left.number(0, 2));
  metrics_.units_skipped.set(std::max<std::int64_t>(0, left.number(0, 2) - left.number(0, 1) - own));
  return left.number(0, 0) == 0;
}

Result<void> ClaimSource::release_unknown(const std::string& me) {
  ICINGEST_TRY(
      conn_->exec("UPDATE icingest.claims SET worker = NULL WHERE crew = $1::uuid AND worker = $2::uuid "
                  "AND claim <> ALL ($3::text[])",
                  {crew_.id(), me, pg::array_literal(std::vector<std::string>(held_.begin(), held_.end()))}));
  return {};
}

Result<UnitSource::Taken> ClaimSource::read_units(const pg::PgResult& rows, const std::string& me) {
  Taken taken;
  std::string year_claim;
  bool year_is_there = false;
  for (int row = 0; row < rows.rows(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    PlannedUnit planned{.route = route_named(pipeline_, rows.text(row, 9))};
    if (planned.route == nullptr) {
      return person_error(
          fmt::format("a process of another version shares this run: it has a route {}", text(9)),
          "run one version at a time");
    }
    planned.unit = {.key = text(2),
                    .grain = planned.route->grain,
                    .from = date_at(rows, row, 3),
                    .to = date_at(rows, row, 4),
                    .symbol = text(5),
                    .entity = rows.number(row, 7)};
    const std::string symbols = text(6);
    if (!symbols.empty()) {
      for (const std::string_view symbol : text::split(symbols, '\n'))
        planned.unit.symbols.emplace_back(symbol);
    }
    planned.fallback = route_named(pipeline_, rows.text(row, 10));
    planned.scope = text(11);
    planned.epoch = static_cast<int>(rows.number(row, 12));
    planned.expected_generation = static_cast<int>(rows.number(row, 13));
    planned.staged = rows.text(row, 14) == "t";
    planned.way = static_cast<load::Way>(rows.number(row, 15));
    planned.etag = text(16);
    planned.before = text(17);
    planned.claim = text(0);
    planned.fence = me;
    const bool has_changed = rows.number(row, 18) != planned.expected_generation;
    if (has_changed) continue;  // somebody did it, and died before saying so
    if (planned.way == load::Way::sorted && rows.number(row, 1) > 0) {
      if (year_claim != planned.claim) {
        ICINGEST_TRY_LET(year_is_there,
                         pg::has_year(*conn_, planned.route->load.table, year_of(planned.unit.from)));
        year_claim = planned.claim;
      }
      if (year_is_there) planned.way = load::Way::table;
    }
    const Date basis = date_at(rows, row, 8);
    ICINGEST_TRY(prepare_(planned, basis == Date{} ? std::nullopt : std::optional(basis)));
    taken.units.push_back(std::move(planned));
  }
  // Claims of which nothing is left to do.
  std::set<std::string> open;
  for (const PlannedUnit& planned : taken.units) open.insert(planned.claim);
  for (int row = 0; row < rows.rows(); ++row) {
    std::string claim(rows.text(row, 0));
    if (held_.insert(claim).second && !open.contains(claim)) ended_.push_back(std::move(claim));
  }
  return taken;
}

}  // namespace icingest::run
