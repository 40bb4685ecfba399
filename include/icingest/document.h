// document.h: one whole answer of a source, as a decoder sees it.
//
// Shape     the inflated body, padded for simdjson, with the address it came from (no secret in it)
//           NULs follow the body: simdjson looks one byte beyond a body that was cut, and what a recycled
//           buffer holds there could pass for the bracket that is missing
// Threads   belongs to one decode thread, like the parser it borrows
// Lifetime  borrows the buffer; views and JSON values taken from it die with it
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "icingest/buffer.h"
#include "icingest/result.h"

namespace icingest {

class Document {
 public:
  Document(Buffer& body, std::string_view origin, simdjson::ondemand::parser& parser);

  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] std::string_view origin() const { return origin_; }

  // Starts On-Demand parsing, of the whole body or of a part with padding behind it, such as any part of the body. One
  // at a time.
  [[nodiscard]] Result<simdjson::ondemand::document> json() { return json(body_); }
  [[nodiscard]] Result<simdjson::ondemand::document> json(std::string_view part);

  // A body that is not what it should be: worth another request, never worth a row.
  [[nodiscard]] Failure malformed(std::string_view what) const;
  [[nodiscard]] Failure malformed(std::string_view what, simdjson::error_code error) const;

 private:
  std::string_view body_;  // with padding behind it
  std::string_view origin_;
  simdjson::ondemand::parser* parser_;
};

}  // namespace icingest
