// options.h: what a person asked a pipeline to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "icingest/pipeline.h"

namespace icingest::run {

struct IngestOptions {
  int years = 10;
  std::optional<Date> from;
  std::optional<Date> to;
  bool resume = false;
  bool shared = false;               // with other processes that were started with the same command
  std::vector<std::string> tickers;  // --tickers and --tickers-file; empty: the pipeline's universe
  std::optional<std::int64_t> limit;
  std::string strategy = "auto";
  std::optional<int> refresh;  // sessions; given: always read again
  bool everything = false;     // --universe all
  std::optional<Date> as_of;   // nothing is fetched: what was known then
  Options own;                 // the pipeline's options
};

}  // namespace icingest::run
