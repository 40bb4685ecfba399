#include "statements/fiscal_years.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace icingest::statements {
namespace {

using std::chrono::days;

// A filer's own dates for one period differ by some days between filings: "December 31" for the Saturday
// before it.
constexpr std::int64_t kSlack = 10;

bool near(Date a, Date b) { return a - b <= days(kSlack) && b - a <= days(kSlack); }
std::int64_t overlap(Date start, Date end, const FiscalYear& year) {
  return days_of(std::max(start, year.start), std::min(end, year.end));
}

// 12- and 16-week quarters included (84 and 112 days), and 53-week years.
bool is_quarter(std::int64_t length) { return length >= 70 && length <= 125; }
bool is_year(std::int64_t length) { return length >= 340 && length <= 380; }

struct Span {
  Date start{};
  Date end{};
  int count = 0;
  bool own = false;  // some annual report's own period
};

// A period shorter than a year.
struct Short {
  Date start{};
  Date end{};
};

// The same day a year later, or the end of the month where `end` is one.
Date year_after(Date end) {
  const auto date = std::chrono::year_month_day(end);
  const bool month_end = std::chrono::year_month_day(end + days(1)).month() != date.month();
  const auto moved = date.year() + std::chrono::years(1);
  if (month_end) return Date(moved / date.month() / std::chrono::last);
  return Date(moved / date.month() / date.day());
}

class Finder {
 public:
  explicit Finder(const Filings& filings) : filings_(filings) {
    has_annual_ = std::any_of(filings.filings.begin(), filings.filings.end(),
                              [](const Filing& one) { return one.form_class == FormClass::annual; });
  }

  std::vector<FiscalYear> run() {
    collect();
    accept_years();
    accept_transitions();
    accept_open_years();
    close_gaps();
    for (FiscalYear& year : years_) settle_basis(year);
    label();
    return std::move(years_);
  }

 private:
  bool tells_years(const Filing& filing) const {
    return !has_annual_ || filing.form_class == FormClass::annual;
  }

  void collect() {
    std::vector<Span> annual(filings_.periods.size());
    std::vector<bool> interim(filings_.periods.size());
    for (const Item& item : filings_.items) {
      const Fact& fact = *item.fact;
      const Filing& filing = filings_.filings[item.filing];
      if (!fact.start || !registry().anchors[item.what]) continue;
      const std::int64_t length = days_of(*fact.start, fact.end);
      const bool own = fact.end == *filing.own_end;
      if (is_year(length)) {
        if (!tells_years(filing)) continue;
        Span& span = annual[item.period];
        ++span.count;
        span.own = span.own || own;
      } else if (length < 340) {
        interim[item.period] = true;
        if (filing.form_class == FormClass::annual && own) {
          Date& start = own_.try_emplace(item.filing, Short{*fact.start, fact.end}).first->second.start;
          start = std::min(start, *fact.start);
        }
      }
    }
    for (std::size_t i = 0; i < filings_.periods.size(); ++i) {
      const Period& period = filings_.periods[i];
      if (annual[i].count > 0) annual_.push_back({*period.start, period.end, annual[i].count, annual[i].own});
      if (interim[i]) interim_.push_back({*period.start, period.end});
    }
    std::sort(annual_.begin(), annual_.end(), [](const Span& a, const Span& b) {
      return std::tie(a.start, a.end) < std::tie(b.start, b.end);
    });
  }

  // Years that an annual report had as its own come first: a comparative column restated to another year end
  // must not push them out. Among equals the dates most facts agree on.
  void accept_years() {
    std::stable_sort(annual_.begin(), annual_.end(),
                     [](const Span& a, const Span& b) { return a.own != b.own ? a.own : a.count > b.count; });
    for (const Span& span : annual_) {
      const bool taken = std::any_of(years_.begin(), years_.end(), [&](const FiscalYear& year) {
        return overlap(span.start, span.end, year) > 20;
      });
      if (!taken) years_.push_back({.start = span.start, .end = span.end});
    }
    order();
  }

