#include "sim/sec_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>

#include "core/text.h"
#include "sim/edgar_days.h"
#include "sim/recorded.h"
#include "sim/zip_layout.h"

namespace icingest::sim {
namespace {

enum Purpose : std::uint64_t { kNoise = 601, kIssuer, kOwner, kReport };
constexpr std::chrono::hours kComplete{22};  // New York
constexpr int kFirstYear = 1993;
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};

// The newest day whose index is complete.
Date newest_day(Instant now) {
  const Date today = new_york::date_of(now);
  return now >= new_york::midnight(today) + kComplete ? today : today - std::chrono::days(1);
}

std::string compact(Date day) {
  std::string text = to_string(day);
  std::erase(text, '-');
  return text;
}

std::optional<Date> parse_compact(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  return parse_date(fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 2)));
}

std::string header(std::string_view order, Date last, bool daily) {
  const auto date = civil(last);
  std::string month(kMonths.at(static_cast<unsigned>(date.month()) - 1));
  if (daily) month.resize(3);
  const std::string_view by = order == "form"      ? " by Form Type"
                              : order == "company" ? " by Company Name"
                                                   : "";
  const std::string_view blank = daily ? " \n" : "\n";
  std::string out = fmt::format(
      "Description:           {} Index of EDGAR Dissemination Feed{}\nLast Data Received:    {} {}, {}\n"
      "Comments:              webmaster@sec.gov\nAnonymous FTP:         ftp://ftp.sec.gov/edgar/\n",
      daily ? "Daily" : "Master", by, month, static_cast<unsigned>(date.day()),
      static_cast<int>(date.year()));
  for (int i = 0; i < 4; ++i) out += blank;
  if (order == "form")
    out +=
        fmt::format("{:<12}{:<62}{:<12}{:<12}File Name\n", "Form Type", "Company Name", "CIK", "Date Filed");
  else if (order == "company")
    out +=
        fmt::format("{:<62}{:<12}{:<12}{:<12}File Name\n", "Company Name", "Form Type", "CIK", "Date Filed");
  else out += fmt::format("CIK|Company Name|Form Type|Date Filed|{}\n", daily ? "File Name" : "Filename");
  out += std::string(order == "form" || order == "company" ? 141 : 80, '-');
  return out += '\n';
}

// "11/24/2026 10:00:00 PM": New York, as the folders give it.
std::string american(Instant at) {
  const Date day = new_york::date_of(at);
  const auto date = civil(day);
  const auto time = std::chrono::hh_mm_ss(std::chrono::floor<std::chrono::seconds>(at) -
                                          std::chrono::floor<std::chrono::seconds>(new_york::midnight(day)));
  const auto hour = time.hours().count() % 24;
  return fmt::format("{:02}/{:02}/{} {:02}:{:02}:{:02} {}", static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), static_cast<int>(date.year()),
                     hour % 12 == 0 ? 12 : hour % 12, time.minutes().count(), time.seconds().count(),
                     hour < 12 ? "AM" : "PM");
}

// Folder listing as index.json, or for people.
ArchiveFile listing(std::string_view folder, const std::vector<std::string>& names, bool json,
                    Instant modified) {
  std::string text = json ? R"({"directory":{"item":[)" : fmt::format("<html><body><h1>{}</h1>\n", folder);
  for (const std::string& name : names) {
    const bool is_folder = name.ends_with('/');
    const std::string_view bare = std::string_view(name).substr(0, name.size() - (is_folder ? 1 : 0));
    if (json) {
      fmt::format_to(std::back_inserter(text),
                     R"({}{{"last-modified":"{}","name":"{}","type":"{}","href":"{}","size":"{}"}})",
                     name == names.front() ? "" : ",", american(modified), bare, is_folder ? "dir" : "file",
                     name, is_folder ? "4 KB" : "400 KB");
    } else {
      fmt::format_to(std::back_inserter(text), "<a href=\"{0}\">{0}</a>\n", name);
    }
  }
  text += json ? fmt::format(R"(],"name":"{}","parent-dir":"../"}}}})", folder) : "</body></html>\n";
  return {std::move(text), modified, json ? "application/json" : "text/html", true};
}

}  // namespace

