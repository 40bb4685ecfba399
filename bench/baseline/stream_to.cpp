// stream_to.cpp: the same rows through pqxx::stream_to, which is COPY in text form, a row at a time.
//
// Usage     stream_to CONNINFO FILE; FILE holds tab-separated rows, \N for null, in the order of kColumns
// Errors    libpqxx's exceptions end the program
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>

namespace {

constexpr std::array kColumns = {"time",  "ticker", "open", "high",        "low",
                                 "close", "volume", "vwap", "\"interval\""};
using Fields = std::array<const char*, kColumns.size()>;  // nullptr for null

// Cuts the line in place.
Fields split(std::string& line) {
  Fields fields{};
  char* at = line.data();
  for (const char*& field : fields) {
    char* const end = at + std::strcspn(at, "\t");
    const bool last = *end == '\0';
    *end = '\0';
    field = std::strcmp(at, "\\N") == 0 ? nullptr : at;
    at = last ? end : end + 1;
  }
  return fields;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fputs("usage: stream_to CONNINFO FILE\n", stderr);
    return 2;
  }
  std::ifstream in(argv[2]);
  if (!in) throw std::runtime_error("cannot open the rows");
  pqxx::connection db(argv[1]);
  pqxx::work tx(db);
  pqxx::stream_to stream(tx, "stock_prices", kColumns);
  for (std::string line; std::getline(in, line);) stream << split(line);
  stream.complete();
  tx.commit();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "stream_to: %s\n", error.what());
  return 1;
}
