#include "icingest/row_sink.h"

#include <cstring>

#include "core/text.h"

namespace icingest {
namespace {

constexpr std::size_t kRawLimit = 2000;

}  // namespace

std::uint32_t KeySet::insert(std::uint64_t key_hash, std::uint32_t row_at) {
  if ((used_ + 1) * 2 > slots_.size()) grow();
  std::size_t at = key_hash & (slots_.size() - 1);
  for (; slots_[at].generation == generation_; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].key_hash == key_hash) return slots_[at].row_at;
  }
  slots_[at] = {key_hash, row_at, generation_};
  ++used_;
  return kNew;
}

void KeySet::clear() {
  used_ = 0;
  if (++generation_ != 0) return;
  slots_.assign(slots_.size(), Slot{});  // the counter wrapped: old marks would look new
  generation_ = 1;
}

void KeySet::grow() {
  std::vector<Slot> before(slots_.empty() ? 1024 : slots_.size() * 2);
  before.swap(slots_);
  used_ = 0;
  for (const Slot& slot : before) {
    if (slot.generation == generation_) insert(slot.key_hash, slot.row_at);
  }
}

void RowWriter::reject(Fault fault, std::string_view column, std::string_view raw) {
  ++batch_.seen;
  batch_.rejects.push_back({fault, std::string(column), std::string(text::utf8_prefix(raw, kRawLimit))});
}

bool RowWriter::book(const copy::Encoded& encoded, bool& conflict) {
  const std::size_t row_at = batch_.rows.size() - encoded.size;
  ICINGEST_CHECK(row_at < KeySet::kNew);
  const std::uint32_t earlier = keys_.insert(encoded.key_hash, static_cast<std::uint32_t>(row_at));
  if (earlier != KeySet::kNew) {
    // A tuple says where it ends, so as many equal bytes are an equal row.
    const char* const rows = batch_.rows.data();
    conflict = std::memcmp(rows + earlier, rows + row_at, encoded.size) != 0;
    batch_.rows.retract(encoded.size);
    if (!conflict) ++batch_.duplicates;
    return false;
  }
  ++batch_.seen;
  ++batch_.row_count;
  batch_.rounded += encoded.rounded;
  batch_.digest.add(encoded.digest);
  if (batch_.buckets.empty() || batch_.buckets.back().bucket != encoded.bucket) {
    batch_.buckets.push_back({.bucket = encoded.bucket});
  }
  ++batch_.buckets.back().rows;
  batch_.buckets.back().digest.add(encoded.digest);
  return true;
}

}  // namespace icingest
