#include "rate/sharers.h"

#include <algorithm>
#include <tuple>

namespace icingest::rate {

void Sharers::forget_gone(Micros now) {
  std::erase_if(sharers_, [now](const Sharer& one) { return one.until <= now; });
}

bool Sharers::note(const Sharer& sharer) {
  const auto found =
      std::find_if(sharers_.begin(), sharers_.end(), [&](const Sharer& one) { return one.id == sharer.id; });
  const std::int64_t before = found == sharers_.end() ? 0 : found->wants;
  if (found != sharers_.end()) sharers_.erase(found);
  if (sharer.wants > 0) sharers_.push_back(sharer);
  return sharer.wants > before;
}

int Sharers::share(std::int64_t id, int permits) const {
  std::vector<Sharer> by_wish = sharers_;
  for (Sharer& one : by_wish) {
    if (one.id == id) one.wants = permits;
  }
  std::sort(by_wish.begin(), by_wish.end(), [](const Sharer& a, const Sharer& b) {
    return std::tie(a.wants, a.id) < std::tie(b.wants, b.id);
  });
  // Who wants no more than an even part is served; what they leave is divided evenly among the rest, odd ones to those
  // that came first by number, so that all find the same.
  std::int64_t left = permits;
  auto first = by_wish.begin();
  for (; first != by_wish.end() && first->wants <= left / (by_wish.end() - first); ++first) {
    if (first->id == id) return static_cast<int>(std::max<std::int64_t>(first->wants, 1));
    left -= first->wants;
  }
  const std::int64_t hungry = by_wish.end() - first;
  if (hungry == 0) return permits;
  const auto before = std::count_if(first, by_wish.end(), [id](const Sharer& one) { return one.id < id; });
  return static_cast<int>(std::max<std::int64_t>(left / hungry + (before < left % hungry ? 1 : 0), 1));
}

}  // namespace icingest::rate
