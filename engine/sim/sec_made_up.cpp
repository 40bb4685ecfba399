#include "sim/sec_made_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/text.h"
#include "sim/edgar_days.h"
#include "sim/market.h"
#include "sim/packed.h"
#include "sim/render.h"

namespace icingest::sim {
namespace {

enum Purpose : std::uint64_t {
  kYearEnd = 301,
  kBase,
  kGrowth,
  kSeason,
  kCost,
  kExpense,
  kShares,
  kFiled,
  kRestatement,
  kLabel,
};
constexpr int kYears = 11;
constexpr std::int64_t kPerMille = 1000;

struct Report {  // a filing
  std::string accession;
  std::string form;
  Date filed{};
  int fy = 0;
  std::string_view fp;  // empty: null, as 6-K rows and fees have it
};

struct Row {
  std::optional<Date> start;
  Date end{};
  std::string value;
  std::size_t report = 0;
};

// The figures of one quarter, counted from the first; all of them follow from seed and number.
struct Quarter {
  std::int64_t revenue, cost, expenses, interest, tax, operating_cash, investment;
  std::int64_t assets, current_assets, cash, inventory, liabilities, current_liabilities, debt;
  std::int64_t shares;

  [[nodiscard]] std::int64_t gross() const { return revenue - cost; }
  [[nodiscard]] std::int64_t operating() const { return gross() - expenses; }
  [[nodiscard]] std::int64_t pretax() const { return operating() - interest; }
  [[nodiscard]] std::int64_t net() const { return pretax() - tax; }
};

Date month_end(int year, unsigned month) {
  return Date(std::chrono::year(year) / std::chrono::month(month) / std::chrono::last);
}

class Company {
 public:
  Company(std::uint64_t seed, std::uint64_t number, Date to)
      : seed_(seed), number_(number), to_(to), foreign_(number % 16 == 12 || number % 16 == 13) {
    constexpr std::array kMonths = {12u, 12u, 12u, 12u, 6u, 9u, 3u, 1u};
    year_end_ = kMonths.at(random(kYearEnd, 0) % kMonths.size());
    currency_ = !foreign_ ? "USD" : number % 16 == 12 ? "EUR" : "JPY";
    const int last = static_cast<int>(civil(to).year()) + 1;
    first_year_ = last - kYears;
    for (int year = first_year_; year <= last; ++year) file_year(year);
  }

  [[nodiscard]] std::string render() const {
    std::string out = R"({"cik":1,"entityName":"Example","facts":{)";
    std::string_view taxonomy;
    for (const auto& [key, units] : rows_) {
      const auto& [in, name] = key;
      if (in != taxonomy) out += fmt::format(R"({}"{}":{{)", taxonomy.empty() ? "" : "},", in);
      else out += ',';
      taxonomy = in;
      const bool unlabelled = foreign_ || random(kLabel, crc32_of(name)) % 12 == 0;
      out += fmt::format(R"("{}":{{"label":{},"description":{},"units":{{)", name,
                         unlabelled ? "null" : text::json_quote(name),
                         unlabelled ? "null" : text::json_quote(fmt::format("What {} is.", name)));
      bool first = true;
      for (const auto& [unit, rows] : units) {
        out += fmt::format(R"({}"{}":[)", first ? "" : ",", unit);
        append_rows(out, rows);
        out += ']';
        first = false;
      }
      out += "}}";
    }
    return out + "}}}";
  }

 private:
  using Key = std::pair<std::string, std::string>;

  [[nodiscard]] std::uint64_t random(Purpose purpose, std::uint64_t of) const {
    return draw(seed_, purpose, number_, of);
  }
  [[nodiscard]] std::int64_t within(Purpose purpose, std::uint64_t of, std::int64_t low,
                                    std::int64_t high) const {
    return low + static_cast<std::int64_t>(random(purpose, of) % static_cast<std::uint64_t>(high - low + 1));
  }

