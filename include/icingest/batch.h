// batch.h: the rows of one unit, ready to be loaded: encoded, counted, digested, with what was refused beside
// them.
//
// Shape     `rows` is a run of binary COPY tuples, no header and no trailer, so batches join by concatenation
// Threads   built by one decode thread, then moved; never shared
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "icingest/buffer.h"
#include "icingest/result.h"

namespace icingest {

// A sum of row digests: independent of order, so rows can be added and taken away. 128 bits in four lanes,
// each a sum mod 2^32, because that is what SQL can add without overflow.
struct Digest {
  std::array<std::uint32_t, 4> lanes{};

  void add(const Digest& other) {
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] += other.lanes[i];
  }
  void subtract(const Digest& other) {
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] -= other.lanes[i];
  }
  friend bool operator==(const Digest&, const Digest&) = default;
};

// 32 hexadecimal digits, lane 0 first.
[[nodiscard]] std::string to_string(const Digest& digest);

// Digest of one encoded row without its field count: XXH3-128.
[[nodiscard]] Digest digest_of(const char* bytes, std::size_t size);

// What a batch adds to one proof bucket.
struct BucketDelta {
  std::int64_t bucket = 0;
  std::int64_t rows = 0;
  Digest digest;
};

// A row that was refused.
struct Reject {
  Fault fault = Fault::none;
  std::string column;
  std::string raw;  // the row's text as it came, cut at 2,000 bytes
};

struct Batch {
  Buffer rows;
  std::int64_t row_count = 0;
  Digest digest;  // of all rows
  std::vector<BucketDelta> buckets;
  std::vector<Reject> rejects;
  std::int64_t answered = 0;    // rows in the source's answers, whoever they belong to
  std::int64_t seen = 0;        // those that belong to this unit, refused ones included
  std::int64_t duplicates = 0;  // rows that came twice with the same values
  std::int64_t rounded = 0;     // values that lost digits to their column's scale
};

}  // namespace icingest
