// universe.h: the set of symbols a run keeps rows of.
//
// Shape     case-sensitive provider spellings; order is ascending by byte
// Threads   immutable after construction; read from every decode thread
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace icingest {

class Universe {
 public:
  // Every symbol the source delivers.
  static Universe everything() { return {}; }
  // These symbols; duplicates collapse.
  static Universe of(std::vector<std::string> symbols);

  [[nodiscard]] bool is_everything() const { return everything_; }
  [[nodiscard]] bool contains(std::string_view symbol) const { return everything_ || find(symbol); }
  [[nodiscard]] const std::vector<std::string>& symbols() const { return symbols_; }
  // 16 hexadecimal digits that name this set.
  [[nodiscard]] std::string fingerprint() const;

 private:
  // A slot of an open-addressed table at most half full: asked once for every row of every answer.
  struct Slot {
    std::uint32_t tag = 0;  // upper half of the symbol's hash
    std::uint32_t number = kNone;
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] bool find(std::string_view symbol) const;

  bool everything_ = true;
  std::vector<std::string> symbols_;
  std::vector<Slot> slots_;
};

}  // namespace icingest
