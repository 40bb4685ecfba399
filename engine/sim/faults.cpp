#include "sim/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace icingest::sim {
namespace {

constexpr int kStormLength = 3;

std::optional<double> parse_chance(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > 1) return std::nullopt;
  return value;
}

Failure bad_spec(std::string_view part) {
  return usage_error(fmt::format("--faults: cannot read '{}'", part),
                     fmt::format("write KIND=CHANCE,… or KIND=CHANCE*TIMES,… with kinds {} or all, and "
                                 "optionally ;seed=N",
                                 fmt::join(kFaultNames, " ")));
}

}  // namespace

Result<Faults> Faults::parse(std::string_view spec) {
  Faults faults;
  for (const std::string_view section : text::split(spec, ';')) {
    for (const std::string_view part : text::split(section, ',')) {
      if (part.empty()) continue;
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) return bad_spec(part);
      const std::string_view name = part.substr(0, equals);
      std::string_view value = part.substr(equals + 1);
      if (name == "seed") {
        const auto seed = text::parse_int(value);
        if (!seed) return bad_spec(part);
        faults.random_.seed(static_cast<std::uint64_t>(*seed));
        continue;
      }
      if (const std::size_t colon = value.find(':'); colon != std::string_view::npos) {
        const auto latency = text::parse_duration_ms(value.substr(colon + 1));
        if (!latency) return bad_spec(part);
        faults.latency_ = std::chrono::milliseconds(*latency);
        value = value.substr(0, colon);
      }
      std::int64_t most = 0;
      if (const std::size_t star = value.find('*'); star != std::string_view::npos) {
        const auto times = text::parse_int(value.substr(star + 1));
        if (!times || *times <= 0) return bad_spec(part);
        most = *times;
        value = value.substr(0, star);
      }
      const auto chance = parse_chance(value);
      const auto kind = std::find(kFaultNames.begin(), kFaultNames.end(), name);
      if (!chance || (kind == kFaultNames.end() && name != "all")) return bad_spec(part);
      if (name == "all") {
        faults.chance_.fill(*chance);
        faults.most_.fill(most);
      } else {
        const auto index = static_cast<std::size_t>(kind - kFaultNames.begin());
        faults.chance_.at(index) = *chance;
        faults.most_.at(index) = most;
      }
    }
  }
  return faults;
}

bool can_happen(FaultKind kind, FaultScope scope) {
  if (scope == FaultScope::massive) return kind < FaultKind::firewall;
  const bool bulk = scope == FaultScope::sec_bulk || scope == FaultScope::sec_bulk_head;
  const bool head = scope == FaultScope::sec_head || scope == FaultScope::sec_bulk_head;
  switch (kind) {
    case FaultKind::reset_body:
    case FaultKind::short_body:
    case FaultKind::drip: return !head;
    case FaultKind::html_200:
    case FaultKind::malformed:
    case FaultKind::trailing:
    case FaultKind::truncated_gzip:
    case FaultKind::wrong_type:
    case FaultKind::stale: return !head && !bulk;
    case FaultKind::duplicate_rows:
    case FaultKind::empty_nonzero: return false;
    case FaultKind::replaced: return bulk;
    case FaultKind::range_ignored:
    case FaultKind::corrupt: return bulk && !head;
    default: return true;
  }
}

std::optional<FaultKind> Faults::next(FaultScope scope) {
  std::optional<FaultKind> kind;
  if (storm_left_ > 0) {
    --storm_left_;
    kind = FaultKind::storm_429;
  } else {
    // Each kind has its own chance; of those that come up together one is taken, every one as likely.
    std::uniform_real_distribution<double> roll(0, 1);
    int hits = 0;
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
      if (!can_happen(static_cast<FaultKind>(i), scope)) continue;
      if (most_.at(i) > 0 && injected_.at(i) >= most_.at(i)) continue;
      if (chance_.at(i) == 0 || roll(random_) >= chance_.at(i)) continue;
      if (random_() % static_cast<std::uint64_t>(++hits) == 0) kind = static_cast<FaultKind>(i);
    }
    if (kind == FaultKind::storm_429) storm_left_ = kStormLength;
  }
  if (kind) ++injected_.at(static_cast<std::size_t>(*kind));
  return kind;
}

}  // namespace icingest::sim
