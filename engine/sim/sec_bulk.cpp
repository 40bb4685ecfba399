#include "sim/sec_bulk.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/render.h"

namespace icingest::sim {
namespace {

enum Purpose : std::uint64_t { kMinute = 501, kOrder };
constexpr std::chrono::minutes kEarliest{4 * 60 + 28};  // GMT
constexpr std::uint64_t kSpread = 9 * 60;               // seconds
constexpr std::uint64_t kPart = std::uint64_t{8} << 20;
constexpr std::uint64_t kBombSize = std::uint64_t{256} << 20;
constexpr std::size_t kDepth = 100'000;

// The member with what is wrong about it; `odd_name` is a member of its own.
Packed spoiled(const SplitText& text, BadMember kind) {
  switch (kind) {
    case BadMember::bad_deflate: {
      // 0xff begins a block of the type that does not exist.
      Packed packed = text.tail;
      packed.bytes = std::make_shared<const std::string>(text.tail.bytes->size(), '\xff');
      return packed;
    }
    case BadMember::cut_json: {
      const std::string plain = unpack(text.tail);
      return pack(std::string_view(plain).substr(0, plain.size() / 2));
    }
    case BadMember::deep_json:
      return pack(",\"facts\":" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}");
    case BadMember::bomb: return pack_blanks(kBombSize);
    default: return text.tail;
  }
}

std::string member_name(std::int64_t cik) { return fmt::format("CIK{:010}.json", cik); }

}  // namespace

SecBulk::SecBulk(const SecFilers& filers, const SecSubmissions& submissions, const SecOptions& options)
    : filers_(filers), submissions_(submissions), options_(options) {}

Instant SecBulk::built_at(Instant now) const {
  const auto at = [&](Date day) {
    const auto of = static_cast<std::uint64_t>(day.time_since_epoch().count());
    return Instant(day + kEarliest + std::chrono::seconds(draw(filers_.seed(), kMinute, of) % kSpread));
  };
  Date day = std::chrono::floor<std::chrono::days>(now);
  if (at(day) > now) day -= std::chrono::days(1);
  return at(day - std::chrono::days(options_.zip_age));
}

template <class T>
void SecBulk::shuffle(std::vector<T>& members) const {
  std::vector<std::pair<std::uint64_t, T>> order;
  order.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    order.emplace_back(draw(filers_.seed(), kOrder, generation_, i), members[i]);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < members.size(); ++i) members[i] = order[i].second;
}

std::shared_ptr<const ZipLayout> SecBulk::companyfacts(Date day) const {
  std::vector<const Filer*> members;
  std::map<const Filer*, std::pair<BadMember, Packed>> bad;
  for (const Filer& filer : filers_.all()) {
    if (filer.kind == Filer::Kind::no_xbrl) continue;
    members.push_back(&filer);
    if (const auto kind = filers_.bad_member(filer))
      bad.emplace(&filer, std::pair(*kind, spoiled(*filers_.companyfacts(filer, day), *kind)));
  }
  const auto wanted = options_.bad.find(BadMember::odd_name);
  const int odd = wanted == options_.bad.end() ? 0 : wanted->second;
  members.resize(members.size() + static_cast<std::size_t>(odd), nullptr);
  shuffle(members);
  const std::size_t count = members.size();
  return std::make_shared<const ZipLayout>(
      count,
      [this, day, members = std::move(members), bad = std::move(bad)](std::size_t i) -> ZipMember {
        const Filer* const filer = members[i];
        if (filer == nullptr) return {fmt::format("readme-{}.txt", i), {"", pack("Not a company.\n")}, 0};
        ZipMember member{member_name(filer->cik), *filers_.companyfacts(*filer, day), 0};
        const auto found = bad.find(filer);
        if (found == bad.end()) return member;
        const auto& [kind, tail] = found->second;
        if (kind == BadMember::bomb) member.text.head.clear();
        member.text.tail = tail;
        member.wrong_crc = kind == BadMember::bad_crc ? 1 : 0;
        return member;
      },
      ZipStyle{.zip64 = options_.zip64, .descriptors = options_.descriptors});
}

std::shared_ptr<const ZipLayout> SecBulk::submissions(Date day) const {
  std::vector<std::string> names = submissions_.names();
  shuffle(names);
  const std::size_t count = names.size();
  return std::make_shared<const ZipLayout>(
      count,
      [this, day, names = std::move(names)](std::size_t i) -> ZipMember {
        return {names[i], *submissions_.find(names[i], day), 0};
      },
      ZipStyle{.zip64 = options_.zip64, .descriptors = options_.descriptors});
}

const BulkZip& SecBulk::zip(BulkKind kind, Instant now) {
  BulkZip& zip = zips_.at(static_cast<std::size_t>(kind));
  const Instant built = built_at(now);
  const Instant modified = built + std::chrono::minutes(generation_);
  if (zip.bytes && zip.modified == modified) return zip;
  const Date day = std::chrono::floor<std::chrono::days>(built) - std::chrono::days(1);
  ++built_;
  zip.modified = modified;
  zip.bytes = kind == BulkKind::companyfacts ? companyfacts(day) : submissions(day);
  // As the store writes the ETag of an object that came in parts.
  zip.etag = fmt::format("\"{}-{}\"",
                         request_id(fmt::format("{} {} {} {}", filers_.seed(), static_cast<int>(kind),
                                                to_string(modified), zip.bytes->size())),
                         (zip.bytes->size() + kPart - 1) / kPart);
  return zip;
}

}  // namespace icingest::sim
