#include "sim/sec_document.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "core/text.h"

namespace icingest::sim {
namespace {

// Walks over JSON without blanks; every step fails softly.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view from(std::size_t begin) const { return text_.substr(begin, at_ - begin); }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  // A string literal with its quotes; empty when there is none.
  std::string_view string() {
    const std::size_t begin = at_;
    if (at_ >= text_.size() || text_[at_] != '"') return {};
    for (++at_; at_ < text_.size(); ++at_) {
      at_ = text_.find_first_of("\"\\", at_);
      if (at_ == std::string_view::npos) break;
      if (text_[at_] == '"') return text_.substr(begin, ++at_ - begin);
      ++at_;
    }
    at_ = begin;
    return {};
  }
  // A string, or anything else up to the end of a member's value.
  std::string_view scalar() {
    if (const auto literal = string(); !literal.empty()) return literal;
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(",}]", at_), text_.size());
    return from(begin);
  }
  // An object without objects, arrays or braces in strings.
  std::string_view flat_object() {
    const std::size_t begin = at_;
    const std::size_t end = text_.find('}', at_);
    if (!take("{") || end == std::string_view::npos) return {};
    at_ = end + 1;
    return from(begin);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// The value of a text member of a row, without quotes.
std::string_view member(std::string_view row, std::string_view key) {
  const std::size_t at = row.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = row.substr(at + key.size());
  return rest.substr(0, rest.find('"'));
}
constexpr std::string_view kFiled = "\"filed\":\"";
constexpr std::string_view kAccession = "\"accn\":\"";
constexpr std::string_view kForm = "\"form\":\"";
constexpr std::string_view kStart = "{\"start\":\"";
constexpr std::string_view kEnd = "\"end\":\"";
constexpr std::string_view kValue = "\"val\":";
constexpr std::string_view kFrame = ",\"frame\":\"";

// Days that are none are garbage the SEC has too; they sort first.
Date day_of(std::string_view text) { return parse_date(text).value_or(Date{}); }

// `{"KEY":…,…}`: `each` handles a member behind its colon and appends it to `out`, or leaves `out` as it was.
template <class Each>
bool members(Cursor& in, std::string& out, const Each& each) {
  if (!in.take("{")) return false;
  out += '{';
  if (in.take("}")) {
    out += '}';
    return true;
  }
  bool first = true;
  do {
    const std::string_view key = in.string();
    if (key.empty() || !in.take(":")) return false;
    const std::size_t before = out.size();
    if (!first) out += ',';
    out += key;
    out += ':';
    const std::size_t value = out.size();
    if (!each(key)) return false;
    if (out.size() == value) out.resize(before);
    else first = false;
  } while (in.take(","));
  out += '}';
  return in.take("}");
}

// As members(), but an object of which nothing is left is not appended.
template <class Each>
bool members_if_any(Cursor& in, std::string& out, const Each& each) {
  const std::size_t begin = out.size();
  if (!members(in, out, each)) return false;
  if (out.size() == begin + 2) out.resize(begin);
  return true;
}

// `,"facts":{TAXONOMY:{CONCEPT:{…,"units":{UNIT:[ROW,…]}}}}}` once more, each row replaced by what
// `sink(row, out)` appends: nothing, or rows with commas between them. Nothing when it has another shape.
template <class Sink>
std::optional<std::string> rewrite(std::string_view tail, const Sink& sink) {
  Cursor in(tail);
  std::string out;
  out.reserve(tail.size() + tail.size() / 8);
  if (!in.take(",\"facts\":")) return std::nullopt;
  out += ",\"facts\":";
  const auto rows = [&](std::string_view) {
    if (!in.take("[")) return false;
    const std::size_t begin = out.size();
    out += '[';
    while (!in.take("]")) {
      const std::string_view row = in.flat_object();
      if (row.empty()) return false;
      const std::size_t before = out.size();
      if (before > begin + 1) out += ',';
      const std::size_t comma = out.size();
      sink(row, out);
      if (out.size() == comma) out.resize(before);
      in.take(",");
    }
    if (out.size() == begin + 1) out.resize(begin);
    else out += ']';
    return true;
  };
  const auto concept_members = [&](std::string_view) {
    const std::size_t begin = out.size();
    bool any = false;
    const bool ok = members(in, out, [&](std::string_view key) {
      if (key != "\"units\"") {
        out += in.scalar();
        return true;
      }
      const std::size_t units = out.size();
      const bool taken = members_if_any(in, out, rows);
      any = any || out.size() > units;
      return taken;
    });
    if (!any) out.resize(begin);
    return ok;
  };
  const bool ok =
      members(in, out, [&](std::string_view) { return members_if_any(in, out, concept_members); });
  if (!ok || !in.take("}") || in.at() != tail.size()) return std::nullopt;
  out += '}';
  return out;
}

void replace(std::string& row, std::string_view key, std::string_view value) {
  const std::size_t at = row.find(key) + key.size();
  row.replace(at, row.find('"', at) - at, value);
}

// The row as an amendment repeats it.
std::string amended(std::string_view row, const Amendment& amendment) {
  std::string copy(row);
  replace(copy, kAccession, amendment.accession);
  replace(copy, kFiled, to_string(amendment.filed));
  const std::string form(member(copy, kForm));
  if (!form.ends_with("/A")) replace(copy, kForm, form + "/A");
  const std::size_t at = copy.find(kValue) + kValue.size();
  const std::size_t length = copy.find(',', at) - at;
  if (const auto value = text::parse_int(std::string_view(copy).substr(at, length));
      value && *value >= 1'000'000) {
    copy.replace(at, length, std::to_string(*value + kRestated));
  }
  return copy;
}

std::string without_frame(std::string_view row) {
  std::string copy(row);
  const std::size_t at = copy.find(kFrame);
  if (at == std::string::npos) return copy;
  return copy.erase(at, copy.find('"', at + kFrame.size()) + 1 - at);
}

// "Tesla,\u00a0Inc." → "Tesla, Inc.": an index is written in few characters.
std::string plain_text(std::string_view literal) {
  std::string out;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    const auto c = static_cast<unsigned char>(literal[i]);
    if (c == '"') continue;
    if (c != '\\') {
      // The first byte of a UTF-8 sequence stands for all of it.
      if (c < 0x80) out += literal[i];
      else if (c >= 0xc0) out += '?';
      continue;
    }
    ++i;
    if (i < literal.size() && literal[i] == 'u') {
      const std::string_view code = literal.substr(i + 1, 4);
      out += code == "2019" ? '\'' : code == "00a0" ? ' ' : '?';
      i += 4;
    } else if (i < literal.size()) {
      out += literal[i];
    }
  }
  return out;
}

std::string minified(std::string_view json) {
  std::string out(json.size(), '\0');
  std::size_t size = 0;
  if (simdjson::minify(json.data(), json.size(), out.data(), size) != simdjson::SUCCESS) {
    return std::string(json);
  }
  out.resize(size);
  return out;
}

}  // namespace