  // An annual report whose own period is shorter than a year: after a changed year end, or since inception.
  void accept_transitions() {
    for (const auto& [filing, longest] : own_) {
      const std::int64_t length = days_of(longest.start, longest.end);
      const auto clashes = [&](const FiscalYear& year) {
        return overlap(longest.start, longest.end, year) > 20;
      };
      if (length < 20 || std::any_of(years_.begin(), years_.end(), clashes) || !follows_a_year(longest.start))
        continue;
      years_.push_back({.start = longest.start, .end = longest.end, .transition = true});
    }
    order();
  }

  // A period that begins neither after a year nor before all of them is a piece of a year whose annual facts
  // are missing.
  [[nodiscard]] bool follows_a_year(Date start) const {
    bool first = true;
    for (const FiscalYear& year : years_) {
      if (near(year.end + days(1), start)) return true;
      first = first && start < year.start;
    }
    return first;
  }

  [[nodiscard]] bool covered(Date start, Date end) const {
    return std::any_of(years_.begin(), years_.end(),
                       [&](const FiscalYear& year) { return overlap(start, end, year) > 20; });
  }

  void add_open(Date start) {
    Date end = year_after(start - days(1));
    for (FiscalYear& year : years_) {
      if (near(year.end + days(1), start)) start = year.end + days(1), end = year_after(year.end);
    }
    for (const FiscalYear& year : years_) {
      if (year.start > start && year.start <= end) end = year.start - days(1);
    }
    if (days_of(start, end) < 20) return;
    years_.push_back({.start = start, .end = end, .open = true});
    order();
  }

  // Year-to-date facts say where a year without annual report began; three-month facts alone leave that to
  // the neighbouring years.
  void accept_open_years() {
    std::set<Date> begins;
    for (const Short& span : interim_) {
      if (days_of(span.start, span.end) >= 150) begins.insert(span.start);
    }
    for (const Date begin : begins) {
      if (!covered(begin, begin + days(120))) add_open(begin);
    }
    std::set<std::pair<Date, Date>> quarters;
    for (const Short& span : interim_) {
      if (is_quarter(days_of(span.start, span.end))) quarters.insert({span.start, span.end});
    }
    for (const auto& [start, end] : quarters) {
      if (!covered(start, end)) extend_to(start, end);
    }
  }

  void extend_to(Date start, Date end) {
    if (years_.empty()) return add_open(start);
    for (int steps = 0; steps < 40 && !covered(start, end); ++steps) {
      const auto next = std::find_if(years_.begin(), years_.end(),
                                     [&](const FiscalYear& year) { return year.start > start; });
      if (next == years_.begin()) {
        const Date last = next->start - days(1);
        const Date first = years_before(next->start, 1);
        years_.push_back({.start = first, .end = last, .open = true});
        order();
        continue;
      }
      const std::size_t before = years_.size();
      add_open(std::prev(next)->end + days(1));
      if (years_.size() == before) return;
    }
  }

  // A year begins the day after the one before it ended, whatever single filings say.
  void close_gaps() {
    for (std::size_t i = 1; i < years_.size(); ++i) {
      const Date next = years_[i - 1].end + days(1);
      if (!years_[i - 1].open && near(years_[i].start, next)) years_[i].start = next;
    }
  }

  // A year speaks in the currency and taxonomy of the report that had it as its own period first; a year
  // known only from later columns in those of the first report that shows it.
  void settle_basis(FiscalYear& year) {
    const Filing* basis = nullptr;
    for (std::uint32_t i = 0; i < filings_.filings.size(); ++i) {
      const Filing& filing = filings_.filings[i];
      if (filing.form_class == FormClass::excluded || !filing.own_end) continue;
      const bool inside = *filing.own_end >= year.start && *filing.own_end <= year.end + days(kSlack);
      if (!inside || filing.form_class == FormClass::other) continue;
      const bool closes = !year.open && tells_years(filing) && near(*filing.own_end, year.end);
      if (closes && !year.own) year.own = i, basis = &filing;
      if (basis == nullptr && year.open) basis = &filing;
    }
    if (basis == nullptr) basis = first_to_show(year);
    if (basis == nullptr) return;
    year.currency = basis->currency;
    year.taxonomy = basis->taxonomy;
  }

