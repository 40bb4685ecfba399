#include "icingest/csv.h"

namespace icingest::csv {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

Reader::Reader(std::string_view body) : body_(body) {
  if (body_.starts_with(kByteOrderMark)) body_.remove_prefix(kByteOrderMark.size());
}

// The field whose opening quote is at at_, which ends behind its closing one. False: there is none.
bool Reader::take_quoted(std::string_view& field) {
  const std::size_t begin = at_ + 1;
  std::size_t quote = body_.find('"', begin);
  if (quote == std::string_view::npos) return false;
  if (quote + 1 >= body_.size() || body_[quote + 1] != '"') {
    field = body_.substr(begin, quote - begin);
    at_ = quote + 1;
    return true;
  }
  if (unescaped_used_ == unescaped_.size()) unescaped_.emplace_back();
  std::string& text = unescaped_[unescaped_used_++];
  text.clear();
  for (std::size_t from = begin;; from = quote + 1, quote = body_.find('"', from)) {
    if (quote == std::string_view::npos) return false;
    text.append(body_, from, quote - from);
    if (quote + 1 >= body_.size() || body_[quote + 1] != '"') break;
    text += body_[quote++];
  }
  at_ = quote + 1;
  field = text;
  return true;
}

Reader::Next Reader::next() {
  fields_.clear();
  unescaped_used_ = 0;
  // An empty line says nothing; writers leave one at the end at times.
  while (at_ < body_.size() && (body_[at_] == '\n' || body_[at_] == '\r')) ++at_;
  if (at_ >= body_.size()) return Next::end;
  const std::size_t begin = at_;
  Next result = Next::record;
  for (;;) {
    std::string_view field;
    const bool quoted = at_ < body_.size() && body_[at_] == '"';
    if (quoted && !take_quoted(field)) return Next::unclosed;
    const std::size_t rest = at_;
    while (at_ < body_.size() && body_[at_] != ',' && body_[at_] != '\n') ++at_;
    std::size_t end = at_;
    const bool last = at_ >= body_.size() || body_[at_] == '\n';
    if (last && end > rest && body_[end - 1] == '\r') --end;
    if (!quoted) field = body_.substr(rest, end - rest);
    else if (end != rest) result = Next::misquoted;
    fields_.push_back(field);
    if (last) {
      raw_ = body_.substr(begin, end - begin);
      ended_line_ = at_ < body_.size();
      if (ended_line_) ++at_;
      break;
    }
    ++at_;
  }
  return result;
}

}  // namespace icingest::csv