  [[nodiscard]] Quarter quarter(int index) const {
    const auto of = static_cast<std::uint64_t>(index + 8);
    Quarter q{};
    const std::int64_t base = within(kBase, 0, 20, 4000) * 1'000'000;
    const std::int64_t level = kPerMille + index * within(kGrowth, 0, -6, 30) + within(kSeason, of, -60, 60);
    q.revenue = base / kPerMille * std::max<std::int64_t>(level, 100);
    q.cost = q.revenue / kPerMille * within(kCost, of, 520, 640);
    q.expenses = q.revenue / kPerMille * within(kExpense, of, 200, 340);
    q.interest = q.revenue / 90;
    q.tax = q.pretax() > 0 ? q.pretax() / 100 * 21 : 0;
    q.operating_cash = q.net() + q.revenue / 12;
    q.investment = q.revenue / 20;
    q.assets = q.revenue * 6 + within(kCost, of + 1000, 0, 999'999);
    q.current_assets = q.assets / 5 * 2;
    q.cash = q.assets / 9;
    q.inventory = q.assets / 14;
    q.liabilities = q.assets / 100 * within(kExpense, of + 1000, 40, 70);
    q.current_liabilities = q.liabilities / 3;
    q.debt = q.liabilities / 4;
    q.shares = within(kShares, 0, 5, 900) * 1'000'000 - index * 10'000;
    return q;
  }

  // The last day of a quarter (1 … 4) of a fiscal year, and the first day of the year.
  [[nodiscard]] Date quarter_end(int year, int which) const {
    const int month = static_cast<int>(year_end_) - 3 * (4 - which);
    return month > 0 ? month_end(year, static_cast<unsigned>(month))
                     : month_end(year - 1, static_cast<unsigned>(month + 12));
  }
  [[nodiscard]] Date year_start(int year) const { return quarter_end(year - 1, 4) + std::chrono::days(1); }

  // By how much the statements of later years raise revenue and cost of this one.
  [[nodiscard]] std::int64_t restatement(int year) const {
    const auto of = static_cast<std::uint64_t>(year);
    return random(kRestatement, of) % 4 == 0 ? quarter(4 * (year - first_year_)).revenue / 80 : 0;
  }

  void put(std::string_view taxonomy, std::string_view name, std::string_view unit, Row row) {
    rows_[{std::string(taxonomy), std::string(name)}][std::string(unit)].push_back(std::move(row));
  }

  // Quarters [first, last] of a fiscal year as the report shows them.
  void put_flows(std::size_t report, int year, int first, int last, bool cash) {
    Quarter sum{};
    for (int which = first; which <= last; ++which) {
      const Quarter q = quarter(4 * (year - first_year_) + which - 1);
      sum.revenue += q.revenue, sum.cost += q.cost, sum.expenses += q.expenses, sum.interest += q.interest;
      sum.tax += q.tax, sum.operating_cash += q.operating_cash, sum.investment += q.investment;
      sum.shares += q.shares;
    }
    sum.shares /= last - first + 1;
    const std::int64_t more = reports_[report].fy > year ? restatement(year) * (last - first + 1) : 0;
    const Date start = first == 1 ? year_start(year) : quarter_end(year, first - 1) + std::chrono::days(1);
    const Date end = quarter_end(year, last);
    const auto flow = [&](std::string_view domestic, std::string_view abroad, std::int64_t value) {
      const std::string_view name = foreign_ ? abroad : domestic;
      if (!name.empty())
        put(foreign_ ? "ifrs-full" : "us-gaap", name, currency_, {start, end, std::to_string(value), report});
    };
    flow("Revenues", "Revenue", sum.revenue + more);
    flow("CostOfRevenue", "CostOfSales", sum.cost + more);
    flow("GrossProfit", "GrossProfit", sum.gross());
    flow("OperatingIncomeLoss", "ProfitLossFromOperatingActivities", sum.operating());
    flow("InterestExpense", "FinanceCosts", sum.interest);
    flow("IncomeTaxExpenseBenefit", "IncomeTaxExpenseContinuingOperations", sum.tax);
    flow("NetIncomeLoss", "ProfitLossAttributableToOwnersOfParent", sum.net());
    if (cash) {
      flow("NetCashProvidedByUsedInOperatingActivities", "CashFlowsFromUsedInOperatingActivities",
           sum.operating_cash);
      flow("PaymentsToAcquirePropertyPlantAndEquipment",
           "PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities", sum.investment);
    }
    const auto shares = [&](std::string_view domestic, std::string_view abroad, std::int64_t value) {
      put(foreign_ ? "ifrs-full" : "us-gaap", foreign_ ? abroad : domestic, "shares",
          {start, end, std::to_string(value), report});
    };
    const std::int64_t diluted = sum.shares / 100 * 102;
    shares("WeightedAverageNumberOfSharesOutstandingBasic", "WeightedAverageShares", sum.shares);
    shares("WeightedAverageNumberOfDilutedSharesOutstanding", "AdjustedWeightedAverageShares", diluted);
    const auto per_share = [&](std::string_view domestic, std::string_view abroad, std::int64_t of) {
      std::string value;
      append_decimal(value, sum.net() * 100 / of, 2);
      put(foreign_ ? "ifrs-full" : "us-gaap", foreign_ ? abroad : domestic,
          fmt::format("{}/shares", currency_), {start, end, value, report});
    };
    per_share("EarningsPerShareBasic", "BasicEarningsLossPerShare", sum.shares);
    per_share("EarningsPerShareDiluted", "DilutedEarningsLossPerShare", diluted);
  }

  void put_balance(std::size_t report, int year, int which) {
    const Quarter q = quarter(4 * (year - first_year_) + which - 1);
    const Date end = quarter_end(year, which);
    const auto stock = [&](std::string_view domestic, std::string_view abroad, std::int64_t value) {
      put(foreign_ ? "ifrs-full" : "us-gaap", foreign_ ? abroad : domestic, currency_,
          {std::nullopt, end, std::to_string(value), report});
    };
    stock("Assets", "Assets", q.assets);
    stock("AssetsCurrent", "CurrentAssets", q.current_assets);
    stock("CashAndCashEquivalentsAtCarryingValue", "CashAndCashEquivalents", q.cash);
    stock("InventoryNet", "Inventories", q.inventory);
    stock("Liabilities", "Liabilities", q.liabilities);
    stock("LiabilitiesCurrent", "CurrentLiabilities", q.current_liabilities);
    stock("LongTermDebtNoncurrent", "LongtermBorrowings", q.debt);
    stock("StockholdersEquity", "EquityAttributableToOwnersOfParent", q.assets - q.liabilities);
  }

  void put_cover(std::size_t report, int year, int which) {
    const Date at = reports_[report].filed - std::chrono::days(6);
    const Quarter q = quarter(4 * (year - first_year_) + which - 1);
    put("dei", "EntityCommonStockSharesOutstanding", "shares",
        {std::nullopt, at, std::to_string(q.shares), report});
  }

  // False when it is not filed yet.
  bool file(int year, int which, std::string form, std::string_view fp, std::int64_t low, std::int64_t high) {
    const auto of = static_cast<std::uint64_t>(4 * year + which);
    const Date filed =
        edgar_day_from(quarter_end(year, which) + std::chrono::days(within(kFiled, of, low, high)));
    if (filed > to_) return false;
    // Half of the companies file themselves, the others through an agent.
    const std::uint64_t submitter = number_ % 2 == 0 ? 1'900'000 + number_ : 1'193'125;
    reports_.push_back(
        {fmt::format("{:010}-{:02}-{:06}", submitter, static_cast<int>(civil(filed).year()) % 100,
                     number_ % 4000 * 200 + static_cast<std::uint64_t>(year % 40 * 5 + which)),
         std::move(form), filed, year, fp});
    return true;
  }

  void file_year(int year) {
    if (number_ % 16 == 14) return file_fees(year);
    constexpr std::array<std::string_view, 3> kQuarters = {"Q1", "Q2", "Q3"};
    for (int which = 1; which <= 3; ++which) {
      if (foreign_ && which != 2) continue;
      const auto fp = foreign_ ? std::string_view() : kQuarters.at(static_cast<std::size_t>(which - 1));
      if (!file(year, which, foreign_ ? "6-K" : "10-Q", fp, 28, 42)) continue;
      const std::size_t report = reports_.size() - 1;
      for (const int shown : {year, year - 1}) {
        if (shown < first_year_) continue;
        if (!foreign_) put_flows(report, shown, which, which, which == 1);
        if (which > 1) put_flows(report, shown, 1, which, true);
      }
      put_balance(report, year, which);
      if (year > first_year_) put_balance(report, year - 1, 4);
      if (!foreign_) put_cover(report, year, which);
    }
    if (!file(year, 4, foreign_ ? "20-F" : "10-K", "FY", 48, 75)) return;
    const std::size_t report = reports_.size() - 1;
    for (int shown = year; shown >= std::max(year - 2, first_year_); --shown)
      put_flows(report, shown, 1, 4, true);
    for (int shown = year; shown >= std::max(year - 1, first_year_); --shown) put_balance(report, shown, 4);
    put_cover(report, year, 4);
    if (number_ % 8 == 3) {
      // Dates like this one exist.
      put("us-gaap", "DebtInstrumentCarryingAmount", "USD",
          {std::nullopt, make_date(6016, 6, 30), "1000000", report});
    }
  }

  void file_fees(int year) {
    if (!file(year, 2, "S-1/A", {}, 3, 3)) return;
    const std::size_t report = reports_.size() - 1;
    for (const std::string_view name : {"NetFeeAmt", "TtlFeeAmt", "TtlOfferingAmt"})
      put("ffd", name, "USD", {std::nullopt, reports_[report].filed, "11773024.98", report});
  }

  // CY2022, CY2022Q4, CY2023Q1I; empty for periods of other lengths.
  static std::string frame(const Row& row) {
    const auto quarter_of = [](Date day) {
      const auto date = civil(day);
      return std::pair(static_cast<int>(date.year()), (static_cast<unsigned>(date.month()) - 1) / 3 + 1);
    };
    if (!row.start) {
      const auto [year, which] = quarter_of(row.end);
      return fmt::format("CY{}Q{}I", year, which);
    }
    const auto days = (row.end - *row.start).count() + 1;
    const auto [year, which] = quarter_of(*row.start + (row.end - *row.start) / 2);
    if (days >= 340 && days <= 380) return fmt::format("CY{}", year);
    return days >= 80 && days <= 100 ? fmt::format("CY{}Q{}", year, which) : std::string();
  }

  void append_rows(std::string& out, std::vector<Row> rows) const {
    const auto order = [&](const Row& row) {
      return std::tuple(row.end, row.start.value_or(Date{}), reports_[row.report].filed, row.report);
    };
    std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return order(a) < order(b); });
    std::vector<std::string> frames;
    std::unordered_map<std::string, std::size_t> last;  // row of each frame
    frames.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string& name = frames.emplace_back(frame(rows[i]));
      const auto [found, added] = last.try_emplace(name, i);
      if (!added && reports_[rows[i].report].filed >= reports_[rows[found->second].report].filed)
        found->second = i;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      const Report& report = reports_[row.report];
      out += i == 0 ? "{" : ",{";
      if (row.start) out += fmt::format(R"("start":"{}",)", to_string(*row.start));
      fmt::format_to(std::back_inserter(out), R"("end":"{}","val":{},"accn":"{}",)", to_string(row.end),
                     row.value, report.accession);
      if (report.fp.empty()) out += R"("fy":null,"fp":null)";
      else fmt::format_to(std::back_inserter(out), R"("fy":{},"fp":"{}")", report.fy, report.fp);
      fmt::format_to(std::back_inserter(out), R"(,"form":"{}","filed":"{}")", report.form,
                     to_string(report.filed));
      if (!frames[i].empty() && last.at(frames[i]) == i)
        fmt::format_to(std::back_inserter(out), R"(,"frame":"{}")", frames[i]);
      out += '}';
    }
  }

  std::uint64_t seed_;
  std::uint64_t number_;
  Date to_;
  bool foreign_;
  unsigned year_end_ = 12;
  int first_year_ = 0;
  std::string_view currency_;
  std::vector<Report> reports_;
  std::map<Key, std::map<std::string, std::vector<Row>>> rows_;
};

}  // namespace

std::string made_up_companyfacts(std::uint64_t seed, std::uint64_t number, Date to) {
  return Company(seed, number, to).render();
}

}  // namespace icingest::sim
