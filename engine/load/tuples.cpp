#include "load/tuples.h"

#include "icingest/copy_encoder.h"
#include "load/tuple_bytes.h"

namespace icingest::load {
namespace {

constexpr std::size_t kFixedHeader = 19;

// A NUMERIC field's value as a mantissa at `scale`; nothing for NaN, infinities and more than 38 digits.
std::optional<Int128> numeric_mantissa(std::string_view field, int scale) {
  if (field.size() < 8) return std::nullopt;
  const int count = get_big_endian<std::int16_t>(field.data());
  const int weight = get_big_endian<std::int16_t>(field.data() + 2);
  const auto sign = get_big_endian<std::uint16_t>(field.data() + 4);
  if ((sign != 0 && sign != 0x4000) || field.size() != 8 + 2 * static_cast<std::size_t>(count))
    return std::nullopt;
  Int128 mantissa = 0;
  const Int128 limit = power_of_ten(34);
  for (int i = 0; i < count; ++i) {
    if (mantissa >= limit) return std::nullopt;
    mantissa =
        mantissa * 10'000 + get_big_endian<std::uint16_t>(field.data() + 8 + 2 * static_cast<std::size_t>(i));
  }
  // The groups end 4 * (count - weight - 1) digits behind the point.
  int decimals = 4 * (count - weight - 1);
  for (; decimals > scale; --decimals) {
    if (mantissa % 10 != 0) return std::nullopt;
    mantissa /= 10;
  }
  for (; decimals < scale && mantissa != 0; ++decimals) {
    if (mantissa >= power_of_ten(37)) return std::nullopt;
    mantissa *= 10;
  }
  return sign == 0 ? mantissa : -mantissa;
}

char* put_field(char* at, std::string_view field) {
  at = copy::detail::put<std::int32_t>(at, static_cast<std::int32_t>(field.size()));
  if (!field.empty()) std::memcpy(at, field.data(), field.size());
  return at + field.size();
}

char* put_canonical(char* at, const ColumnType& type, const Field& field) {
  if (!field) return copy::detail::put_null(at);
  if (type.type != PgType::numeric) return put_field(at, *field);
  const int scale = type.precision != 0  ? type.scale
                    : field->size() >= 8 ? get_big_endian<std::int16_t>(field->data() + 6)
                                         : 0;
  const auto mantissa = scale <= Decimal::kMaxScale ? numeric_mantissa(*field, scale) : std::nullopt;
  return mantissa ? copy::detail::put_numeric(at, *mantissa, scale) : put_field(at, *field);
}

}  // namespace

Result<bool> TupleReader::take_tuple(std::string_view& bytes) {
  if (ended_ || bytes.size() < 2) return false;
  const int count = get_big_endian<std::int16_t>(bytes.data());
  if (count < 0) {
    ended_ = true;
    return false;
  }
  fields_.clear();
  std::size_t at = 2;
  for (int i = 0; i < count; ++i) {
    if (bytes.size() < at + 4) return false;
    const auto length = get_big_endian<std::int32_t>(bytes.data() + at);
    at += 4;
    if (length < 0) {
      fields_.emplace_back();
      continue;
    }
    if (bytes.size() < at + static_cast<std::size_t>(length)) return false;
    fields_.emplace_back(bytes.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  ICINGEST_TRY(each_(fields_));
  bytes.remove_prefix(at);
  return true;
}

Result<void> TupleReader::feed(std::string_view bytes) {
  if (!pending_.empty()) {
    pending_.append(bytes);
    bytes = pending_.view();
  }
  if (!header_seen_ && bytes.size() >= kFixedHeader) {
    const std::size_t header = kFixedHeader + get_big_endian<std::uint32_t>(bytes.data() + 15);
    if (bytes.size() >= header) {
      header_seen_ = true;
      bytes.remove_prefix(header);
    }
  }
  for (bool more = header_seen_; more;) {
    ICINGEST_TRY_LET(more, take_tuple(bytes));
  }
  Buffer rest;
  rest.append(bytes);
  pending_.swap(rest);
  return {};
}

Result<void> TupleReader::finish() const {
  if (ended_) return {};
  return Failure(Error{
      .action = Action::retry, .exit = ExitCode::later, .message = "COPY TO ended without its trailer"});
}

Digest digest_of_fields(const TableInfo& table, const Field* fields, Buffer& scratch) {
  std::size_t text_bytes = 0;
  for (std::size_t i = 0; i < table.columns.size(); ++i) text_bytes += fields[i] ? fields[i]->size() : 0;
  scratch.clear();
  char* const begin = scratch.reserve(text_bytes + table.columns.size() * copy::detail::kNumericMax);
  char* at = begin;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    at = put_canonical(at, table.columns[i].type, fields[i]);
  return digest_of(begin, static_cast<std::size_t>(at - begin));
}

void append_staged(std::string_view tuples, Buffer& out) {
  while (!tuples.empty()) {
    const std::size_t size = tuple_size(tuples.data());
    const Digest digest = digest_of(tuples.data() + 2, size - 2);
    const auto half = [&](std::size_t lane) {
      return std::uint64_t{digest.lanes.at(lane + 1)} << 32 | digest.lanes.at(lane);
    };
    char* at = out.reserve(size + kStagingFields * 12);
    at = copy::detail::put<std::int16_t>(
        at, static_cast<std::int16_t>(get_big_endian<std::int16_t>(tuples.data()) + kStagingFields));
    std::memcpy(at, tuples.data() + 2, size - 2);
    at += size - 2;
    at = copy::detail::put<std::uint64_t>(copy::detail::put<std::int32_t>(at, 8), half(0));
    copy::detail::put<std::uint64_t>(copy::detail::put<std::int32_t>(at, 8), half(2));
    out.commit(size + kStagingFields * 12);
    tuples.remove_prefix(size);
  }
}

}  // namespace icingest::load