void SecIndex::add_noise(Date day, std::vector<Entry>& entries) const {
  const auto of = static_cast<std::uint64_t>(day.time_since_epoch().count());
  const std::vector<Filer>& filers = filers_.all();
  if (filers.empty()) return;
  const auto random = [&](Purpose purpose, std::uint64_t i) { return draw(filers_.seed(), purpose, of, i); };
  const int year = static_cast<int>(civil(day).year()) % 100;
  const std::uint64_t count = 20 + random(kNoise, 0) % 30;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Filer& issuer = filers[random(kIssuer, i) % filers.size()];
    const std::uint64_t owner = random(kOwner, i) % 5000;
    constexpr std::array<std::string_view, 8> kForms = {"4", "4", "4", "4", "4/A", "3", "144", "SC 13G/A"};
    const std::string form(kForms.at(random(kNoise, i + 1) % kForms.size()));
    const std::string accession = fmt::format("0001140361-{:02}-{:06}", year, of % 400 * 100 + i);
    entries.push_back({form, filers_.name(issuer), issuer.cik, day, accession, false});
    entries.push_back({form, fmt::format("Writer Anna {}", owner),
                       910'000'000 + static_cast<std::int64_t>(owner), day, accession, false});
  }
  // A report of a company whose facts cannot be had, every third day or so.
  const Filer& other = filers[random(kReport, 0) % filers.size()];
  for (const Filer& filer : filers) {
    if (filer.kind != Filer::Kind::no_xbrl || filer.cik < other.cik) continue;
    if (random(kReport, 1) % 3 == 0)
      entries.push_back({"10-K", filers_.name(filer), filer.cik, day,
                         fmt::format("{:010}-{:02}-{:06}", 999'777, year, 900'000 + of % 400), false});
    break;
  }
}

std::vector<SecIndex::Entry> SecIndex::entries(Date from, Date to) const {
  std::vector<Entry> found;
  for (const Filer& filer : filers_.all()) {
    for (const Filing& filing : filers_.filings(filer, to)) {
      if (filing.filed >= from)
        found.push_back({filing.form, filers_.name(filer), filer.cik, filing.filed, filing.accession, true});
    }
  }
  for (Date day = from; day <= to; day += std::chrono::days(1)) {
    if (edgar_is_open(day)) add_noise(day, found);
  }
  return found;
}

std::string SecIndex::render(std::string_view order, std::vector<Entry> entries, Date last,
                             bool daily) const {
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (order == "form")
      return std::tie(a.form, a.company, a.cik, a.accession) <
             std::tie(b.form, b.company, b.cik, b.accession);
    if (order == "company")
      return std::tie(a.company, a.form, a.cik, a.accession) <
             std::tie(b.company, b.form, b.cik, b.accession);
    return std::tie(a.cik, a.form, a.accession) < std::tie(b.cik, b.form, b.accession);
  });
  std::string out = header(order, last, daily);
  for (const Entry& entry : entries) {
    const std::string date = daily ? compact(entry.filed) : to_string(entry.filed);
    const std::string file = fmt::format("edgar/data/{}/{}.txt", entry.cik, entry.accession);
    const std::string_view company = text::utf8_prefix(entry.company, 61);
    // Daily files have blanks behind the name of the file.
    const std::size_t width = daily ? 52 : 0;
    const auto into = std::back_inserter(out);
    if (order == "form")
      fmt::format_to(into, "{:<12}{:<62}{:<12}{:<12}{:<{}}\n", entry.form, company, entry.cik, date, file,
                     width);
    else if (order == "company")
      fmt::format_to(into, "{:<62}{:<12}{:<12}{:<12}{:<{}}\n", company, entry.form, entry.cik, date, file,
                     width);
    else fmt::format_to(into, "{}|{}|{}|{}|{}\n", entry.cik, company, entry.form, date, file);
  }
  return out;
}

std::optional<ArchiveFile> SecIndex::daily(std::string_view name, Date from, Date to, Date newest) const {
  const auto parts = text::split(name, '.');
  if (parts.size() != 3 || parts[2] != "idx") return std::nullopt;
  if (parts[0] != "form" && parts[0] != "company" && parts[0] != "master") return std::nullopt;
  const auto day = parse_compact(parts[1]);
  if (!day || *day < from || *day > to || *day > newest || !edgar_is_open(*day)) return std::nullopt;
  const Instant modified = new_york::midnight(*day) + kComplete;
  if (recorded_) {
    std::string text = read_recorded(*recorded_ / "sec" / "index" / (std::string(name) + ".gz"));
    if (!text.empty()) return ArchiveFile{std::move(text), modified, "text/plain"};
  }
  return ArchiveFile{render(parts[0], entries(*day, *day), *day, true), modified, "text/plain"};
}

