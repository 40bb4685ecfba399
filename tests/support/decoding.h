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

// `body` in a buffer that held something longer before: `behind` all over the room behind it.
[[nodiscard]] Buffer recycled(std::string_view body, char behind);

// `behind` is what the buffer held behind the body before.
[[nodiscard]] Decoded decode(const Route& route, const Unit& unit, std::string_view body,
                             const Universe& universe = Universe::everything(), char behind = '\0');

[[nodiscard]] const Pipeline& pipeline(std::string_view name);
[[nodiscard]] const Route& route(std::string_view pipeline_name, std::string_view route_name);

}  // namespace icingest::test
