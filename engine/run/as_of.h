// as_of.h: what was known on a past day, made from the tables: no source is asked and nothing is written.
//
// Threads   one caller
#pragma once

#include <functional>

#include "icingest/row_text.h"
#include "run/ingest.h"
#include "run/options.h"

namespace icingest::run {

// Calls `each` with every row of the entities that the options are about, company by company.
[[nodiscard]] Result<std::int64_t> read_as_of(Session& session, const Environment& environment,
                                              const Pipeline& pipeline, const IngestOptions& options,
                                              Date as_of, const std::function<void(const RowText&)>& each);

}  // namespace icingest::run
