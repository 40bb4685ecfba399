#include "sim/render.h"

#include <fmt/format.h>

#include <iterator>

#include "core/text.h"
#include "icingest/calendar.h"

namespace icingest::sim {
namespace {

constexpr std::uint64_t kVolumeForm = 101;
constexpr std::uint64_t kFigi = 102;
constexpr std::uint64_t kOtc = 103;

// Volumes are hundredths; adjusted ones gain digits, so they are printed at four decimals.
void append_volume(std::string& out, std::uint64_t form, std::int64_t hundredths, std::int64_t numerator,
                   std::int64_t denominator) {
  const std::int64_t scaled = scaled_ratio(hundredths * 100, numerator, denominator);
  std::string plain;
  append_decimal(plain, scaled, 4);
  const bool whole = plain.find('.') == std::string::npos;
  switch (form % 4) {
    case 0: out += plain; return;
    case 1:
      out += plain;
      out += whole ? ".0" : "";
      return;
    case 2: {
      // d.ddde+XX with every digit, as Go prints a double at or above 1e+06.
      const std::size_t point = whole ? plain.size() : plain.find('.');
      if (point < 7) break;
      std::string digits = plain;
      if (!whole) digits.erase(point, 1);
      while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
      out += digits[0];
      if (digits.size() > 1) out += '.' + digits.substr(1);
      fmt::format_to(std::back_inserter(out), "e+{:02}", point - 1);
      return;
    }
    default: break;
  }
  out += plain;
}

}  // namespace

void append_decimal(std::string& out, std::int64_t value, int scale) {
  out += Decimal(value, scale).to_string();
  if (scale == 0) return;
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
}

std::int64_t scaled_ratio(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  const Int128 product = Int128{value} * numerator;
  auto quotient = static_cast<std::int64_t>(product / denominator);
  const auto rest = static_cast<std::int64_t>(product % denominator);
  if (2 * rest > denominator || (2 * rest == denominator && quotient % 2 != 0)) ++quotient;
  return quotient;
}

void append_bar(std::string& out, const Market& market, std::size_t ticker, Date session, const RawBar& bar,
                bool adjusted, Date as_of, Stamp stamp, bool with_symbol) {
  const auto [numerator, denominator] =
      adjusted ? market.price_factor(ticker, session, as_of) : std::pair{std::int64_t{1}, std::int64_t{1}};
  const auto price = [&, n = numerator, d = denominator](const char* name, std::int64_t value) {
    out += name;
    if (n == d) append_decimal(out, value, 4);
    else append_decimal(out, scaled_ratio(value * 100, n, d), 6);
  };
  const auto day = static_cast<std::uint64_t>(session.time_since_epoch().count());
  const Instant at = stamp == Stamp::session_start ? new_york::midnight(session) : nyse::close_of(session);
  out += '{';
  if (with_symbol) out += R"("T":")" + market.listings()[ticker].symbol + R"(",)";
  out += R"("v":)";
  append_volume(out, draw(market.seed(), kVolumeForm, ticker, day), bar.volume, denominator, numerator);
  if (bar.vwap) price(R"(,"vw":)", *bar.vwap);
  price(R"(,"o":)", bar.open);
  price(R"(,"c":)", bar.close);
  price(R"(,"h":)", bar.high);
  price(R"(,"l":)", bar.low);
  fmt::format_to(std::back_inserter(out), R"(,"t":{})", at.time_since_epoch().count() / 1000);
  if (bar.trades) fmt::format_to(std::back_inserter(out), R"(,"n":{})", *bar.trades);
  if (with_symbol && draw(market.seed(), kOtc, ticker) % 1000 == 0) out += R"(,"otc":true)";
  out += '}';
}

void append_ticker(std::string& out, const Market& market, std::size_t ticker, Date today) {
  const Listing& listing = market.listings()[ticker];
  const bool active = !listing.delisted || *listing.delisted > today;
  fmt::format_to(std::back_inserter(out),
                 R"({{"ticker":"{}","name":{},"market":"stocks","locale":"us","primary_exchange":"{}",)"
                 R"("type":"{}","active":{},"currency_name":"usd")",
                 listing.symbol, text::json_quote(listing.name), listing.exchange, listing.type, active);
  if (listing.cik != 0) fmt::format_to(std::back_inserter(out), R"(,"cik":"{:010}")", listing.cik);
  if (draw(market.seed(), kFigi, ticker) % 10 != 0) {
    fmt::format_to(std::back_inserter(out), R"(,"composite_figi":"BBG{:09}","share_class_figi":"BBG{:09}")",
                   ticker, 500'000'000 + ticker);
  }
  out += R"(,"last_updated_utc":"2026-01-02T00:00:00Z")";
  if (!active) out += R"(,"delisted_utc":")" + to_string(*listing.delisted) + R"(T05:00:00Z")";
  out += '}';
}

std::string request_id(std::string_view text) {
  std::uint64_t hash = 1469598103934665603u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("{:016x}{:016x}", draw(1, 1, hash), draw(2, 2, hash));
}

}  // namespace icingest::sim
