#include "rate/quota.h"

#include <algorithm>

namespace icingest::rate {
namespace {

// Long enough for a TLS handshake, and for a hundred requests at a hundred per second. What a death costs is at most
// the slots that were lent, for so long and a window.
constexpr Micros kHold = 2'000'000;
// Who shares with others holds fewer slots and can keep them longer at the same cost, so that all together do not ask
// the database more often than one alone.
constexpr Micros kLongestHold = 8 * kHold;

Micros hold_for(const RateLimit& limit, std::int64_t sharers) {
  // A slot that rests longer than it is held is used once, and held no longer than needed.
  if (rest(limit) > kHold) return kHold;
  return std::clamp<Micros>(kHold * sharers, kHold, kLongestHold);
}

}  // namespace

Loan QuotaState::serve(std::int64_t id, const Exchange& exchange, const RateLimit& limit, Micros now,
                       bool& others_should_look) {
  for (const Settled& one : exchange.settled) table.settle(one);
  if (exchange.block_until > blocked_until || exchange.away_until > away_until) others_should_look = true;
  blocked_until = std::max(blocked_until, exchange.block_until);
  away_until = std::max(away_until, exchange.away_until);

  sharers.forget_gone(now);
  const Micros hold = hold_for(limit, sharers.count() + 1);
  const int wants = std::min(exchange.wants, limit.permits);
  // Who waits for slots that rest long asks seldom.
  const Micros heard_until = now + std::max(hold, rest(limit) / 4);
  const bool wants_more = sharers.note({.id = id, .wants = wants, .until = heard_until});
  Loan loan{.share = wants == 0 ? 0 : sharers.share(id, limit.permits),
            .hold = hold_for(limit, sharers.count()),
            .blocked_until = blocked_until > now ? blocked_until : 0,
            .away_until = away_until > now ? away_until : 0};
  for (const Lease& lease : exchange.kept) {
    if (static_cast<int>(loan.prolonged.size()) == loan.share) break;
    if (const auto expires = table.prolong(lease, now, loan.hold))
      loan.prolonged.push_back({.index = lease.index, .lease = lease.lease, .expires = *expires});
  }
  const int due = std::min(wants, loan.share) - static_cast<int>(exchange.kept.size());
  if (due > 0 && loan.blocked_until == 0) loan.slots = table.lend(now, due, loan.hold);
  const bool is_short = static_cast<int>(loan.slots.size()) < due;
  if (is_short) loan.next_chance = table.next_chance(now);
  if (is_short && wants_more && sharers.count() > 1) others_should_look = true;
  return loan;
}

void LocalQuota::exchange(Exchange exchange, std::move_only_function<void(Result<Loan>)> done) {
  bool ignored = false;
  done(state_.serve(1, exchange, limit_, to_micros(clock_.tick()), ignored));
}

}  // namespace icingest::rate
