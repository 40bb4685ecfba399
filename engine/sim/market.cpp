#include "sim/market.h"

#include <algorithm>
#include <array>

#include "icingest/calendar.h"

namespace icingest::sim {
namespace {

// Purposes keep draws apart that share their numbers.
enum Purpose : std::uint64_t {
  kType = 1,
  kExchange,
  kLife,
  kListed,
  kDelisted,
  kThin,
  kTrades,
  kSplitCount,
  kSplitDay,
  kSplitRatio,
  kBasePrice,
  kBaseVolume,
  kSlow,
  kMedium,
  kFast,
  kOpen,
  kHigh,
  kLow,
  kVolume,
  kNoVwap,
  kNoCount,
  kFraction,
  kNoCik,
};

constexpr std::int64_t kMillion = 1'000'000;

// A number in [0, 2 million], moving linearly between draws `period` days apart.
std::int64_t wave(std::uint64_t seed, Purpose purpose, std::uint64_t ticker, std::int64_t day,
                  std::int64_t period) {
  const auto cell = static_cast<std::uint64_t>(day / period);
  const std::int64_t within = day % period;
  const auto at = [&](std::uint64_t c) {
    return static_cast<std::int64_t>(draw(seed, purpose, ticker, c) % (2 * kMillion + 1));
  };
  return (at(cell) * (period - within) + at(cell + 1) * within) / period;
}

std::int64_t uniform(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b,
                     std::int64_t below) {
  return static_cast<std::int64_t>(draw(seed, purpose, a, b) % static_cast<std::uint64_t>(below));
}

// 0 → A, 25 → Z, 26 → AA …: distinct for distinct numbers.
std::string letters(std::size_t number) {
  std::string text;
  for (std::size_t rest = number + 1; rest > 0; rest = (rest - 1) / 26) {
    text += static_cast<char>('A' + (rest - 1) % 26);
  }
  std::reverse(text.begin(), text.end());
  return text;
}

struct TypeShare {
  int percent;  // cumulative
  const char* type;
  const char* suffix;
};
constexpr std::array kTypes = {
    TypeShare{68, "CS", ""},    TypeShare{86, "ETF", ""},        TypeShare{90, "ADRC", ""},
    TypeShare{92, "FUND", ""},  TypeShare{93, "ETN", ""},        TypeShare{95, "CS", ".B"},
    TypeShare{97, "PFD", "pA"}, TypeShare{99, "WARRANT", ".WS"}, TypeShare{100, "UNIT", ".U"},
};
constexpr std::array kExchanges = {"XNYS", "XNAS", "ARCX", "XASE", "BATS"};
constexpr std::array<std::pair<int, int>, 7> kRatios = {
    {{1, 2}, {1, 3}, {2, 3}, {1, 10}, {1, 20}, {10, 1}, {8, 1}}};

Date day_in(std::uint64_t seed, Purpose purpose, std::size_t ticker, std::uint64_t which, Date from,
            Date to) {
  const std::int64_t days = (to - from).count() + 1;
  return from + std::chrono::days(uniform(seed, purpose, ticker, which, days));
}

// The first session at or after a day, so that lives and splits begin on one.
Date session_from(Date day) {
  while (!nyse::is_session(day)) day += std::chrono::days(1);
  return day;
}

Listing make_listing(std::uint64_t seed, std::size_t ticker, Date from, Date to) {
  Listing listing;
  const std::int64_t percent = uniform(seed, kType, ticker, 0, 100);
  const auto type =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeShare& t) { return percent < t.percent; });
  listing.symbol = letters(ticker + 26) + type->suffix;
  listing.type = type->type;
  listing.exchange =
      kExchanges.at(static_cast<std::size_t>(uniform(seed, kExchange, ticker, 0, kExchanges.size())));
  const std::int64_t life = uniform(seed, kLife, ticker, 0, 100);
  if (life < 10) listing.listed = session_from(day_in(seed, kListed, ticker, 0, from, to));
  else if (life < 20) listing.delisted = session_from(day_in(seed, kDelisted, ticker, 0, from, to));
  listing.thin = uniform(seed, kThin, ticker, 0, 100) < 5;
  // 0 … 8
  const std::int64_t splits = std::max<std::int64_t>(0, uniform(seed, kSplitCount, ticker, 0, 100) - 91);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(splits, 2); ++i) {
    const auto which = static_cast<std::uint64_t>(i);
    const auto [old_shares, new_shares] =
        kRatios.at(static_cast<std::size_t>(uniform(seed, kSplitRatio, ticker, which, kRatios.size())));
    listing.splits.push_back(
        {session_from(day_in(seed, kSplitDay, ticker, which, from, to)), old_shares, new_shares});
  }
  std::sort(listing.splits.begin(), listing.splits.end(),
            [](const Split& a, const Split& b) { return a.execution < b.execution; });
  return listing;
}

