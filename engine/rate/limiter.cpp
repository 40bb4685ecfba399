#include "rate/limiter.h"

#include <algorithm>
#include <limits>

#include "icingest/result.h"

namespace icingest::rate {
namespace {

constexpr double kStep = 0.05;  // of the limit, per window without a 429
// Of a loan's time, before it is prolonged: what is left is enough for a connection to be made, and for a database that
// is slow or restarts.
constexpr double kRenewAfter = 0.7;
// Slots that are not used go back after so long without a use; used ones wait for each other, so that they share a
// round trip, as long as their rest hides it.
constexpr Micros kLeastIdle = 250'000;
constexpr Micros kMostIdle = 2'000'000;
// Of slots that are good for one use, what so long a time can use.
constexpr Micros kAhead = 500'000;
// When slots rest or others hold them: how long until asking again, at least and at most.
constexpr Micros kLeastWait = 100'000;
constexpr Micros kMostWait = 500'000;
// How often to look whether a request without an answer has arrived.
constexpr Micros kLookEvery = 20'000;

// A slot rests from the answer on, so a burst whose answers queue behind each other rests longer than it must,
// and comes again as a burst. At up to twice the limit's own pace answers are quick; gaps outside these bounds
// are not worth a timer, or would hold back a few first requests.
constexpr Micros kLeastGap = 1'000;
constexpr Micros kMostGap = 50'000;

// Advice is approached from below; a law is used in full from the start.
double first_pace(const RateLimit& limit) { return limit.advisory ? 0.5 : 1.0; }

}  // namespace

Limiter::Limiter(const RateLimit& limit) : limit_(limit), pace_(first_pace(limit)) {
  ICINGEST_CHECK(limit.permits > 0 && window() > 0);
}

Micros Limiter::gap() const {
  if (!limit_.paced && pace_ >= 1.0) {
    const Micros apart = window() / (2 * limit_.permits);
    return apart < kLeastGap ? 0 : std::min(apart, kMostGap);
  }
  return static_cast<Micros>(static_cast<double>(window()) / (limit_.permits * pace_));
}

std::optional<PermitId> Limiter::take(Micros now) {
  notice_arrivals(now);
  expire(now);
  recover(now);
  if (slots_.empty() || slots_.front().slot.not_before > now) {
    // Among many, longer: what is given back and asked for again costs round trips, and others with it.
    hungry_until_ = now + std::max(std::clamp(window(), kLeastIdle, kMostIdle), hold_ / 4);
    return std::nullopt;
  }
  if (now < blocked_until_ || now < next_in_pace_) return std::nullopt;
  const Micros step = gap();
  // Keep to the grid when a little late, start a new one when far behind: lateness must not become a burst.
  next_in_pace_ = (now - next_in_pace_ < step ? next_in_pace_ : now) + step;
  const PermitId permit = next_permit_++;
  outstanding_[permit] = {.held = slots_.front()};
  slots_.pop_front();
  count_take(now);
  return permit;
}

std::optional<Micros> Limiter::next_event(Micros now) const {
  std::optional<Micros> next;
  if (!slots_.empty()) next = std::max({now, blocked_until_, next_in_pace_, slots_.front().slot.not_before});
  for (const auto& [permit, one] : outstanding_) {
    if (!one.held || !one.sent_at) continue;
    const Micros look = std::max(*one.sent_at + queueing(limit_), now + kLookEvery);
    next = std::min(next.value_or(look), look);
  }
  return next;
}

std::optional<Micros> Limiter::may_send(PermitId permit, Micros now) {
  const auto found = outstanding_.find(permit);
  if (found == outstanding_.end() || !found->second.held || found->second.sent_at) return std::nullopt;
  const Micros until = found->second.held->slot.expires;
  if (now >= until) return std::nullopt;
  found->second.sent_at = now;
  return until;
}

void Limiter::settle(const Held& held, Micros now) {
  if (settled_.empty()) settled_since_ = now;
  settled_.push_back(
      {.index = held.slot.index, .lease = held.slot.lease, .used = held.used, .arrived_by = held.arrived_by});
}

// A slot whose request has arrived, or never left, is used again, or goes home.
void Limiter::put_back(Held held, Micros now) {
  if (held.used) held.slot.not_before = std::max(held.slot.not_before, held.arrived_by + rest(limit_));
  if ((held.used && !is_reused()) || now >= held.slot.expires || this->held() >= share_)
    return settle(held, now);
  const auto place =
      std::upper_bound(slots_.begin(), slots_.end(), held.slot.not_before,
                       [](Micros at, const Held& other) { return at < other.slot.not_before; });
  slots_.insert(place, held);
}

void Limiter::answered(PermitId permit, Micros at) {
  const auto found = outstanding_.find(permit);
  if (found == outstanding_.end()) return;
  std::optional<Held> held = std::move(found->second.held);
  outstanding_.erase(found);
  if (!held) return;  // it was known to have arrived
  held->used = true;
  held->arrived_by = at;
  put_back(*held, at);
}

void Limiter::dropped(PermitId permit, Micros now, bool maybe) {
  const auto found = outstanding_.find(permit);
  // What was sent and broke off may have arrived any moment up to now.
  if (found != outstanding_.end() && (maybe || found->second.sent_at)) return answered(permit, now);
  if (found == outstanding_.end()) return;
  std::optional<Held> held = std::move(found->second.held);
  outstanding_.erase(found);
  if (held) put_back(*held, now);
}

// Requests without an answer: what the other end has acknowledged has arrived, and what it never does is given up.
void Limiter::notice_arrivals(Micros now) {
  std::optional<bool> delivered;
  for (auto& [permit, one] : outstanding_) {
    if (!one.held || !one.sent_at || now < *one.sent_at + queueing(limit_)) continue;
    if (!delivered) delivered = delivered_ && delivered_();
    if (!*delivered && now < *one.sent_at + transit(limit_)) continue;
    Held held = *std::exchange(one.held, std::nullopt);
    held.used = true;
    held.arrived_by = *delivered ? now : *one.sent_at + transit(limit_);
    put_back(held, now);
  }
}

void Limiter::throttled(Micros now, Micros until) {
  // A limit that is law was kept, so a refusal says nothing about the pace: the pause is the answer. Of advice, many
  // requests under way can be refused by one overrun: the pace is halved once per pause.
  if (limit_.advisory && now >= blocked_until_) pace_ = std::max(pace_ / 2, 1.0 / limit_.permits);
  recovered_at_ = std::max(recovered_at_, until);
  block_until(until);
}

void Limiter::block_until(Micros until) { blocked_until_ = std::max(blocked_until_, until); }

void Limiter::recover(Micros now) {
  if (recovered_at_ == 0) recovered_at_ = now;
  if (now < recovered_at_ + window()) return;
  const Micros windows = (now - recovered_at_) / window();
  pace_ = std::min(1.0, pace_ + kStep * static_cast<double>(windows));
  recovered_at_ += windows * window();
}

void Limiter::expire(Micros now) {
  std::erase_if(slots_, [&](const Held& held) {
    if (held.slot.expires > now) return false;
    settle(held, now);
    return true;
  });
}

void Limiter::count_take(Micros now) {
  const Micros period = std::clamp(window(), kLeastIdle, kMostIdle);
  if (now >= period_began_ + period) {
    taken_before_ = now < period_began_ + 2 * period ? taken_ : 0;
    taken_ = 0;
    period_began_ = now;
  }
  ++taken_;
}

int Limiter::held() const {
  const auto under_way = std::count_if(outstanding_.begin(), outstanding_.end(),
                                       [](const auto& one) { return one.second.held.has_value(); });
  return static_cast<int>(slots_.size()) + static_cast<int>(under_way);
}

// Slots that can be made use of. Who is short of them asks for several times as many until it gets no more, or has
// enough.
int Limiter::wants(Micros now, int waiting) const {
  if (now < blocked_until_) return 0;
  const int under_way = held() - static_cast<int>(slots_.size());
  const int at_once = std::min(limit_.permits, under_way + waiting);
  if (!is_reused() && hold_ != 0) {
    const auto soon = static_cast<int>(limit_.permits * kAhead / window());
    return std::max(at_once, is_hungry(now) ? soon : 0);
  }
  const Micros period = std::clamp(window(), kLeastIdle, kMostIdle);
  const bool is_recent = now < period_began_ + 2 * period;
  const int used = is_recent ? std::max(taken_, taken_before_) : 0;
  const int steady = used == 0 ? 0 : used + used / 4 + 1;
  return std::min(limit_.permits,
                  std::max({at_once, steady, is_hungry(now) ? std::max(4 * at_once, 2 * held()) : 0}));
}

// Whether requests wait for slots that may be had.
bool Limiter::is_short(Micros now, int waiting) const {
  const int in_hand = held();
  return waiting > 0 && is_hungry(now) && in_hand < wants(now, waiting) && (share_ == 0 || share_ > in_hand);
}

Micros Limiter::settle_after() const { return std::clamp(window() / 8, kLeastIdle, kMostIdle); }

std::optional<Exchange> Limiter::exchange(Micros now, int waiting) {
  notice_arrivals(now);
  expire(now);
  const int in_hand = held();
  const int wanted = wants(now, waiting);
  // What others are due goes at once; what is not needed here does when it is worth a round trip.
  const int surplus =
      std::min(static_cast<int>(slots_.size()), in_hand - std::min(wanted, std::max(share_, 1)));
  const bool is_too_much = surplus > 0 && (in_hand > std::max(share_, 1) || surplus * 4 > in_hand);
  const bool is_due = look_again_ || is_too_much || (in_hand > 0 && now >= renew_at_) ||
                      (is_short(now, waiting) && now >= next_chance_) ||
                      (!settled_.empty() && now >= settled_since_ + settle_after());
  if (!is_due) return std::nullopt;
  look_again_ = false;
  // The ones that rest longest: nobody could use them now.
  for (int i = 0; i < surplus; ++i) {
    settle(slots_.back(), now);
    slots_.pop_back();
  }
  Exchange exchange{.settled = std::exchange(settled_, {}), .wants = wanted};
  for (const Held& held : slots_)
    exchange.kept.push_back({.index = held.slot.index, .lease = held.slot.lease});
  for (const auto& [permit, one] : outstanding_) {
    if (one.held) exchange.kept.push_back({.index = one.held->slot.index, .lease = one.held->slot.lease});
  }
  return exchange;
}

std::optional<Micros> Limiter::next_exchange(Micros now, int waiting) const {
  std::optional<Micros> next;
  const auto at = [&](Micros when) { next = std::min(next.value_or(when), when); };
  const int in_hand = held();
  if (in_hand > 0) at(std::min(renew_at_, now + kLeastIdle));
  if (!settled_.empty()) at(settled_since_ + settle_after());
  if (is_short(now, waiting)) at(next_chance_);
  if (waiting > 0 && now < blocked_until_) at(blocked_until_);
  return next;
}

void Limiter::lend(Micros now, const Loan& loan) {
  share_ = loan.share;
  hold_ = loan.hold;
  renew_at_ = now + static_cast<Micros>(static_cast<double>(loan.hold) * kRenewAfter);
  std::map<std::int64_t, Micros> ends;
  for (const Slot& slot : loan.prolonged) ends[slot.lease] = slot.expires;
  const auto prolong = [&](Slot& slot) {
    if (const auto found = ends.find(slot.lease); found != ends.end()) slot.expires = found->second;
  };
  for (Held& held : slots_) prolong(held.slot);
  for (auto& [permit, one] : outstanding_) {
    if (one.held) prolong(one.held->slot);
  }
  for (const Slot& slot : loan.slots) slots_.push_back({.slot = slot});
  // Who has some can wait longer for the rest, and where slots rest for minutes nothing is missed.
  const Micros most = std::max({kMostWait, window() / 16, held() == 0 ? 0 : hold_ / 8});
  next_chance_ = loan.next_chance == 0 ? now : std::clamp(loan.next_chance, now + kLeastWait, now + most);
  std::sort(slots_.begin(), slots_.end(),
            [](const Held& a, const Held& b) { return a.slot.not_before < b.slot.not_before; });
}

Exchange Limiter::close(Micros now) {
  for (auto& [permit, one] : outstanding_) {
    if (!one.held) continue;
    one.held->used = one.held->used || one.sent_at.has_value();
    if (one.sent_at) one.held->arrived_by = *one.sent_at + transit(limit_);
    settle(*one.held, now);
  }
  outstanding_.clear();
  for (const Held& held : slots_) settle(held, now);
  slots_.clear();
  return {.settled = std::exchange(settled_, {})};
}

void Limiter::change_limit(const RateLimit& limit) {
  limit_ = limit;
  pace_ = first_pace(limit);
  slots_.clear();
  settled_.clear();
  outstanding_.clear();
  share_ = 0;
  renew_at_ = next_chance_ = 0;
}

}  // namespace icingest::rate
