#include "icingest/document.h"

#include <fmt/format.h>

#include "core/text.h"

namespace icingest {

Document::Document(Buffer& body, std::string_view origin, simdjson::ondemand::parser& parser)
    : origin_(origin), parser_(&parser) {
  std::memset(body.reserve(simdjson::SIMDJSON_PADDING), 0, simdjson::SIMDJSON_PADDING);
  body_ = body.view();
}

Result<simdjson::ondemand::document> Document::json(std::string_view part) {
  simdjson::ondemand::document document;
  const auto error = parser_
                         ->iterate(simdjson::padded_string_view(part.data(), part.size(),
                                                                part.size() + simdjson::SIMDJSON_PADDING))
                         .get(document);
  if (error != simdjson::SUCCESS) return malformed("not JSON", error);
  return document;
}

Failure Document::malformed(std::string_view what) const {
  return Failure(Error{.action = Action::retry,
                       .exit = ExitCode::later,
                       .message = fmt::format("malformed answer: {} ({} bytes from {}: {})", what,
                                              body_.size(), origin_, text::printable(body_, 80))});
}

Failure Document::malformed(std::string_view what, simdjson::error_code error) const {
  return malformed(fmt::format("{}: {}", what, simdjson::error_message(error)));
}

}  // namespace icingest
