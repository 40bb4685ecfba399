// source_checks.h: are the keys there, and does the plan behind them reach as far as is wanted.
//
// Costs two requests per source that has sessions, counted in the quota that all runs on the database share.
//
// Threads   one owner
#pragma once

#include <vector>

#include "doctor/finding.h"
#include "run/ingest.h"

namespace icingest::doctor {

struct SourceQuestions {
  int years = 10;           // how far back the plan should reach
  bool offline = false;     // look at the keys and ask nothing
  bool has_ledger = false;  // without one there is no quota to share yet
};

[[nodiscard]] std::vector<Finding> examine_sources(const run::Environment& environment,
                                                   const SourceQuestions& questions);

}  // namespace icingest::doctor