// The SEC's number of each company. Funds have none, nor has one company in fifty; a second class of shares is
// the same company as the common stock before it.
void assign_companies(std::uint64_t seed, std::vector<Listing>& listings) {
  std::int64_t before = 0;
  for (std::size_t i = 0; i < listings.size(); ++i) {
    Listing& listing = listings[i];
    listing.name = listing.symbol + " Example Holdings";
    if (listing.type != "CS" && listing.type != "ADRC") continue;
    if (listing.symbol.ends_with(".B")) {
      listing.cik = before;
      continue;
    }
    if (uniform(seed, kNoCik, i, 0, 50) != 0) listing.cik = 900'000'000 + static_cast<std::int64_t>(i);
    if (listing.type == "CS" && listing.cik != 0) before = listing.cik;
  }
}

}  // namespace

std::uint64_t draw(std::uint64_t seed, std::uint64_t purpose, std::uint64_t a, std::uint64_t b) {
  const auto mix = [](std::uint64_t z) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  };
  return mix(mix(mix(mix(seed) ^ purpose) ^ a) ^ b);
}

Market::Market(std::uint64_t seed, int tickers, Date from, Date to, std::vector<Date> corrected,
               std::vector<Listing> more)
    : seed_(seed), from_(from), to_(to), corrected_(std::move(corrected)) {
  listings_.reserve(static_cast<std::size_t>(tickers) + more.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(tickers); ++i) {
    listings_.push_back(make_listing(seed, i, from, to));
  }
  assign_companies(seed, listings_);
  for (Listing& listing : more) {
    const auto taken = std::find_if(listings_.begin(), listings_.end(),
                                    [&](const Listing& other) { return other.symbol == listing.symbol; });
    if (taken != listings_.end()) taken->symbol += ".A";
    listings_.push_back(std::move(listing));
  }
  for (std::size_t i = 0; i < listings_.size(); ++i) index_.emplace(listings_[i].symbol, i);
}

bool Market::is_corrected(Date session) const {
  return std::find(corrected_.begin(), corrected_.end(), session) != corrected_.end();
}

std::optional<std::size_t> Market::find(std::string_view symbol) const {
  const auto found = index_.find(symbol);
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

std::optional<RawBar> Market::bar(std::size_t ticker, Date session) const {
  const Listing& listing = listings_[ticker];
  if (session < from_ || session > to_) return std::nullopt;
  if ((listing.listed && session < *listing.listed) || (listing.delisted && session >= *listing.delisted)) {
    return std::nullopt;
  }
  const std::int64_t day = session.time_since_epoch().count();
  const auto d = static_cast<std::uint64_t>(day);
  if (listing.thin && uniform(seed_, kTrades, ticker, d, 100) >= 60) return std::nullopt;

  // $1 to about $500, moved by three waves of 250, 20 and 1 days.
  const std::int64_t base =
      10'000 + uniform(seed_, kBasePrice, ticker, 0, 1000) * uniform(seed_, kBasePrice, ticker, 1, 5000);
  const std::int64_t moved = 650'000 + wave(seed_, kSlow, ticker, day, 250) * 300'000 / (2 * kMillion) +
                             wave(seed_, kMedium, ticker, day, 20) * 80'000 / (2 * kMillion) +
                             wave(seed_, kFast, ticker, day, 1) * 40'000 / (2 * kMillion);
  RawBar bar;
  bar.close = std::max<std::int64_t>(1, base * moved / kMillion);
  bar.open =
      std::max<std::int64_t>(1, bar.close * (990'000 + uniform(seed_, kOpen, ticker, d, 20'001)) / kMillion);
  bar.high = std::max(bar.open, bar.close) * (kMillion + uniform(seed_, kHigh, ticker, d, 15'001)) / kMillion;
  bar.low = std::max<std::int64_t>(
      1, std::min(bar.open, bar.close) * (985'000 + uniform(seed_, kLow, ticker, d, 15'001)) / kMillion);

  const std::int64_t base_volume =
      200 + uniform(seed_, kBaseVolume, ticker, 0, 3000) * uniform(seed_, kBaseVolume, ticker, 1, 3000);
  const std::int64_t shares =
      1 + base_volume * (200'000 + uniform(seed_, kVolume, ticker, d, 1'600'001)) / kMillion;
  const std::int64_t fraction =
      uniform(seed_, kFraction, ticker, d, 100) < 15 ? 1 + uniform(seed_, kFraction, ticker, d + 1, 99) : 0;
  bar.volume = (shares + (is_corrected(session) ? 1 : 0)) * 100 + fraction;
  const bool sparse = listing.thin && uniform(seed_, kNoVwap, ticker, d, 100) < 30;
  if (!sparse) bar.vwap = (bar.high + bar.low + 2 * bar.close) / 4;
  if (!sparse && uniform(seed_, kNoCount, ticker, d, 100) >= 2) bar.trades = 1 + shares / 150;
  return bar;
}

std::pair<std::int64_t, std::int64_t> Market::price_factor(std::size_t ticker, Date session,
                                                           Date as_of) const {
  std::int64_t numerator = 1;
  std::int64_t denominator = 1;
  for (const Split& split : listings_[ticker].splits) {
    if (split.execution <= session || split.execution > as_of) continue;
    numerator *= split.from;
    denominator *= split.to;
  }
  return {numerator, denominator};
}

}  // namespace icingest::sim
