#include "run/entities.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "fetch/http.h"

namespace icingest::run {
namespace {

using checkpoint::UnitRecord;
using checkpoint::UnitState;

struct Listed {
  std::string symbol;
  std::optional<std::int64_t> entity;
  bool should_have_one = false;
};

Result<std::vector<Listed>> read_list(pg::Control& control, const EntityRule& rule) {
  return control.transact("read the companies", [&](pqxx::work& tx) {
    std::vector<Listed> listed;
    for (const auto& row : tx.exec(std::string(rule.sql))) {
      listed.push_back({row[0].as<std::string>(),
                        row[1].is_null() ? std::nullopt : std::optional(row[1].as<std::int64_t>()),
                        row[2].as<bool>()});
    }
    std::sort(listed.begin(), listed.end(),
              [](const Listed& a, const Listed& b) { return a.symbol < b.symbol; });
    return listed;
  });
}

}  // namespace

Result<Entities> read_entities(pg::Control& control, const Pipeline& pipeline, const IngestOptions& options) {
  ICINGEST_TRY_LET(const std::vector<Listed> listed, read_list(control, *pipeline.entities));
  Entities found{.listed = listed.size()};
  std::set<std::string> wanted(options.tickers.begin(), options.tickers.end());
  const bool all = wanted.empty();
  std::map<std::int64_t, Entity> by_id;
  std::vector<std::int64_t> order;
  std::int64_t left = options.limit.value_or(static_cast<std::int64_t>(listed.size() + wanted.size()));
  for (const Listed& one : listed) {
    if (one.entity) by_id[*one.entity].symbols.push_back(one.symbol);
    const bool asked = wanted.erase(one.symbol) != 0;
    const bool worth = one.entity || one.should_have_one;
    if ((!all && !asked) || (all && !worth) || left == 0) continue;
    --left;
    if (!one.entity) found.without.push_back(one.symbol);
    else if (std::find(order.begin(), order.end(), *one.entity) == order.end()) order.push_back(*one.entity);
  }
  for (const std::int64_t id : order) {
    Entity& entity = by_id[id];
    entity.id = id;
    found.entities.push_back(std::move(entity));
  }
  found.unknown.assign(wanted.begin(), wanted.end());
  return found;
}

std::string unit_key(const Route& route, const EntityRule& rule, const Entity& entity) {
  return fmt::format("{}/{:0{}}", route.unit_prefix, entity.id, rule.key_digits);
}

std::string scope_of(const EntityRule& rule, const Entity& entity) {
  return fmt::format("rules {} of {}", rule.rules_version, Universe::of(entity.symbols).fingerprint());
}

std::optional<Date> known_until(const UnitRecord* record) {
  if (record == nullptr || (record->state != UnitState::done && record->state != UnitState::empty))
    return std::nullopt;
  // What an archive holds, and what was asked for alone, was known on that day; the rest of the day is not.
  if (const auto built = fetch::parse_http_date(record->last_modified); built && !record->etag.empty())
    return new_york::date_of(*built);
  return new_york::date_of(record->asked_at);
}

bool is_current(const UnitRecord* record, const std::string& scope,
                const std::optional<ArchiveVersion>& archive) {
  if (record == nullptr || (record->state != UnitState::done && record->state != UnitState::empty))
    return false;
  if (record->scope != scope) return false;
  if (!archive || record->etag == archive->etag) return true;
  const auto built = fetch::parse_http_date(archive->last_modified);
  const bool asked_alone = record->etag.empty();
  return asked_alone && built && record->asked_at > *built;
}

std::vector<Date> weekdays(Date from, Date to) {
  std::vector<Date> days;
  for (Date day = from; day <= to; day += std::chrono::days(1)) {
    const std::chrono::weekday weekday(day);
    if (weekday != std::chrono::Saturday && weekday != std::chrono::Sunday) days.push_back(day);
  }
  return days;
}

}  // namespace icingest::run
