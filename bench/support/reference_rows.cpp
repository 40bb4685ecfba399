#include "bench/support/reference_rows.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdlib>

#include "support/slow_encoder.h"

namespace icingest::bench {
namespace {

constexpr std::int64_t kPgEpochSeconds = 946'684'800;

// Adds one to a string of digits.
std::string increment(std::string digits) {
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

std::string numeric(simdjson::ondemand::value value) {
  std::string_view token = value.raw_json_token();
  token = token.substr(0, token.find_last_not_of(" \n\r\t") + 1);
  return test::slow_numeric(plain_number(token, 6), 6);
}

std::string tuple_of(simdjson::ondemand::object bar, const Unit& unit) {
  std::string_view ticker = unit.symbol;
  Date session = unit.from;
  if (unit.grain == Grain::session) ticker = bar.find_field_unordered("T").get_string();
  else session = new_york::date_of(from_unix_ms(bar.find_field_unordered("t").get_int64()));
  const std::int64_t seconds =
      new_york::midnight(session).time_since_epoch().count() / 1'000'000 - kPgEpochSeconds;
  std::string out("\0\x09", 2);
  out += slow_integer(seconds * 1'000'000, 8) + test::slow_text(std::string(ticker));
  for (const char* price : {"o", "h", "l", "c"}) out += numeric(bar.find_field_unordered(price));
  std::string_view volume = bar.find_field_unordered("v").raw_json_token();
  volume = volume.substr(0, volume.find_last_not_of(" \n\r\t") + 1);
  out += slow_integer(std::atoll(plain_number(volume, 0).c_str()), 8);
  simdjson::ondemand::value vwap;
  out += bar.find_field_unordered("vw").get(vwap) == simdjson::SUCCESS ? numeric(vwap) : test::kSlowNull;
  return out + test::slow_text("1day");
}

}  // namespace

std::string plain_number(std::string_view token, int scale) {
  const std::size_t exponent_at = token.find_first_of("eE");
  const int exponent = exponent_at == std::string_view::npos
                           ? 0
                           : std::atoi(std::string(token.substr(exponent_at + 1)).c_str());
  std::string digits(token.substr(0, exponent_at));
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  const std::size_t point = digits.find('.');
  int decimals = 0;
  if (point != std::string::npos) {
    decimals = static_cast<int>(digits.size() - point) - 1;
    digits.erase(point, 1);
  }
  decimals -= exponent;
  while (decimals < scale) digits += '0', ++decimals;
  while (static_cast<int>(digits.size()) <= decimals) digits.insert(0, "0");
  const std::string cut = digits.substr(digits.size() - static_cast<std::size_t>(decimals - scale));
  digits.resize(digits.size() - cut.size());
  const std::string half = cut.empty() ? "" : "5" + std::string(cut.size() - 1, '0');
  if (cut > half || (!cut.empty() && cut == half && (digits.back() - '0') % 2 != 0))
    digits = increment(digits);
  if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
  return (negative ? "-" : "") + digits;
}

std::string slow_integer(std::int64_t value, int size) {
  const std::string eight = test::slow_int8(value);  // its length, then eight bytes
  return std::string("\0\0\0", 3) + static_cast<char>(size) +
         eight.substr(eight.size() - static_cast<std::size_t>(size));
}

std::string reference_tuples(const MarketBody& body) {
  const simdjson::padded_string padded(body.json);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document = parser.iterate(padded);
  std::string out;
  for (simdjson::ondemand::object bar : document.find_field("results").get_array())
    out += tuple_of(bar, body.unit);
  return out;
}

}  // namespace icingest::bench
