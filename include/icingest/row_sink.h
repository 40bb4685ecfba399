// row_sink.h: where a decoder puts the rows it found.
//
// Shape     emit() encodes a row into the unit's batch at once; reject() quarantines one that cannot be a row
// Errors    a row that does not fit its table, or repeats a key with other values, is rejected, not returned
// Threads   one per decode call
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "icingest/batch.h"
#include "icingest/copy_encoder.h"
#include "icingest/universe.h"

namespace icingest {

// Remembers the keys of one unit and where in its batch their rows are. Recycled: clear() costs nothing.
class KeySet {
 public:
  static constexpr std::uint32_t kNew = ~std::uint32_t{0};

  // Where the key's row is when it was seen before; else adds it with its row at `row_at` and gives kNew.
  std::uint32_t insert(std::uint64_t key_hash, std::uint32_t row_at);
  // Begins to fetch what insert() of this hash will look at: there are more slots than a processor keeps at hand.
  void prefetch(std::uint64_t key_hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[key_hash & (slots_.size() - 1)], 1);
  }
  void clear();

 private:
  struct Slot {
    std::uint64_t key_hash = 0;
    std::uint32_t row_at = 0;
    std::uint32_t generation = 0;
  };
  void grow();

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  std::uint32_t generation_ = 1;
};

// The part that does not know the Row type.
class RowWriter {
 public:
  RowWriter(Batch& batch, KeySet& keys, const Universe& universe)
      : batch_(batch), keys_(keys), universe_(universe) {}

  // Whether rows of this symbol belong to the run.
  [[nodiscard]] bool wants(std::string_view symbol) const { return universe_.contains(symbol); }

  // Quarantines a row: its fault, the field or column at fault, and its text as it came.
  void reject(Fault fault, std::string_view column, std::string_view raw);

  // How many rows the answer held, wanted or not: none at all is another thing than none wanted.
  void answered(std::int64_t rows) { batch_.answered += rows; }

  // The answer goes on at this address (absolute or path); the engine follows it on the same host only.
  void next_page(std::string_view url) { next_page_ = url; }
  [[nodiscard]] const std::string& next_page() const { return next_page_; }

 protected:
  // Books an encoded row. False when its key was here before: then the row is out of the batch again,
  // silently if it repeats the earlier one, and to be rejected when `conflict` is set.
  bool book(const copy::Encoded& encoded, bool& conflict);

  Batch& batch_;
  KeySet& keys_;

 private:
  const Universe& universe_;
  std::string next_page_;
};

template <const auto& kTable>
class RowSink : public RowWriter {
 public:
  using Row = typename std::remove_cvref_t<decltype(kTable)>::Row;
  using RowWriter::RowWriter;

  // Takes a row. `raw` gives its text as it came, asked for only when the row is refused.
  template <class Raw>
  void emit(const Row& row, Raw&& raw) {
    copy::Encoded encoded = copy::encode_row<kTable>(
        row, batch_.rows, [this](std::uint64_t key_hash) { keys_.prefetch(key_hash); });
    if (encoded.fault != Fault::none) {
      reject(encoded.fault, column_name(encoded.column), raw());
      return;
    }
    // Where the table has a rule for several rows of one key, only exact repetitions are duplicates.
    if constexpr (!kTable.prefer_sql.empty()) {
      encoded.key_hash = copy::detail::mix(encoded.key_hash, encoded.digest.lanes[0]);
    }
    bool conflict = false;
    if (!book(encoded, conflict) && conflict) reject(Fault::duplicate_key, {}, raw());
  }

 private:
  static std::string_view column_name(std::size_t index) {
    std::string_view name;
    std::size_t at = 0;
    std::apply(
        [&](const auto&... column) { ((at++ == index ? void(name = column.info.name) : void()), ...); },
        kTable.columns);
    return name;
  }
};

}  // namespace icingest
