// What becomes of a unit beside its requests: decoding into several tables, and units that need no answer.
#include "run/engine_port.h"

#include <boost/asio/post.hpp>

#include "run/decode_unit.h"

namespace icingest::run {

Result<void> Engine::decode(Document& document, const PlannedUnit& planned, Delivery& delivery,
                            std::unique_ptr<KeySet>& keys, std::string& next_page) {
  if (!keys) {
    // Only now, so that few are in use and those are in the processor's caches.
    keys = take_keys();
    delivery.batch.rows = row_buffers_.take();
  }
  const Load& load = planned.route->load;
  if (!load.decode_unit)
    return load.decode(document, planned.unit, delivery.batch, *keys, *universe_, next_page);
  return decode_unit(load, document, planned.unit, *universe_, planned.staged ? &known_rows_ : nullptr,
                     planned.before, *keys, row_buffers_,
                     {.first = delivery.batch, .sides = delivery.side_batches, .reason = delivery.reason});
}

void Engine::record_empty(std::vector<PlannedUnit> units, std::string_view reason) {
  if (units.empty() || over()) return;
  use_streams(1);
  {
    const std::scoped_lock lock(mutex_);
    unfinished_ = units.size();
    ++workers_;
  }
  boost::asio::post(io_, [this, reason = std::string(reason), planned = std::move(units)]() mutable {
    units_.assign(std::make_move_iterator(planned.begin()), std::make_move_iterator(planned.end()));
    for (PlannedUnit& unit : units_) {
      submit(unit, {.state = checkpoint::UnitState::empty, .reason = reason, .asked_at = clock_.now()}, {},
             0);
    }
    worker_ended();
  });
  wait_for_units();
}

}  // namespace icingest::run
