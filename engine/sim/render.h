// render.h: bars, tickers and splits of the made-up market as the bytes the provider would send.
//
// Volumes come in four spellings, chosen per row, as the provider's do: 1240037, 642646396.0, 1.2400377e+06,
// 25933.6.
//
// Threads   pure functions
#pragma once

#include <string>

#include "sim/market.h"

namespace icingest::sim {

// Where the stamp of a bar points.
enum class Stamp : std::uint8_t { session_start, session_end };

// value * 10^-scale without trailing zeros: (12500, 4) → "1.25".
void append_decimal(std::string& out, std::int64_t value, int scale);

// value * numerator / denominator at `scale` decimals, rounded half-even.
[[nodiscard]] std::int64_t scaled_ratio(std::int64_t value, std::int64_t numerator, std::int64_t denominator);

// One bar object; `adjusted` puts it on the basis of `as_of`.
void append_bar(std::string& out, const Market& market, std::size_t ticker, Date session, const RawBar& bar,
                bool adjusted, Date as_of, Stamp stamp, bool with_symbol);

// One row of the ticker list.
void append_ticker(std::string& out, const Market& market, std::size_t ticker, Date today);

// 32 hexadecimal digits drawn from the text.
[[nodiscard]] std::string request_id(std::string_view text);

}  // namespace icingest::sim
