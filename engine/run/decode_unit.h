// decode_unit.h: one body → the batches of a unit that fills several tables.
//
// Threads   on a decode thread
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/buffer_pool.h"
#include "icingest/pipeline.h"

namespace icingest::run {

struct UnitBatches {
  Batch& first;
  std::vector<Batch>& sides;  // empty when the delivery is as it was before
  std::string& reason;
};

// `before`: digest of what was delivered last time; empty: everything is wanted. A delivery equal to it leaves no rows,
// only their number and digest.
[[nodiscard]] Result<void> decode_unit(const Load& load, Document& document, const Unit& unit,
                                       const Universe& universe, KnownRows* known, std::string_view before,
                                       KeySet& keys, BufferPool& buffers, UnitBatches out);

}  // namespace icingest::run
