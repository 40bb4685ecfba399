#include "support/shared_data.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "decode/inflate.h"

namespace icingest::test {

std::filesystem::path shared_data() {
  if (const char* given = std::getenv("ICINGEST_SHARED_DATA"); given != nullptr && *given != '\0')
    return given;
  return std::filesystem::path(ICINGEST_SOURCE_DIR) / ".." / "shared" / "data";
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (file.extension() != ".gz") return bytes;
  decode::Inflater inflater;
  Buffer plain;
  EXPECT_TRUE(inflater.gunzip(bytes, std::size_t{1} << 30, 0, plain).has_value()) << file;
  return std::string(plain.view());
}

std::string read_shared(const std::string& relative) { return read_file(shared_data() / relative); }

std::string read_kept_facts(const std::string& file) {
  return read_file(std::filesystem::path(ICINGEST_SOURCE_DIR) / "tests" / "data" / "sec" / file);
}

}  // namespace icingest::test
