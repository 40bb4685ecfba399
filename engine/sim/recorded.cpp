#include "sim/recorded.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/text.h"
#include "decode/inflate.h"

namespace icingest::sim {
namespace {

constexpr std::string_view kMockMark = "official client test response for ";
constexpr std::string_view kUrlMark = "[HTTP 200, https://api.polygon.io";

// The request target a README row stands for, if it is an answer of this provider.
std::optional<std::string> recorded_target(std::string_view description) {
  if (const std::size_t at = description.find(kMockMark); at != std::string_view::npos) {
    std::string target = "/" + std::string(text::trim(description.substr(at + kMockMark.size())));
    if (!target.ends_with(".json")) return std::nullopt;
    target.resize(target.size() - 5);
    if (const std::size_t first = target.find('&'); first != std::string::npos) target[first] = '?';
    return target;
  }
  if (const std::size_t at = description.find(kUrlMark); at != std::string_view::npos) {
    const std::string_view rest = description.substr(at + kUrlMark.size());
    return std::string(rest.substr(0, rest.find(']')));
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Parameters that do not choose between answers.
bool is_neutral(const std::string& name) {
  return name == "apiKey" || name == "unadjusted" || name == "adjusted";
}

}  // namespace

std::string read_recorded(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (file.extension() != ".gz") return bytes;
  decode::Inflater inflater;
  Buffer plain;
  if (!inflater.gunzip(bytes, std::size_t{1} << 30, 0, plain)) return {};
  return std::string(plain.view());
}

Result<Recorded> Recorded::load(const std::filesystem::path& directory) {
  std::ifstream readme(directory / "README.md");
  if (!readme) {
    return usage_error(fmt::format("--recorded: no README.md in {}", directory.string()),
                       "name the directory of the recorded answers");
  }
  Recorded recorded;
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with("| polygon/")) continue;
    const auto cells = text::split(line, '|');
    if (cells.size() < 3) continue;
    const auto target = recorded_target(cells[2]);
    const std::filesystem::path file = directory / text::trim(cells[1]);
    if (!target || file.extension() == ".headers" || !std::filesystem::exists(file)) continue;
    const SimRequest request = parse_target(*target);
    recorded.entries_.push_back({lower(request.path), request.query, file});
  }
  // The most particular recording answers first.
  std::stable_sort(recorded.entries_.begin(), recorded.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.query.size() > b.query.size(); });
  return recorded;
}

std::optional<SimAnswer> Recorded::find(const SimRequest& request) const {
  const std::string path = lower(request.path);
  // The recordings hold active tickers only.
  if (const auto active = request.query.find("active");
      active != request.query.end() && active->second == "false") {
    return std::nullopt;
  }
  const bool wants_cursor = request.query.contains("cursor");
  for (const Entry& entry : entries_) {
    const bool same = entry.path == path && entry.query.contains("cursor") == wants_cursor &&
                      std::all_of(entry.query.begin(), entry.query.end(), [&](const auto& parameter) {
                        const auto asked = request.query.find(parameter.first);
                        return is_neutral(parameter.first) ||
                               (asked != request.query.end() && asked->second == parameter.second);
                      });
    if (!same) continue;
    if (std::string body = read_recorded(entry.file); !body.empty()) return json_answer(std::move(body));
  }
  return std::nullopt;
}

}  // namespace icingest::sim
