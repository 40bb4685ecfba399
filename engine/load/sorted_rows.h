// sorted_rows.h: rows in any order → the same rows in key order, as often as asked for, within a memory budget.
//
// PostgreSQL builds an index over rows that are in its order in half the time (docs/performance.md), and a reader of
// one symbol finds them side by side. Rows are sorted in runs; full runs go to a file without a name, which vanishes
// with the process.
//
// Shape     in and out: whole binary COPY tuples of one table
// Units     bytes
// Errors    a run that cannot be written, for want of space or of a directory; the rows stay, and drain() gives them
// Threads   one owner at a time
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "icingest/buffer.h"
#include "icingest/result.h"
#include "icingest/table.h"

namespace icingest::load {

// Columns of a table by their place in its tuples, first the one that decides first.
using KeyOrder = std::vector<std::size_t>;

class SortedRows {
  // The first 16 bytes of a row's key such that numbers compare as keys do, and where the row is in the run.
  struct Entry {
    std::uint64_t high, low;
    std::uint32_t at, size;
    [[nodiscard]] bool same_prefix(const Entry& other) const {
      return high == other.high && low == other.low;
    }
    [[nodiscard]] bool prefix_before(const Entry& other) const {
      return high != other.high ? high < other.high : low < other.low;
    }
  };

 public:
  // What a run takes, empty: handed from one to the next, it is not asked of the system again.
  struct Memory {
    Buffer run;
    std::vector<Entry> entries;
  };
  // `directory` is for runs beyond the first `run_bytes`.
  SortedRows(const TableInfo& table, KeyOrder order, std::size_t run_bytes, std::string directory,
             Memory memory = {});
  SortedRows(const SortedRows&) = delete;
  SortedRows& operator=(const SortedRows&) = delete;
  ~SortedRows();

  Result<void> add(std::string_view tuples);
  // Moves the run in memory to the file, where there is one: years that wait or are merged would hold one each.
  // Gives the run's memory, if so.
  Memory let_go();

  // Every row, in order, in pieces of whole tuples; or, of rows with one key, one.
  enum class Keep : std::uint8_t { every_row, one_per_key };
  using Send = std::function<Result<void>(std::string_view tuples)>;
  Result<void> drain(const Send& send, Keep keep = Keep::every_row);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  // A run in the file: each row behind its Entry.
  struct Extent {
    std::uint64_t begin = 0, end = 0;
  };
  class Cursor;

  Entry entry_of(const char* tuple, std::uint32_t at) const;
  bool before(const Entry& a, const char* row_a, const Entry& b, const char* row_b) const {
    return a.same_prefix(b) ? key_before(row_a, row_b) : a.prefix_before(b);
  }
  bool key_before(const char* row_a, const char* row_b) const;
  void append_key(const char* tuple, std::string& key) const;
  void sort_run();
  Result<void> spill();

  struct Part {
    std::size_t column;
    bool is_text;
  };
  std::vector<Part> order_;
  const std::size_t run_bytes_;
  const std::string directory_;
  Buffer run_;
  std::vector<Entry> entries_;
  bool run_sorted_ = true;
  std::vector<Extent> spilled_;
  int file_ = -1;
  std::uint64_t file_size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace icingest::load
