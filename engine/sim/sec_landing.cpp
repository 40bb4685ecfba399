#include "sim/sec_landing.h"

#include <fmt/format.h>

#include <array>
#include <ranges>
#include <vector>

namespace icingest::sim {
namespace {

constexpr std::string_view kFolder = "/data-research/sec-markets-data/";
// Between the end of a release's time and its publication.
constexpr std::chrono::days kLag{40};

struct Release {
  std::string name;
  std::string label;
  Date last;  // day of its time
};

Date last_of_month(int year, int month) {
  using namespace std::chrono;
  return Date(std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last);
}

// "2026q1", from `year` and `quarter` until the end of `to`.
std::vector<Release> quarters(int year, int quarter, Date to, std::string_view ending) {
  std::vector<Release> releases;
  for (;; quarter == 4 ? ++year, quarter = 1 : ++quarter) {
    const Date last = last_of_month(year, 3 * quarter);
    if (last > to) return releases;
    releases.push_back(
        {fmt::format("{}q{}{}.zip", year, quarter, ending), fmt::format("{} Q{}", year, quarter), last});
  }
}

std::string in_words(Date day) {
  constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                        "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::chrono::year_month_day parts(day);
  return fmt::format("{:02}{}{}", static_cast<unsigned>(parts.day()),
                     kMonths.at(static_cast<unsigned>(parts.month()) - 1), static_cast<int>(parts.year()));
}

// Quarters until 2023, and since then windows of filing dates; the first one is short. Every eighth was uploaded twice.
std::vector<Release> holdings(Date to) {
  std::vector<Release> releases = quarters(2013, 2, make_date(2023, 12, 31), "_form13f");
  Date first = make_date(2024, 1, 1);
  for (int month = 2, year = 2024, number = 1;; ++number) {
    const Date last = last_of_month(year, month);
    if (last > to) return releases;
    const std::string window = fmt::format("{}-{}", in_words(first), in_words(last));
    releases.push_back({fmt::format("{}_form13f{}.zip", window, number % 8 == 0 ? "_1" : ""), window, last});
    first = last + std::chrono::days(1);
    month += 3;
    if (month > 12) month -= 12, ++year;
  }
}

std::string page_of(std::string_view title, std::string_view folder, const std::vector<Release>& releases,
                    Date moved) {
  std::string rows;
  for (const Release& release : releases | std::views::reverse) {
    rows += fmt::format("<tr><td><a href=\"/files/{}/data/{}/{}\">{}</a></td><td>{}</td></tr>\n",
                        release.last >= moved ? "datastandardsinnovation" : "structureddata", folder,
                        release.name, release.label, "zip");
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><title>SEC.gov | {0}</title></head><body><h1>{0}</h1>\n"
      "<table><thead><tr><th>File</th><th>Format</th></tr></thead><tbody>\n{1}</tbody></table></body></html>\n",
      title, rows);
}

}  // namespace

std::optional<std::string> sec_landing_page(std::string_view path, Date today) {
  if (!path.starts_with(kFolder)) return std::nullopt;
  const std::string_view name = path.substr(kFolder.size());
  const Date to = today - kLag;
  // The releases since are in the second directory, and only there.
  if (name == "insider-transactions-data-sets")
    return page_of("Insider Transactions Data Sets", name, quarters(2006, 1, to, "_form345"),
                   make_date(2026, 6, 30));
  if (name == "form-13f-data-sets")
    return page_of("Form 13F Data Sets", name, holdings(to), make_date(2026, 8, 31));
  return std::nullopt;
}

}  // namespace icingest::sim
