#include "rate/limiter.h"

#include <algorithm>

#include "icingest/result.h"

namespace icingest::rate {
namespace {

constexpr double kStep = 0.05;  // of the limit, per window without a 429
// long enough for a TLS handshake; what a crash costs at most, plus a window
constexpr Micros kHold = 2'000'000;
constexpr Micros kBatchSpan = 500'000;  // borrow what half a second can use

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

Micros Limiter::hold() const { return kHold; }

std::optional<PermitId> Limiter::take(Micros now) {
  expire(now);
  recover(now);
  if (now < blocked_until_ || now < next_in_pace_ || slots_.empty() || slots_.front().not_before > now) {
    return std::nullopt;
  }
  const Micros step = gap();
  // Keep to the grid when a little late, start a new one when far behind: lateness must not become a burst.
  next_in_pace_ = (now - next_in_pace_ < step ? next_in_pace_ : now) + step;
  const PermitId permit = next_permit_++;
  outstanding_[permit] = {.slot = slots_.front(), .given_at = now, .sent_at = {}};
  slots_.pop_front();
  return permit;
}

std::optional<Micros> Limiter::next_event(Micros now) const {
  if (slots_.empty()) return std::nullopt;
  return std::max({now, blocked_until_, next_in_pace_, slots_.front().not_before});
}

bool Limiter::may_send(PermitId permit, Micros now) {
  const auto found = outstanding_.find(permit);
  if (found == outstanding_.end() || found->second.sent_at || now >= found->second.slot.expires) return false;
  found->second.sent_at = now;
  return true;
}

void Limiter::settle_used(const Slot& slot, Micros arrived_by) {
  settled_.push_back({.index = slot.index, .lease = slot.lease, .used = true, .arrived_by = arrived_by});
}

void Limiter::settle_unused(const Slot& slot) {
  settled_.push_back({.index = slot.index, .lease = slot.lease, .used = false});
}

void Limiter::answered(PermitId permit, Micros at) {
  const auto found = outstanding_.find(permit);
  if (found == outstanding_.end()) return;  // settled by time already
  settle_used(found->second.slot, at);
  outstanding_.erase(found);
}

void Limiter::dropped(PermitId permit, Micros now, bool maybe) {
  const auto found = outstanding_.find(permit);
  if (found == outstanding_.end()) return;
  // What was sent and broke off may have arrived any moment up to now.
  if (maybe || found->second.sent_at) settle_used(found->second.slot, now);
  else settle_unused(found->second.slot);
  outstanding_.erase(found);
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
  while (!slots_.empty() && slots_.front().expires <= now) {
    settle_unused(slots_.front());
    slots_.pop_front();
  }
}

int Limiter::wanted(Micros now, int demand) const {
  if (demand == 0 || now < blocked_until_) return 0;
  const int batch = std::max<int>(
      1, static_cast<int>(std::min<Micros>(limit_.permits * kBatchSpan / window(), limit_.permits)));
  const auto live =
      std::count_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.expires > now; });
  const int here = static_cast<int>(live);
  if (here * 2 > batch || here >= demand) return 0;
  return std::min(batch, std::max(demand, batch / 2)) - here;
}

std::vector<Settled> Limiter::collect_settled(Micros now) {
  expire(now);
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    Outstanding& one = it->second;
    if (one.sent_at && now >= *one.sent_at + transit(limit_)) {
      settle_used(one.slot, *one.sent_at + transit(limit_));
      it = outstanding_.erase(it);
    } else {
      ++it;
    }
  }
  return std::exchange(settled_, {});
}

void Limiter::lend(const std::vector<Slot>& slots) {
  slots_.insert(slots_.end(), slots.begin(), slots.end());
  std::sort(slots_.begin(), slots_.end(),
            [](const Slot& a, const Slot& b) { return a.not_before < b.not_before; });
}

std::vector<Settled> Limiter::close(Micros now) {
  for (const auto& [permit, one] : outstanding_)
    settle_used(one.slot, one.sent_at.value_or(now) + transit(limit_));
  outstanding_.clear();
  for (const Slot& slot : slots_) settle_unused(slot);
  slots_.clear();
  return std::exchange(settled_, {});
}

void Limiter::change_limit(const RateLimit& limit) {
  limit_ = limit;
  pace_ = first_pace(limit);
  slots_.clear();
  settled_.clear();
  outstanding_.clear();
}

}  // namespace icingest::rate
