#include "rate/slots.h"

#include <algorithm>

#include "icingest/result.h"

namespace icingest::rate {

SlotTable::SlotTable(const RateLimit& limit)
    : rest_(rest(limit)), transit_(transit(limit)), entries_(static_cast<std::size_t>(limit.permits)) {
  ICINGEST_CHECK(limit.permits > 0 && limit.window.count() > 0);
}

SlotTable::SlotTable(const RateLimit& limit, const RateLimit& stored_limit, std::vector<Entry> entries,
                     std::int64_t last_lease)
    : SlotTable(limit) {
  last_lease_ = last_lease;
  // A stored entry is the slot's latest use plus the stored window; with another window the rest ends
  // elsewhere.
  const Micros shift = rest_ - rest(stored_limit);
  for (Entry& entry : entries) {
    if (entry.free_at != 0) entry.free_at += shift;
    if (entry.was_free_at != 0) entry.was_free_at += shift;
  }
  if (entries.size() != entries_.size()) {
    // The latest uses stay known when slots go; slots that come cannot be freer than any there was, because
    // uses that were dropped at an earlier change may hide behind them.
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.free_at > b.free_at; });
    entries.resize(entries_.size(), entries.empty() ? Entry{} : entries.back());
    for (Entry& entry : entries) entry.lease = 0;
  }
  entries_ = std::move(entries);
}

std::vector<Slot> SlotTable::lend(Micros now, int count, Micros hold) {
  std::vector<std::size_t> at_home;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (may_be_lent_at(entries_[i]) <= now) at_home.push_back(i);
  }
  const auto lent = std::min(at_home.size(), static_cast<std::size_t>(std::max(count, 0)));
  std::partial_sort(at_home.begin(), at_home.begin() + static_cast<std::ptrdiff_t>(lent), at_home.end(),
                    [&](std::size_t a, std::size_t b) { return entries_[a].free_at < entries_[b].free_at; });
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < lent; ++i) {
    Entry& entry = entries_[at_home[i]];
    const Slot slot{.index = static_cast<int>(at_home[i]),
                    .lease = ++last_lease_,
                    .not_before = std::max(now, entry.free_at),
                    .expires = std::max(now, entry.free_at) + hold};
    entry = {.free_at = slot.expires + transit_ + rest_, .was_free_at = entry.free_at, .lease = slot.lease};
    slots.push_back(slot);
  }
  return slots;
}

std::optional<Micros> SlotTable::prolong(const Lease& loan, Micros now, Micros hold) {
  if (loan.index < 0 || static_cast<std::size_t>(loan.index) >= entries_.size()) return std::nullopt;
  Entry& entry = entries_[static_cast<std::size_t>(loan.index)];
  if (entry.lease != loan.lease || entry.free_at <= now) return std::nullopt;
  entry.free_at = std::max(entry.free_at, now + hold + transit_ + rest_);
  return entry.free_at - transit_ - rest_;
}

Micros SlotTable::next_chance(Micros now) const {
  Micros next = now + rest_;
  for (const Entry& entry : entries_) {
    if (const Micros at = may_be_lent_at(entry); at > now) next = std::min(next, at);
  }
  return next;
}

void SlotTable::settle(const Settled& settled) {
  // It came from a table of another size.
  if (settled.index < 0 || static_cast<std::size_t>(settled.index) >= entries_.size()) return;
  Entry& entry = entries_[static_cast<std::size_t>(settled.index)];
  if (entry.lease != settled.lease) return;
  entry = {.free_at = settled.used ? settled.arrived_by + rest_ : entry.was_free_at};
}

}  // namespace icingest::rate
