// tuples.h: reading binary COPY tuples back: our own before they are sent, and the server's when rows are
// proved.
//
// Shape     a tuple is int16 fields, then per field int32 length (-1: null) and that many bytes
// Errors    retry for a stream that ends inside a tuple
// Threads   one owner
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "icingest/batch.h"
#include "icingest/table.h"

namespace icingest::load {

using Field = std::optional<std::string_view>;

// Splits a server's COPY TO stream, which comes in pieces of any size, into tuples.
class TupleReader {
 public:
  using Each = std::function<Result<void>(const std::vector<Field>&)>;

  explicit TupleReader(Each each) : each_(std::move(each)) {}

  Result<void> feed(std::string_view bytes);
  // The trailer must have been seen.
  Result<void> finish() const;

 private:
  // Takes one whole tuple off the front of `bytes`; false when there is none.
  Result<bool> take_tuple(std::string_view& bytes);

  Each each_;
  Buffer pending_;
  std::vector<Field> fields_;
  bool header_seen_ = false;
  bool ended_ = false;
};

// The digest a row of `table` has, from the server's binary fields in the table's column order: the bytes our
// encoder would have written. The server strips zero groups of NUMERIC, so those are written anew.
[[nodiscard]] Digest digest_of_fields(const TableInfo& table, const Field* fields, Buffer& scratch);

// Fields that staging tuples carry behind the table's own: the digest, as two int8.
inline constexpr int kStagingFields = 2;

// Appends encoded tuples to `out` with their digests behind them.
void append_staged(std::string_view tuples, Buffer& out);

}  // namespace icingest::load
