#include "sim/sec_submissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/text.h"
#include "sim/recorded.h"

namespace icingest::sim {
namespace {

namespace fs = std::filesystem;

// `"NAME":[…]` of one value for each filing, newest first.
template <class Value>
void append_column(std::string& out, std::string_view name, const std::vector<Filing>& filings,
                   const Value& value) {
  fmt::format_to(std::back_inserter(out), R"({}"{}":[)", out.ends_with('{') ? "" : ",", name);
  for (auto filing = filings.rbegin(); filing != filings.rend(); ++filing) {
    if (filing != filings.rbegin()) out += ',';
    out += value(*filing);
  }
  out += ']';
}

std::string quoted_date(Date day) { return day == Date{} ? "\"\"" : fmt::format("\"{}\"", to_string(day)); }

std::string recent(const std::vector<Filing>& filings) {
  std::string out = R"({"recent":{)";
  const auto column = [&](std::string_view name, const auto& value) {
    append_column(out, name, filings, value);
  };
  const auto always = [&](std::string_view name, std::string_view value) {
    column(name, [&](const Filing&) { return std::string(value); });
  };
  column("accessionNumber", [](const Filing& f) { return fmt::format("\"{}\"", f.accession); });
  column("filingDate", [](const Filing& f) { return quoted_date(f.filed); });
  column("reportDate", [](const Filing& f) { return quoted_date(f.period); });
  column("acceptanceDateTime", [](const Filing& f) {
    return fmt::format("\"{}T21:05:{:02}.000Z\"", to_string(f.filed), f.accession.back() - '0');
  });
  always("act", "\"34\"");
  always("fileNumber", "\"001-99999\"");
  always("filmNumber", "\"26000001\"");
  always("items", "\"\"");
  column("form", [](const Filing& f) { return text::json_quote(f.form); });
  column("core_type", [](const Filing& f) { return text::json_quote(f.form); });
  always("size", "1000000");
  always("isXBRL", "1");
  always("isInlineXBRL", "1");
  column("primaryDocument", [](const Filing& f) { return fmt::format("\"{}.htm\"", f.accession); });
  column("primaryDocDescription", [](const Filing& f) { return text::json_quote(f.form); });
  return out + R"(},"files":[]}})";
}

}  // namespace

SecSubmissions::SecSubmissions(const SecFilers& filers, const std::optional<fs::path>& recorded)
    : filers_(filers) {
  if (!recorded) return;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(*recorded / "sec" / "submissions", error)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    if (name.starts_with("CIK") && name.ends_with(".json")) recorded_.emplace(name, entry.path());
  }
}

std::vector<std::string> SecSubmissions::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : recorded_) names.push_back(name);
  for (const Filer& filer : filers_.all()) {
    std::string name = fmt::format("CIK{:010}.json", filer.cik);
    if (!recorded_.contains(name)) names.push_back(std::move(name));
  }
  return names;
}

std::optional<SplitText> SecSubmissions::find(const std::string& name, Date day) const {
  if (const auto file = recorded_.find(name); file != recorded_.end()) {
    auto found = packed_.find(name);
    if (found == packed_.end()) found = packed_.emplace(name, pack(read_recorded(file->second))).first;
    return SplitText{"", found->second};
  }
  if (!name.starts_with("CIK") || name.size() != 18 || !name.ends_with(".json")) return std::nullopt;
  const auto cik = text::parse_int(std::string_view(name).substr(3, 10));
  const Filer* const filer = cik ? filers_.find(*cik) : nullptr;
  return filer == nullptr ? std::nullopt : std::optional(made(*filer, day));
}

SplitText SecSubmissions::made(const Filer& filer, Date day) const {
  const std::vector<Filing> filings = filers_.filings(filer, day);
  const auto amended = filers_.amended_on(filer);
  // Of a company without facts the document is not asked.
  const std::size_t document = filings.empty() ? 0 : filer.document;
  const std::tuple key(document, filings.size(), amended && *amended <= day ? *amended : Date{});
  auto list = lists_.find(key);
  if (list == lists_.end()) list = lists_.emplace(key, pack(recent(filings))).first;

  std::string year_end = "null";
  for (const Filing& filing : filings) {
    if (!filing.form.starts_with("10-K") && !filing.form.starts_with("20-F") && filing.form != "40-F")
      continue;
    const auto date = civil(filing.period);
    year_end =
        fmt::format("\"{:02}{:02}\"", static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  }
  std::string tickers;
  std::string exchanges;
  for (const std::string& symbol : filer.symbols) {
    tickers += fmt::format("{}{}", tickers.empty() ? "" : ",", text::json_quote(sec_symbol(symbol)));
    exchanges += exchanges.empty() ? "\"NYSE\"" : ",null";
  }
  constexpr std::string_view kAddress =
      R"({"street1":"1 EXAMPLE WAY","street2":null,"city":"SPRINGFIELD","stateOrCountry":"IL","zipCode":"62701",)"
      R"("stateOrCountryDescription":"IL","isForeignLocation":0,"foreignStateTerritory":null,"country":null,)"
      R"("countryCode":null})";
  std::string head = fmt::format(
      R"({{"cik":"{:010}","entityType":"operating","sic":"3571","sicDescription":"Electronic Computers",)"
      R"("ownerOrg":"06 Technology","insiderTransactionForOwnerExists":0,"insiderTransactionForIssuerExists":1,)"
      R"("name":{},"tickers":[{}],"exchanges":[{}],"ein":"000000000","lei":null,"description":"","website":"",)"
      R"("investorWebsite":"","category":"Large accelerated filer","fiscalYearEnd":{},"stateOfIncorporation":"DE",)"
      R"("stateOfIncorporationDescription":"DE","addresses":{{"mailing":{},"business":{}}},"phone":"555-0100",)"
      R"("flags":"","formerNames":[],"filings":)",
      filer.cik, text::json_quote(filers_.name(filer)), tickers, exchanges, year_end, kAddress, kAddress);
  return {std::move(head), list->second};
}

}  // namespace icingest::sim
