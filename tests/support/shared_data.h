// shared_data.h: the recorded data beside the checkout. Tests that need it skip loudly where it is absent.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace icingest::test {

// ICINGEST_SHARED_DATA, or ../shared/data beside the source tree.
[[nodiscard]] std::filesystem::path shared_data();
// The bytes of a file of it, inflated when it ends in .gz.
[[nodiscard]] std::string read_shared(const std::string& relative);
// A file of the SEC's facts that is kept in tests/data/sec.
[[nodiscard]] std::string read_kept_facts(const std::string& file);
// Any file, inflated when it ends in .gz.
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

}  // namespace icingest::test

#define ICINGEST_NEEDS_SHARED_DATA()                                                          \
  do {                                                                                        \
    if (!std::filesystem::exists(::icingest::test::shared_data() / "README.md")) {            \
      GTEST_SKIP() << "RECORDED DATA ABSENT: " << ::icingest::test::shared_data()             \
                   << " does not exist; set ICINGEST_SHARED_DATA. This test proved nothing."; \
    }                                                                                         \
  } while (false)
