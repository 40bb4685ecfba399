// document.h: one whole answer of a source, as a decoder sees it.
//
// Shape     the inflated body, padded for simdjson, with the address it came from (no secret in it)
// Threads   belongs to one decode thread, like the parser it borrows
// Lifetime  views and JSON values taken from it die with it
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "icingest/result.h"

namespace icingest {

class Document {
 public:
  // `capacity` bytes are readable behind body.data(), at least simdjson::SIMDJSON_PADDING more than the body.
  Document(std::string_view body, std::size_t capacity, std::string_view origin,
           simdjson::ondemand::parser& parser)
      : body_(body), capacity_(capacity), origin_(origin), parser_(&parser) {}

  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] std::string_view origin() const { return origin_; }

  // Starts On-Demand parsing; once per Document.
  [[nodiscard]] Result<simdjson::ondemand::document> json();

  // A body that is not what it should be: worth another request, never worth a row.
  [[nodiscard]] Failure malformed(std::string_view what) const;
  [[nodiscard]] Failure malformed(std::string_view what, simdjson::error_code error) const;

 private:
  std::string_view body_;
  std::size_t capacity_;
  std::string_view origin_;
  simdjson::ondemand::parser* parser_;
};

}  // namespace icingest
