#include "support/decoding.h"

#include <algorithm>

#include "cli/context.h"

namespace icingest::test {

Decoded decode(const Route& route, const Unit& unit, const std::string& body, const Universe& universe) {
  const simdjson::padded_string padded(body);
  simdjson::ondemand::parser parser;
  Document document({padded.data(), padded.size()}, padded.size() + simdjson::SIMDJSON_PADDING,
                    "http://test/", parser);
  Decoded decoded;
  KeySet keys;
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
