// decoding.h: a pipeline's decoder on a body, as the engine would call it.
#pragma once

#include <string>

#include "icingest/pipeline.h"

namespace icingest::test {

struct Decoded {
  Result<void> result;
  Batch batch;
  std::string next_page;
};

[[nodiscard]] Decoded decode(const Route& route, const Unit& unit, const std::string& body,
                             const Universe& universe = Universe::everything());

[[nodiscard]] const Pipeline& pipeline(std::string_view name);
[[nodiscard]] const Route& route(std::string_view pipeline_name, std::string_view route_name);

}  // namespace icingest::test
