#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/properties.h"

namespace icingest::fuzz {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs every input of one folder of tests/fuzz through the target its subfolder is named for; how many there were.
int replay(const fs::path& folder) {
  int inputs = 0;
  for (const fs::directory_entry& subfolder : fs::directory_iterator(folder)) {
    const Target& subject = target(subfolder.path().filename().string());
    for (const fs::directory_entry& file : fs::directory_iterator(subfolder)) {
      EXPECT_EQ(subject.broken_property(bytes_of(file.path())), "") << file.path();
      ++inputs;
    }
  }
  return inputs;
}

const fs::path kFuzz = fs::path(ICINGEST_SOURCE_DIR) / "tests" / "fuzz";

TEST(FuzzInputs, SeedsKeepEveryProperty) { EXPECT_GT(replay(kFuzz / "corpus"), 0); }

TEST(FuzzInputs, InputsThatOnceFoundABugKeepEveryProperty) { EXPECT_GT(replay(kFuzz / "found"), 0); }

}  // namespace
}  // namespace icingest::fuzz
