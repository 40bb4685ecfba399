// buffer.h: a growable run of bytes that is never zero-filled and keeps its capacity when cleared.
//
// Lifetime  data() moves when the buffer grows; clear() keeps the memory, so a recycled buffer does not
//           allocate
// Threads   one owner at a time; moves between threads
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace icingest {

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() = default;

  [[nodiscard]] char* data() { return bytes_.get(); }
  [[nodiscard]] const char* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view view() const { return {data(), size_}; }

  void clear() { size_ = 0; }

  // Room for `extra` more bytes behind size(); doubles, so appending is amortised.
  char* reserve(std::size_t extra) {
    if (size_ + extra > capacity_) grow(size_ + extra);
    return bytes_.get() + size_;
  }
  // Takes `count` bytes that were written into reserved room.
  void commit(std::size_t count) { size_ += count; }

  // Takes the oldest `count` bytes away; what is behind them moves to the front.
  void drop_front(std::size_t count) {
    size_ -= count;
    if (size_ != 0) std::memmove(bytes_.get(), bytes_.get() + count, size_);
  }

  // Takes the newest `count` bytes away again.
  void retract(std::size_t count) { size_ -= count; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }

  void swap(Buffer& other) noexcept {
    bytes_.swap(other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void grow(std::size_t wanted) {
    std::size_t capacity = capacity_ < 1024 ? 1024 : capacity_;
    while (capacity < wanted) capacity *= 2;
    std::unique_ptr<char[]> bytes(new char[capacity]);  // not make_unique: that would zero it
    if (size_ != 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace icingest
