#include "icingest/basis.h"

#include <algorithm>

namespace icingest {

Basis::Basis(Date as_of, std::vector<Restatement> events) : as_of_(as_of) {
  std::erase_if(events, [&](const Restatement& event) { return event.effective > as_of; });
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.effective > b.effective; });
  for (auto event = events.begin(); event != events.end(); ++event) {
    if (std::find(events.begin(), event, *event) != event) continue;
    std::vector<Step>& steps = steps_[event->symbol];
    const Ratio later = steps.empty() ? Ratio() : steps.back().price;
    steps.push_back({event->effective, later.times(event->price)});
  }
}

Ratio Basis::price_ratio(std::string_view symbol, Date session) const {
  const auto found = steps_.find(symbol);
  if (found == steps_.end()) return {};
  Ratio ratio;
  for (const Step& step : found->second) {
    if (step.effective <= session) break;
    ratio = step.price;
  }
  return ratio;
}

}  // namespace icingest
