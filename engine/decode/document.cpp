#include "icingest/document.h"

#include <fmt/format.h>

#include "core/text.h"

namespace icingest {

Result<simdjson::ondemand::document> Document::json() {
  ICINGEST_CHECK(capacity_ >= body_.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  const auto error =
      parser_->iterate(simdjson::padded_string_view(body_.data(), body_.size(), capacity_)).get(document);
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