  const Filing* first_to_show(const FiscalYear& year) const {
    const Filing* best = nullptr;
    for (const Item& item : filings_.items) {
      const Filing& filing = filings_.filings[item.filing];
      if (!item.fact->start || !registry().anchors[item.what] ||
          overlap(*item.fact->start, item.fact->end, year) < 20)
        continue;
      if (*item.fact->start + days(kSlack) < year.start || item.fact->end > year.end + days(kSlack)) continue;
      const bool periodic = filing.form_class != FormClass::other;
      const bool best_periodic = best != nullptr && best->form_class != FormClass::other;
      if (best == nullptr || (periodic && !best_periodic) || (periodic == best_periodic && &filing < best))
        best = &filing;
    }
    return best;
  }

  // The label is what the filer calls the year. Every annual report says so in `fy`, but single reports are
  // mistagged, so the distance between label and calendar year is put to the vote among the reports with the
  // same year end.
  void label() {
    std::size_t begin = 0;
    while (begin < years_.size()) {
      std::size_t end = begin + 1;
      while (end < years_.size() && same_era(years_[end - 1], years_[end])) ++end;
      std::map<std::int64_t, int> votes;
      for (std::size_t i = begin; i < end; ++i) {
        if (!years_[i].own || !filings_.filings[*years_[i].own].fy) continue;
        const std::int64_t distance = *filings_.filings[*years_[i].own].fy - natural_label(years_[i]);
        if (distance >= -1 && distance <= 1) ++votes[distance];
      }
      std::int64_t distance = 0;
      int most = votes.contains(0) ? votes[0] : 0;
      for (const auto& [value, count] : votes) {
        if (count > most) distance = value, most = count;
      }
      for (std::size_t i = begin; i < end; ++i) years_[i].label = natural_label(years_[i]) + distance;
      begin = end;
    }
  }
  // The calendar year that the year ends in, where the first days of January still belong to December.
  static std::int64_t natural_label(const FiscalYear& year) {
    return static_cast<int>(civil(year.end - days(kSlack)).year());
  }
  static bool same_era(const FiscalYear& a, const FiscalYear& b) {
    if (a.transition || b.transition) return false;
    const std::int64_t away = (b.end - year_after(a.end)).count() % 365;
    return away <= 15 && away >= -15;
  }

  void order() {
    std::sort(years_.begin(), years_.end(),
              [](const FiscalYear& a, const FiscalYear& b) { return a.start < b.start; });
  }

  const Filings& filings_;
  bool has_annual_ = false;
  std::vector<Span> annual_;
  std::vector<Short> interim_;
  std::map<std::uint32_t, Short> own_;  // by annual report: the longest that ends with its own period
  std::vector<FiscalYear> years_;
};

// Quarter number of an end that many days into its year; 0 between the windows.
int quarter_at(std::int64_t elapsed) {
  if (is_quarter(elapsed)) return 1;
  if (elapsed >= 150 && elapsed <= 215) return 2;
  if (elapsed >= 235 && elapsed <= 300) return 3;
  if (elapsed >= 325 && elapsed <= 385) return 4;
  return 0;
}

}  // namespace

int quarters_of(const FiscalYear& year) {
  if (!year.transition) return 4;
  return static_cast<int>((days_of(year.start, year.end) + 45) / 91);
}

std::vector<FiscalYear> find_fiscal_years(const Filings& filings) { return Finder(filings).run(); }

std::optional<Place> place_duration(const std::vector<FiscalYear>& years, Date start, Date end) {
  for (std::size_t i = 0; i < years.size(); ++i) {
    const FiscalYear& year = years[i];
    if (start + days(kSlack) < year.start || start > year.end || end > year.end + days(kSlack)) continue;
    const std::int64_t length = days_of(start, end);
    const bool from_start = near(start, year.start);
    const bool to_end = !year.open && near(end, year.end);
    if (from_start && to_end) return Place{i, Role::year};
    const int quarter = to_end && !year.transition ? 4 : quarter_at(days_of(year.start, end));
    if (quarter == 0 || (quarter == 4 && from_start)) return std::nullopt;
    if (from_start) return Place{i, static_cast<Role>(static_cast<int>(Role::ytd1) + quarter - 1)};
    if (quarter == 1 || !is_quarter(length)) return std::nullopt;
    return Place{i, static_cast<Role>(static_cast<int>(Role::quarter2) + quarter - 2)};
  }
  return std::nullopt;
}

}  // namespace icingest::statements
