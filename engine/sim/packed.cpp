#include "sim/packed.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>

#include "icingest/result.h"

namespace icingest::sim {
namespace {

constexpr int kLevel = 6;
constexpr std::uint32_t kPolynomial = 0xEDB88320u;

// a(x) * b(x) modulo the CRC's polynomial, bits reflected.
std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (std::uint32_t bit = std::uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) sum ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return sum;
}

// x^(2^n) for n = 0 … 63.
std::array<std::uint32_t, 64> powers() {
  std::array<std::uint32_t, 64> table{};
  table[0] = std::uint32_t{1} << 30;
  for (std::size_t n = 1; n < table.size(); ++n) table.at(n) = product(table.at(n - 1), table.at(n - 1));
  return table;
}

void append_little(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

// Bits from the least significant end, as deflate packs them.
class BitWriter {
 public:
  void put(std::uint32_t bits, int count) {
    for (int i = 0; i < count; ++i) {
      if (used_ == 0) out_ += '\0';
      if (((bits >> i) & 1) != 0) {
        out_.back() = static_cast<char>(static_cast<unsigned char>(out_.back()) | (1u << used_));
      }
      used_ = (used_ + 1) % 8;
    }
  }
  // Huffman codes go in from their most significant bit.
  void put_code(std::uint32_t code, int count) {
    for (int i = count - 1; i >= 0; --i) put((code >> i) & 1, 1);
  }
  [[nodiscard]] bool at_byte() const { return used_ == 0; }
  std::string& bytes() { return out_; }

 private:
  std::string out_;
  int used_ = 0;
};

}  // namespace

Packed pack(std::string_view plain) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kLevel), &libdeflate_free_compressor);
  std::string out(libdeflate_deflate_compress_bound(compressor.get(), plain.size()), '\0');
  out.resize(
      libdeflate_deflate_compress(compressor.get(), plain.data(), plain.size(), out.data(), out.size()));
  out.shrink_to_fit();
  return {std::make_shared<const std::string>(std::move(out)), plain.size(), crc32_of(plain)};
}

std::string unpack(const Packed& packed) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  std::string out(packed.plain_size, '\0');
  std::size_t made = 0;
  const auto result = libdeflate_deflate_decompress(decompressor.get(), packed.bytes->data(),
                                                    packed.bytes->size(), out.data(), out.size(), &made);
  ICINGEST_CHECK(result == LIBDEFLATE_SUCCESS && made == out.size());
  return out;
}

// One block with the fixed codes: a blank, then copies of 258 blanks from one byte back, each of which is 13
// bits. Eight of them are 13 bytes that repeat, so the bulk is appended without looking at bits.
Packed pack_blanks(std::uint64_t size) {
  constexpr std::uint64_t kCopy = 258;
  constexpr std::uint32_t kBlank = 0x30 + ' ';
  constexpr std::uint32_t kCopyCode = 0b11000101;  // length 258
  BitWriter bits;
  bits.put(1, 1);  // last block
  bits.put(1, 2);  // fixed codes
  std::uint64_t left = size;
  const auto copy = [&] {
    bits.put_code(kCopyCode, 8);
    bits.put_code(0, 5);  // distance 1
    left -= kCopy;
  };
  if (left > 0) {
    bits.put_code(kBlank, 8);
    --left;
  }
  while (left >= kCopy && !bits.at_byte()) copy();
  if (bits.at_byte() && left >= 8 * kCopy) {
    BitWriter eight;
    for (int i = 0; i < 8; ++i) {
      eight.put_code(kCopyCode, 8);
      eight.put_code(0, 5);
    }
    bits.bytes().reserve(bits.bytes().size() + left / kCopy * 13 / 8 + 300);
    for (; left >= 8 * kCopy; left -= 8 * kCopy) bits.bytes() += eight.bytes();
  }
  while (left >= kCopy) copy();
  for (; left > 0; --left) bits.put_code(kBlank, 8);
  bits.put_code(0, 7);  // end of block

  const std::string megabyte(std::size_t{1} << 20, ' ');
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t piece = std::min<std::uint64_t>(megabyte.size(), size - done);
    crc = libdeflate_crc32(crc, megabyte.data(), piece);
    done += piece;
  }
  return {std::make_shared<const std::string>(std::move(bits.bytes())), size, crc};
}

std::string open_block(std::string_view text) {
  ICINGEST_CHECK(text.size() <= 0xffff);
  std::string out;
  if (text.empty()) return out;
  out.reserve(text.size() + 5);
  out += '\0';  // not the last, stored
  append_little(out, static_cast<std::uint32_t>(text.size()), 2);
  append_little(out, static_cast<std::uint32_t>(text.size()) ^ 0xffffu, 2);
  return out += text;
}

std::uint32_t crc32_of(std::string_view text) { return libdeflate_crc32(0, text.data(), text.size()); }

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) {
  static const std::array<std::uint32_t, 64> kPowers = powers();
  std::uint32_t shift = std::uint32_t{1} << 31;  // x^0
  std::size_t n = 3;                             // bytes are eight bits
  for (std::uint64_t left = second_size; left > 0; left >>= 1, ++n) {
    if ((left & 1) != 0) shift = product(kPowers.at(n), shift);
  }
  return product(shift, first) ^ second;
}

std::string SplitText::gzip() const {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  const std::string block = open_block(head);
  out.reserve(out.size() + block.size() + tail.bytes->size() + 8);
  out += block;
  out += *tail.bytes;
  append_little(out, crc(), 4);
  append_little(out, static_cast<std::uint32_t>(plain_size()), 4);
  return out;
}

}  // namespace icingest::sim
