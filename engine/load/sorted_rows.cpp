#include "load/sorted_rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/sort/pdqsort/pdqsort.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "load/tuple_bytes.h"

namespace icingest::load {
namespace {

constexpr std::size_t kReadAhead = std::size_t{128} << 10;  // of each run while they are merged
constexpr std::size_t kPrefetch = 16;
constexpr std::size_t kMostColumns = 64;
constexpr std::size_t kPiece = std::size_t{256} << 10;  // of what drain() gives

Failure file_error(std::string_view what, const std::string& directory, int code) {
  return Failure(Error{.action = Action::fail_run,
                       .exit = ExitCode::later,
                       .message = fmt::format("cannot {} a temporary file in {}: {}", what, directory,
                                              std::generic_category().message(code)),
                       .remedy = "free space there, or point TMPDIR elsewhere"});
}

}  // namespace

// The rows of one run, first to last.
class SortedRows::Cursor {
 public:
  Cursor(const SortedRows& rows, Extent extent) : rows_(rows), extent_(extent) {}
  // The run in memory.
  explicit Cursor(const SortedRows& rows) : rows_(rows), in_memory_(true) {}

  // Moves to the next row; false behind the last one.
  Result<bool> next() {
    if (in_memory_) {
      if (index_ == rows_.entries_.size()) return false;
      entry_ = rows_.entries_[index_++];
      row_ = rows_.run_.data() + entry_.at;
      if (index_ + kPrefetch < rows_.entries_.size())
        __builtin_prefetch(rows_.run_.data() + rows_.entries_[index_ + kPrefetch].at);
      return true;
    }
    const auto is_whole = [&] {
      const std::size_t left = buffer_.size() - at_;
      if (left < sizeof(Entry)) return false;
      std::memcpy(&entry_, buffer_.data() + at_, sizeof(Entry));
      return left >= sizeof(Entry) + entry_.size;
    };
    if (!is_whole()) {
      ICINGEST_TRY(refill());
      if (at_ == buffer_.size()) return false;
      ICINGEST_CHECK(is_whole());
    }
    row_ = buffer_.data() + at_ + sizeof(Entry);
    at_ += sizeof(Entry) + entry_.size;
    return true;
  }

  [[nodiscard]] std::string_view row() const { return {row_, entry_.size}; }
  [[nodiscard]] bool before(const Cursor& other) const {
    return rows_.before(entry_, row_, other.entry_, other.row_);
  }