bool is_periodic(std::string_view form) {
  constexpr std::array<std::string_view, 8> kForms = {"10-K", "10-Q",  "20-F",  "40-F",
                                                      "6-K",  "10-KT", "10-QT", "20-FR"};
  if (form.ends_with("/A")) form.remove_suffix(2);
  return std::find(kForms.begin(), kForms.end(), form) != kForms.end();
}

SecDocument::SecDocument(std::string_view json) {
  const std::string compact = minified(json);
  Cursor in(compact);
  std::string_view tail = compact;
  if (in.take("{\"cik\":")) {
    const std::string_view cik = in.scalar();
    if (in.take(",\"entityName\":")) {
      name_ = in.string();
      tail = std::string_view(compact).substr(in.at());
      cik_form_ = !cik.starts_with('"') ? CikForm::number
                  : cik.size() == 12    ? CikForm::padded
                                        : CikForm::bare;
    }
  }
  plain_name_ = plain_text(name_);
  std::unordered_map<std::string_view, Filing> found;
  std::unordered_set<std::string> flows;
  rewrite(tail, [&](std::string_view row, std::string&) {
    Filing& filing = found[member(row, kAccession)];
    if (filing.accession.empty()) {
      filing = {std::string(member(row, kAccession)), std::string(member(row, kForm)),
                day_of(member(row, kFiled)), Date{}};
    }
    // The cover page's share count is younger than the period; only what has a start says what that is.
    const Date end = day_of(member(row, kEnd));
    const bool flow = row.starts_with(kStart);
    if (end > filing.filed || (!flow && flows.contains(filing.accession))) return;
    if (flow && flows.insert(filing.accession).second) filing.period = Date{};
    filing.period = std::max(filing.period, end);
  });
  for (auto& [accession, filing] : found) filings_.push_back(std::move(filing));
  std::sort(filings_.begin(), filings_.end(), [](const Filing& a, const Filing& b) {
    return std::tie(a.filed, a.accession) < std::tie(b.filed, b.accession);
  });
  full_ = pack(tail);
}

std::string SecDocument::head(const Identity& who) const {
  const std::string name = who.name.empty() ? name_ : text::json_quote(who.name);
  switch (cik_form_) {
    case CikForm::none: return {};
    case CikForm::number: return fmt::format(R"({{"cik":{},"entityName":{})", who.cik, name);
    case CikForm::padded: return fmt::format(R"({{"cik":"{:010}","entityName":{})", who.cik, name);
    case CikForm::bare: return fmt::format(R"({{"cik":"{}","entityName":{})", who.cik, name);
  }
  return {};
}

const Filing* SecDocument::amendable(Date by, Date amended) const {
  const Filing* newest = nullptr;
  for (const Filing& filing : filings_) {
    if (filing.filed <= by && filing.filed < amended && is_periodic(filing.form)) newest = &filing;
  }
  return newest;
}

SplitText SecDocument::as_of(const Identity& who, Date day, const std::optional<Amendment>& amendment) {
  // Days on which nothing was filed are the same document.
  const auto later = std::upper_bound(filings_.begin(), filings_.end(), day,
                                      [](Date d, const Filing& filing) { return d < filing.filed; });
  const bool whole = later == filings_.end();
  if (whole && !amendment) return {head(who), full_};
  const Date effective = whole                       ? Date::max()
                         : later == filings_.begin() ? Date::min()
                                                     : std::prev(later)->filed;
  const Vintage vintage{effective, amendment};
  auto found = vintages_.find(vintage);
  if (found == vintages_.end()) {
    const Filing* const base = amendment ? amendable(day, amendment->filed) : nullptr;
    auto text = rewrite(unpack(full_), [&](std::string_view row, std::string& out) {
      if (day_of(member(row, kFiled)) > day) return;
      const bool again = base != nullptr && member(row, kAccession) == base->accession;
      if (!again) {
        out += row;
        return;
      }
      out += without_frame(row);
      out += ',';
      out += amended(row, *amendment);
    });
    found = vintages_.emplace(vintage, text ? pack(*text) : full_).first;
  }
  return {head(who), found->second};
}

}  // namespace icingest::sim
