// bar_row.h: a row like the prices pipeline's, for tests of what lies below pipelines.
#pragma once

#include "icingest/copy_encoder.h"
#include "icingest/row_sink.h"
#include "icingest/table.h"

namespace icingest::test {

struct BarRow {
  Instant time{};
  std::string_view ticker;
  Decimal open, high, low, close, volume;
  std::optional<Decimal> vwap;
};

inline std::int64_t bar_bucket(const BarRow& row) {
  return new_york::date_of(row.time).time_since_epoch().count();
}

inline constexpr auto kBarTable =
    table<BarRow>(
        "bars", key("time", &BarRow::time, "timestamptz"), key("ticker", &BarRow::ticker, "varchar(32)"),
        column("open", &BarRow::open, "numeric(20,6)"), column("high", &BarRow::high, "numeric(20,6)"),
        column("low", &BarRow::low, "numeric(20,6)"), column("close", &BarRow::close, "numeric(20,6)"),
        column("volume", &BarRow::volume, "int8"), column("vwap", &BarRow::vwap, "numeric(20,6)"),
        constant_key<BarRow>("interval", "1day", "varchar(10)"))
        .proved_by(BucketKind::session, &bar_bucket,
                   R"((("time" AT TIME ZONE 'America/New_York')::date - DATE '1970-01-01')::bigint)");

inline constexpr const char* kBarDdl =
    R"(CREATE TABLE bars ("time" timestamptz NOT NULL, ticker varchar(32) NOT NULL,
  open numeric(20,6), high numeric(20,6), low numeric(20,6), close numeric(20,6), volume bigint, vwap numeric(20,6),
  "interval" varchar(10) NOT NULL DEFAULT '1day', UNIQUE (ticker, "time", "interval")))";

}  // namespace icingest::test
