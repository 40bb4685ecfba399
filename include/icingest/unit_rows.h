// unit_rows.h: where the decoder of a unit puts its rows when they go into several tables.
//
// The first table takes what the source delivered; the others take what follows from it, and a unit always brings
// all of that (Table::owned_by). So a delivery that is as it was last time needs no others.
//
// Threads   one per decode call
#pragma once

#include <optional>
#include <span>
#include <string>

#include "icingest/known_rows.h"
#include "icingest/row_sink.h"

namespace icingest {

class UnitRows {
 public:
  // `batches` and `keys` in the order of the tables. `known`: nullptr when the tables hold nothing of this unit.
  // `before`: the digest of what was delivered last time, when the same would change nothing.
  UnitRows(std::span<Batch> batches, std::span<KeySet* const> keys, const Universe& universe,
           KnownRows* known, std::string_view before)
      : batches_(batches), keys_(keys), universe_(universe), known_(known), before_(before) {}

  // The sink of the table with that number; the pipeline names tables in the same order.
  template <const auto& kTable>
  [[nodiscard]] RowSink<kTable> into(std::size_t number) {
    return RowSink<kTable>(batches_[number], *keys_[number], universe_);
  }
  [[nodiscard]] const Batch& batch(std::size_t number) const { return batches_[number]; }

  [[nodiscard]] KnownRows* known() const { return known_; }
  // Whether the first table's rows are those of last time: then nothing else needs to be said.
  [[nodiscard]] bool is_as_before() const {
    return !before_.empty() && batches_[0].rejects.empty() && to_string(batches_[0].digest) == before_;
  }

  // Why the unit is as it is, for the ledger: a stable word.
  void because(std::string_view reason) { reason_ = reason; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  std::span<Batch> batches_;
  std::span<KeySet* const> keys_;
  const Universe& universe_;
  KnownRows* known_;
  std::string_view before_;
  std::string reason_;
};

}  // namespace icingest
