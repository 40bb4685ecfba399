// body_cache.h: rendered bodies, so that a benchmark measures its client. Oldest out first.
//
// Threads   one owner
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace icingest::sim {

class BodyCache {
 public:
  explicit BodyCache(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] std::shared_ptr<const std::string> find(const std::string& key) const {
    const auto found = bodies_.find(key);
    return found == bodies_.end() ? nullptr : found->second;
  }
  void put(const std::string& key, std::shared_ptr<const std::string> body) {
    if (body->size() > limit_ || !bodies_.emplace(key, body).second) return;
    bytes_ += body->size();
    order_.push_back(key);
    while (bytes_ > limit_) {
      const auto oldest = bodies_.find(order_.front());
      bytes_ -= oldest->second->size();
      bodies_.erase(oldest);
      order_.pop_front();
    }
  }

 private:
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<const std::string>> bodies_;
  std::list<std::string> order_;
};

}  // namespace icingest::sim
