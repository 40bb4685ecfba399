// zip_archive.h: zips read by libarchive, which knows nothing of how ours are made.
#pragma once

#include <functional>
#include <string>

#include "sim/zip_layout.h"

namespace icingest::test {

enum class ZipReading : std::uint8_t {
  by_directory,  // from the central directory, as from a file
  in_order,      // header after header, as from a pipe
};

struct ZipResult {
  std::size_t members = 0;
  std::string error;  // of the first member that could not be read, or of the archive
};

// Every member to `each`, its bytes inflated and their CRC checked; with `names_only` no bytes are read.
[[nodiscard]] ZipResult read_zip(const sim::ByteSource& zip, ZipReading reading,
                                 const std::function<void(const std::string& name, std::string bytes)>& each,
                                 bool names_only = false);

// The whole zip as bytes, read in pieces of that size.
[[nodiscard]] std::string all_of(const sim::ByteSource& zip, std::size_t piece);

}  // namespace icingest::test