// The index of a quarter begins with its first day, and is a header until then.
std::optional<ArchiveFile> SecIndex::full(std::string_view name, Date from, Date to, Date newest) const {
  const auto parts = text::split(name, '.');
  if (parts.size() != 2) return std::nullopt;
  const std::string_view order = parts[0];
  const std::string_view format = parts[1];
  if (order != "form" && order != "company" && order != "master" && order != "xbrl") return std::nullopt;
  if (format != "idx" && format != "gz" && format != "zip") return std::nullopt;
  const Date last = std::min(to, newest);
  std::vector<Entry> found = entries(from, last);
  if (order == "xbrl") std::erase_if(found, [](const Entry& entry) { return !entry.xbrl; });
  std::string text = render(order, std::move(found), std::max(last, from), false);
  const Instant modified = new_york::midnight(last) + kComplete;
  if (format == "idx") return ArchiveFile{std::move(text), modified, "text/plain"};
  const SplitText packed{"", pack(text)};
  if (format == "gz") return ArchiveFile{packed.gzip(), modified, "application/x-gzip", false};
  const ZipLayout zip(1, [&](std::size_t) { return ZipMember{fmt::format("{}.idx", order), packed, 0}; }, {});
  std::string bytes(zip.size(), '\0');
  zip.read(0, bytes);
  return ArchiveFile{std::move(bytes), modified, "application/zip", false};
}

std::optional<ArchiveFile> SecIndex::find(std::string_view path, Instant now) const {
  const Date newest = newest_day(now);
  const Date today = new_york::date_of(now);
  const auto parts = text::split(path, '/');
  const bool is_daily = parts[0] == "daily-index";
  if ((!is_daily && parts[0] != "full-index") || parts.size() < 2) return std::nullopt;
  const std::string_view name = parts.back();
  const bool wants_listing = name.empty() || name == "index.json";
  const auto list = [&](const std::vector<std::string>& names) -> std::optional<ArchiveFile> {
    if (!wants_listing) return std::nullopt;
    return listing(path.substr(0, path.size() - name.size()), names, !name.empty(),
                   new_york::midnight(newest) + kComplete);
  };
  const int this_year = static_cast<int>(civil(today).year());
  if (parts.size() == 2) {
    std::vector<std::string> names;
    for (int year = kFirstYear; year <= this_year; ++year) names.push_back(fmt::format("{}/", year));
    if (is_daily) names.insert(names.end(), {"bulkdata/", "xbrl/"});
    return list(names);
  }
  if (is_daily && parts.size() == 3 && parts[1] == "xbrl") return list({"companyfacts.zip"});
  if (is_daily && parts.size() == 3 && parts[1] == "bulkdata") return list({"submissions.zip"});
  const auto year = text::parse_int(parts[1]);
  if (!year || *year < kFirstYear || *year > this_year) return std::nullopt;
  const auto quarter_start = [&](unsigned quarter) {
    return make_date(static_cast<int>(*year), 3 * quarter - 2, 1);
  };
  if (parts.size() == 3) {
    std::vector<std::string> names;
    for (unsigned quarter = 1; quarter <= 4 && quarter_start(quarter) <= today; ++quarter)
      names.push_back(fmt::format("QTR{}/", quarter));
    return list(names);
  }
  if (parts.size() != 4 || parts[2].size() != 4 || !parts[2].starts_with("QTR")) return std::nullopt;
  const char digit = parts[2][3];
  if (digit < '1' || digit > '4') return std::nullopt;
  const Date from = quarter_start(static_cast<unsigned>(digit - '0'));
  if (from > today) return std::nullopt;
  const auto next = std::chrono::year_month_day(civil(from)) + std::chrono::months(3);
  const Date to = Date(next) - std::chrono::days(1);
  if (!wants_listing) return is_daily ? daily(name, from, to, newest) : full(name, from, to, newest);
  std::vector<std::string> names;
  for (const std::string_view order : {"company", "form", "master"}) {
    for (const std::string_view format : {"gz", "idx", "zip"}) {
      if (!is_daily) names.push_back(fmt::format("{}.{}", order, format));
    }
    for (Date day = from; is_daily && day <= std::min(to, newest); day += std::chrono::days(1)) {
      if (edgar_is_open(day)) names.push_back(fmt::format("{}.{}.idx", order, compact(day)));
    }
  }
  if (!is_daily) names.insert(names.end(), {"xbrl.gz", "xbrl.idx", "xbrl.zip"});
  return list(names);
}

}  // namespace icingest::sim