 private:
  Result<void> refill() {
    buffer_.drop_front(at_);
    at_ = 0;
    buffer_.reserve(std::max(kReadAhead - buffer_.size(), buffer_.size()));
    while (extent_.begin != extent_.end && buffer_.size() < buffer_.capacity()) {
      const std::size_t wanted =
          std::min<std::size_t>(buffer_.capacity() - buffer_.size(), extent_.end - extent_.begin);
      const ssize_t got =
          ::pread(rows_.file_, buffer_.reserve(wanted), wanted, static_cast<off_t>(extent_.begin));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return file_error("read", rows_.directory_, got < 0 ? errno : EIO);
      buffer_.commit(static_cast<std::size_t>(got));
      extent_.begin += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  const SortedRows& rows_;
  Extent extent_;
  bool in_memory_ = false;
  std::size_t index_ = 0;
  Buffer buffer_;
  std::size_t at_ = 0;
  Entry entry_{};
  const char* row_ = nullptr;
};

SortedRows::SortedRows(const TableInfo& table, KeyOrder order, std::size_t run_bytes, std::string directory,
                       Memory memory)
    : run_bytes_(run_bytes),
      directory_(std::move(directory)),
      run_(std::move(memory.run)),
      entries_(std::move(memory.entries)) {
  ICINGEST_CHECK(table.columns.size() <= kMostColumns);
  for (const std::size_t column : order) {
    const ColumnInfo& info = table.columns.at(column);
    if (!info.constant.empty()) continue;  // the same in every row
    order_.push_back({column, info.type.type == PgType::text || info.type.type == PgType::varchar});
  }
}

SortedRows::~SortedRows() {
  if (file_ >= 0) ::close(file_);
}

void SortedRows::append_key(const char* tuple, std::string& key) const {
  for (const Part& part : order_) {
    const std::string_view field = field_of(tuple, part.column);
    const std::size_t begin = key.size();
    key.append(field);
    // Text ends with what is below every character; numbers are big-endian, so only their sign is in the way.
    if (part.is_text) key.push_back('\0');
    else if (!field.empty()) key[begin] = static_cast<char>(key[begin] ^ '\x80');
  }
}

SortedRows::Entry SortedRows::entry_of(const char* tuple, std::uint32_t at) const {
  // Where each field begins, its length first; filling the array would cost more than the reading.
  std::array<const char*, kMostColumns> fields;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const char* field = tuple + 2;
  const auto columns = static_cast<std::size_t>(get_big_endian<std::int16_t>(tuple));
  for (std::size_t i = 0; i < columns; ++i) {
    fields[i] = field;
    field += 4 + std::max(get_big_endian<std::int32_t>(field), 0);
  }
  std::array<unsigned char, 16> prefix{};
  std::size_t filled = 0;
  for (const Part& part : order_) {
    const char* const value = fields[part.column] + 4;
    const auto size = static_cast<std::size_t>(std::max(get_big_endian<std::int32_t>(value - 4), 0));
    const std::size_t taken = std::min(size, prefix.size() - filled);
    std::memcpy(prefix.data() + filled, value, taken);
    if (!part.is_text && taken != 0) prefix[filled] ^= 0x80u;
    filled = std::min(prefix.size(), filled + taken + (part.is_text ? 1 : 0));
  }
  Entry entry{.at = at, .size = static_cast<std::uint32_t>(field - tuple)};
  std::memcpy(&entry.high, prefix.data(), 8);
  std::memcpy(&entry.low, prefix.data() + 8, 8);
  entry.high = __builtin_bswap64(entry.high);
  entry.low = __builtin_bswap64(entry.low);
  return entry;
}

bool SortedRows::key_before(const char* row_a, const char* row_b) const {
  std::string key_a;
  std::string key_b;
  append_key(row_a, key_a);
  append_key(row_b, key_b);
  return key_a < key_b;
}

void SortedRows::sort_run() {
  if (run_sorted_) return;
  const char* const rows = run_.data();
  boost::sort::pdqsort_branchless(entries_.begin(), entries_.end(),
                                  [](const Entry& a, const Entry& b) { return a.prefix_before(b); });
  // Keys longer than their prefix are rare, so they are put right afterwards.
  for (auto same = entries_.begin(); same != entries_.end();) {
    const auto end =
        std::find_if(same + 1, entries_.end(), [&](const Entry& entry) { return !entry.same_prefix(*same); });
    if (end - same > 1) {
      std::sort(same, end,
                [&](const Entry& a, const Entry& b) { return key_before(rows + a.at, rows + b.at); });
    }
    same = end;
  }
  run_sorted_ = true;
}

Result<void> SortedRows::add(std::string_view tuples) {
  if (run_.size() + tuples.size() > run_bytes_ && !run_.empty()) ICINGEST_TRY(spill());
  if (run_.empty()) {
    run_.reserve(std::max(run_bytes_, tuples.size()));
    if (!tuples.empty()) entries_.reserve(run_bytes_ / tuple_size(tuples.data()) * 9 / 8);
  }
  for (std::size_t at = 0; at < tuples.size();) {
    entries_.push_back(entry_of(tuples.data() + at, static_cast<std::uint32_t>(run_.size() + at)));
    at += entries_.back().size;
  }
  run_.append(tuples);
  run_sorted_ = false;
  bytes_ += tuples.size();
  return {};
}

Result<void> SortedRows::spill() {
  if (file_ < 0) {
    // Not O_TMPFILE, which the file systems of containers do not all have.
    std::string name = directory_ + "/icingest-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) return file_error("create", directory_, errno);
    ::unlink(name.c_str());
  }
  sort_run();
  Extent extent{.begin = file_size_, .end = file_size_};
  Buffer piece;
  piece.reserve(2 * kPiece);
  const auto write = [&]() -> Result<void> {
    for (std::string_view rest = piece.view(); !rest.empty();) {
      const ssize_t put = ::pwrite(file_, rest.data(), rest.size(), static_cast<off_t>(extent.end));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return file_error("write", directory_, put < 0 ? errno : ENOSPC);
      extent.end += static_cast<std::uint64_t>(put);
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    piece.clear();
    return {};
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    // Rows lie anywhere in the run.
    if (i + kPrefetch < entries_.size()) __builtin_prefetch(run_.data() + entries_[i + kPrefetch].at);
    const Entry& entry = entries_[i];
    std::memcpy(piece.reserve(sizeof(Entry)), &entry, sizeof(Entry));
    piece.commit(sizeof(Entry));
    piece.append({run_.data() + entry.at, entry.size});
    if (piece.size() >= kPiece) ICINGEST_TRY(write());
  }
  ICINGEST_TRY(write());
  file_size_ = extent.end;
  spilled_.push_back(extent);
  entries_.clear();
  run_.clear();
  return {};
}

SortedRows::Memory SortedRows::let_go() {
  if (spilled_.empty() || run_.empty() || !spill()) return {};
  return {.run = std::move(run_), .entries = std::move(entries_)};
}

Result<void> SortedRows::drain(const Send& send, Keep keep) {
  sort_run();
  std::vector<Cursor> cursors;
  cursors.reserve(spilled_.size() + 1);
  for (const Extent& extent : spilled_) cursors.emplace_back(*this, extent);
  cursors.emplace_back(*this);
  std::vector<Cursor*> heap;
  for (Cursor& cursor : cursors) {
    ICINGEST_TRY_LET(const bool any, cursor.next());
    if (any) heap.push_back(&cursor);
  }
  const auto later = [](const Cursor* a, const Cursor* b) { return b->before(*a); };
  std::make_heap(heap.begin(), heap.end(), later);
  Buffer piece;
  piece.reserve(kPiece);
  std::string key;
  std::string last_key;
  const auto is_repeated = [&](std::string_view row) {
    key.clear();
    append_key(row.data(), key);
    key.swap(last_key);
    return key == last_key;
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Cursor* const first = heap.back();
    heap.pop_back();
    // Runs hold different sessions, so one of them gives a stretch of a symbol's rows before another does.
    for (bool more = true; more;) {
      if (keep == Keep::every_row || !is_repeated(first->row())) piece.append(first->row());
      if (piece.size() >= kPiece) {
        ICINGEST_TRY(send(piece.view()));
        piece.clear();
      }
      ICINGEST_TRY_LET(more, first->next());
      if (more && !heap.empty() && heap.front()->before(*first)) {
        heap.push_back(first);
        std::push_heap(heap.begin(), heap.end(), later);
        break;
      }
    }
  }
  return piece.empty() ? Result<void>{} : send(piece.view());
}

}  // namespace icingest::load
