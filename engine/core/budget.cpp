#include "core/budget.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace icingest {

Budget::Hold::Hold(Hold&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Budget::Hold& Budget::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void Budget::Hold::resize(std::size_t bytes) {
  // First this object, then the others: whoever is served may move it.
  const std::size_t before = std::exchange(bytes_, budget_ == nullptr ? 0 : bytes);
  if (budget_ != nullptr && bytes != before) budget_->adjust(before, bytes);
}

void Budget::take(std::size_t bytes, Granted granted) {
  {
    const std::scoped_lock lock(mutex_);
    if (!waiters_.empty() || !fits(bytes)) {
      waiters_.push_back({bytes, std::move(granted)});
      return;
    }
    held_ += bytes;
    peak_ = std::max(peak_, held_);
  }
  granted(Hold(this, bytes));
}

void Budget::adjust(std::size_t from, std::size_t to) {
  std::vector<Waiter> served;
  {
    const std::scoped_lock lock(mutex_);
    held_ += to;
    held_ -= from;
    peak_ = std::max(peak_, held_);
    while (!waiters_.empty() && fits(waiters_.front().bytes)) {
      held_ += waiters_.front().bytes;
      peak_ = std::max(peak_, held_);
      served.push_back(std::move(waiters_.front()));
      waiters_.pop_front();
    }
  }
  for (Waiter& waiter : served) waiter.granted(Hold(this, waiter.bytes));
}

void Budget::shrink(std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  limit_ -= std::min(limit_, bytes);
}

std::size_t Budget::limit() const {
  const std::scoped_lock lock(mutex_);
  return limit_;
}
std::size_t Budget::held() const {
  const std::scoped_lock lock(mutex_);
  return held_;
}
std::size_t Budget::peak() const {
  const std::scoped_lock lock(mutex_);
  return peak_;
}
bool Budget::contended() const {
  const std::scoped_lock lock(mutex_);
  return !waiters_.empty();
}

}  // namespace icingest
