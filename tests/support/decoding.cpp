#include "support/decoding.h"

#include <algorithm>

#include "cli/context.h"

namespace icingest::test {

Buffer recycled(std::string_view body, char behind) {
  Buffer bytes;
  bytes.append(body);
  std::memset(bytes.reserve(simdjson::SIMDJSON_PADDING), behind, bytes.capacity() - bytes.size());
  return bytes;
}

Decoded decode(const Route& route, const Unit& unit, std::string_view body, const Universe& universe,
               char behind) {
  Buffer bytes = recycled(body, behind);
  // One of each for all bodies, as in a decode thread.
  static thread_local simdjson::ondemand::parser parser;
  static thread_local KeySet keys;
  keys.clear();
  Document document(bytes, "http://test/", parser);
  Decoded decoded;
  decoded.result = route.load.decode(document, unit, decoded.batch, keys, universe, decoded.next_page);
  return decoded;
}

const Pipeline& pipeline(std::string_view name) {
  static const std::vector<Pipeline> all = cli::all_pipelines();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Pipeline& one) { return one.name == name; });
  ICINGEST_CHECK(found != all.end());
  return *found;
}

const Route& route(std::string_view pipeline_name, std::string_view route_name) {
  const Pipeline& owner = pipeline(pipeline_name);
  const auto found = std::find_if(owner.routes.begin(), owner.routes.end(),
                                  [&](const Route& one) { return one.name == route_name; });
  ICINGEST_CHECK(found != owner.routes.end());
  return *found;
}

}  // namespace icingest::test
