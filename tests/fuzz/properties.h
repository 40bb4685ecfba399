// properties.h: what must hold of any bytes at all, for the fuzzers and for the unit test that replays their
// inputs.
//
// Shape     a target takes one input and says which property it broke; empty: all held
// Targets   bars     a body, as an answer to both routes of prices
//           tickers  a body, as a page of the ticker list, as a ticker's details, and as a list of splits
//           encoder  bytes that are made into one row of every column type
//           inflate  a gzip stream, and text to compress
// Threads   one at a time
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace icingest::fuzz {

struct Target {
  std::string_view name;  // of its folders under corpus/ and found/
  std::string (*broken_property)(std::string_view input);
};

[[nodiscard]] std::span<const Target> targets();
[[nodiscard]] const Target& target(std::string_view name);

std::string broken_by_bars(std::string_view input);
std::string broken_by_tickers(std::string_view input);
std::string broken_by_encoder(std::string_view input);
std::string broken_by_inflate(std::string_view input);

}  // namespace icingest::fuzz

// Ends a property function with the text of the condition that did not hold.
#define ICINGEST_HOLDS(condition)                                       \
  do {                                                                  \
    if (!(condition)) return std::string("does not hold: " #condition); \
  } while (false)
// Ends it with what another property function found broken.
#define ICINGEST_ALL_HOLD(expression)                                         \
  do {                                                                        \
    if (std::string broken_ = (expression); !broken_.empty()) return broken_; \
  } while (false)
