// buffer_pool.h: buffers that are used again, so that a long run does not allocate.
//
// Threads   any
// Lifetime  the pool outlives its users. It keeps at most `limit` bytes: what is given back beyond that is
//           freed
#pragma once

#include <mutex>
#include <vector>

#include "icingest/buffer.h"

namespace icingest {

class BufferPool {
 public:
  explicit BufferPool(std::size_t limit) : limit_(limit) {}

  // An empty buffer, with the memory of an earlier use if there is one.
  [[nodiscard]] Buffer take() {
    const std::scoped_lock lock(mutex_);
    if (free_.empty()) return {};
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    bytes_ -= buffer.capacity();
    return buffer;
  }

  void give_back(Buffer buffer) {
    buffer.clear();
    const std::scoped_lock lock(mutex_);
    if (buffer.capacity() == 0 || bytes_ + buffer.capacity() > limit_) return;
    bytes_ += buffer.capacity();
    free_.push_back(std::move(buffer));
  }

 private:
  const std::size_t limit_;
  std::size_t bytes_ = 0;
  std::mutex mutex_;
  std::vector<Buffer> free_;
};

}  // namespace icingest
