// universe.h: the set of symbols a run keeps rows of.
//
// Shape     case-sensitive provider spellings; order is ascending by byte
// Threads   immutable after construction; read from every decode thread
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace icingest {

class Universe {
 public:
  // Every symbol the source delivers.
  static Universe everything() { return {}; }
  // These symbols; duplicates collapse.
  static Universe of(std::vector<std::string> symbols);

  [[nodiscard]] bool is_everything() const { return everything_; }
  [[nodiscard]] bool contains(std::string_view symbol) const {
    return everything_ || index_.find(symbol) != index_.end();
  }
  [[nodiscard]] const std::vector<std::string>& symbols() const { return symbols_; }
  // 16 hexadecimal digits that name this set.
  [[nodiscard]] std::string fingerprint() const;

 private:
  struct Hash {
    std::size_t operator()(std::string_view text) const;
  };

  bool everything_ = true;
  std::vector<std::string> symbols_;
  std::unordered_set<std::string_view, Hash> index_;  // views into symbols_, whose buffers never move
};

}  // namespace icingest
