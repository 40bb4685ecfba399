// market.h: a made-up market whose every bar is a pure function of the seed.
//
// Shape     tickers 0..N-1, each with symbol, type, life and splits; a bar for each session it trades
// Units     prices in ten-thousandths of a dollar, unadjusted; volumes in hundredths of a share, unadjusted
// Arithmetic 64-bit integers only, so the same bytes come out everywhere; docs/simulator.md gives the
// formulas, and
//           tests/support/expected_rows.py is a second implementation of them
// Threads   immutable after construction
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "icingest/decimal.h"
#include "icingest/time.h"

namespace icingest::sim {

// The hash everything is drawn from: SplitMix64's finalizer over seed, purpose and two numbers.
[[nodiscard]] std::uint64_t draw(std::uint64_t seed, std::uint64_t purpose, std::uint64_t a,
                                 std::uint64_t b = 0);

struct Split {
  Date execution{};
  int from = 1;  // `from` old shares become `to` new ones
  int to = 1;
};

struct Listing {
  std::string symbol;
  std::string type;  // provider code: CS, ETF, …
  std::string exchange;
  std::optional<Date> listed;    // first session; none: before the data begins
  std::optional<Date> delisted;  // first day it no longer trades
  std::vector<Split> splits;     // ascending
  bool thin = false;             // trades on some sessions only
  std::string name;
  std::int64_t cik = 0;  // 0: none
};

struct RawBar {
  std::int64_t open = 0, high = 0, low = 0, close = 0;
  std::int64_t volume = 0;
  std::optional<std::int64_t> vwap;
  std::optional<std::int64_t> trades;
};

class Market {
 public:
  // On `corrected` sessions the provider has found one more share of every ticker since. `more` listings follow
  // the made-up ones; where a made-up symbol is one of theirs, it becomes another.
  Market(std::uint64_t seed, int tickers, Date from, Date to, std::vector<Date> corrected = {},
         std::vector<Listing> more = {});

  [[nodiscard]] const std::vector<Listing>& listings() const { return listings_; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view symbol) const;
  [[nodiscard]] Date from() const { return from_; }
  [[nodiscard]] Date to() const { return to_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] bool is_corrected(Date session) const;

  // The bar of a ticker on a session, unadjusted; nothing when it does not trade.
  [[nodiscard]] std::optional<RawBar> bar(std::size_t ticker, Date session) const;

  // Price and share factors of the splits that executed after `session` and by `as_of`: an unadjusted price
  // times price.first / price.second is on the basis of `as_of`.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> price_factor(std::size_t ticker, Date session,
                                                                   Date as_of) const;

 private:
  std::uint64_t seed_;
  Date from_;
  Date to_;
  std::vector<Date> corrected_;
  std::vector<Listing> listings_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace icingest::sim
