#include "run/decode_unit.h"

#include <memory>

namespace icingest::run {

Result<void> decode_unit(const Load& load, Document& document, const Unit& unit, const Universe& universe,
                         KnownRows* known, std::string_view before, KeySet& keys, BufferPool& buffers,
                         UnitBatches out) {
  const std::size_t tables = 1 + load.side_tables.size();
  // Their memory is worth keeping from unit to unit.
  static thread_local std::vector<std::unique_ptr<KeySet>> side_keys;
  while (side_keys.size() + 1 < tables) side_keys.push_back(std::make_unique<KeySet>());
  std::vector<KeySet*> all_keys = {&keys};
  std::vector<Batch> batches(tables);
  batches[0] = std::move(out.first);
  for (std::size_t i = 1; i < tables; ++i) {
    side_keys[i - 1]->clear();
    all_keys.push_back(side_keys[i - 1].get());
    batches[i].rows = buffers.take();
  }
  UnitRows rows(batches, all_keys, universe, known, before);
  Result<void> decoded = load.decode_unit(document, unit, rows);
  const bool as_before = decoded && rows.is_as_before();
  out.reason = rows.reason();
  out.first = std::move(batches[0]);
  const bool wanted = decoded && !as_before && out.first.row_count > 0;
  for (std::size_t i = 1; i < tables; ++i) {
    if (!wanted) {
      buffers.give_back(std::move(batches[i].rows));
      continue;
    }
    // What cannot be taken is known by its unit, whichever table refused it.
    for (Reject& reject : batches[i].rejects) out.first.rejects.push_back(std::move(reject));
    out.first.rounded += batches[i].rounded;
    batches[i].rejects.clear();
    out.sides.push_back(std::move(batches[i]));
  }
  if (as_before) {
    out.first.rows.clear();
    out.first.buckets.clear();
  }
  return decoded;
}

}  // namespace icingest::run
