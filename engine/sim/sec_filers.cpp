#include "sim/sec_filers.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <iterator>

#include "icingest/calendar.h"
#include "sim/edgar_days.h"
#include "sim/recorded.h"
#include "sim/sec_made_up.h"

namespace icingest::sim {
namespace {

namespace fs = std::filesystem;

enum Purpose : std::uint64_t { kKind = 401, kDocument, kAmended, kBad };
constexpr std::size_t kMadeUpDocuments = 32;
constexpr std::int64_t kFirstUnlisted = 950'000'000;
constexpr std::chrono::minutes kDisseminated{16 * 60 + 5};  // New York
constexpr int kAmendmentDays = 400;

// The ticker map's own spelling is with dashes.
std::string market_symbol(std::string symbol) {
  std::replace(symbol.begin(), symbol.end(), '-', '.');
  return symbol;
}

void add_titles(const fs::path& file, std::vector<RecordedCompany>& companies) {
  simdjson::dom::parser parser;
  const simdjson::padded_string text(read_recorded(file));
  simdjson::dom::object rows;
  if (parser.parse(text).get_object().get(rows) != simdjson::SUCCESS) return;
  for (const auto& row : rows) {
    std::int64_t cik = 0;
    std::string_view symbol;
    std::string_view title;
    if (row.value["cik_str"].get(cik) != simdjson::SUCCESS ||
        row.value["ticker"].get(symbol) != simdjson::SUCCESS ||
        row.value["title"].get(title) != simdjson::SUCCESS) {
      continue;
    }
    const auto found = std::find_if(companies.begin(), companies.end(),
                                    [&](const RecordedCompany& company) { return company.cik == cik; });
    if (found == companies.end()) continue;
    found->title = title;
    found->symbols.push_back(market_symbol(std::string(symbol)));
  }
}

}  // namespace

Result<std::vector<RecordedCompany>> find_recorded_companies(const fs::path& directory) {
  std::vector<RecordedCompany> companies;
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory / "sec" / "companyfacts", error))
    files.push_back(entry.path());
  // Vintages of one company follow each other, the newest last.
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (!name.starts_with("CIK") || name.size() < 13 || name.find(".json") == std::string::npos) continue;
    const std::int64_t cik = std::strtoll(name.substr(3, 10).c_str(), nullptr, 10);
    if (cik <= 0) continue;
    if (!companies.empty() && companies.back().cik == cik) companies.pop_back();
    companies.push_back({.cik = cik, .file = file});
  }
  if (companies.empty()) {
    return usage_error(fmt::format("--sec-recorded: no sec/companyfacts/CIK*.json in {}", directory.string()),
                       "name the directory of the recorded answers");
  }
  add_titles(directory / "sec" / "tickers" / "company_tickers.json.gz", companies);
  return companies;
}

std::string sec_symbol(std::string symbol) {
  std::replace(symbol.begin(), symbol.end(), '.', '-');
  return symbol;
}

std::vector<Listing> listings_of(const std::vector<RecordedCompany>& companies) {
  std::vector<Listing> listings;
  for (const RecordedCompany& company : companies) {
    for (const std::string& symbol : company.symbols) {
      Listing listing;
      listing.symbol = symbol;
      listing.type = symbol.size() == 5 && symbol.ends_with("WW") ? "WARRANT" : "CS";
      listing.exchange = "XNYS";
      listing.name = company.title;
      listing.cik = company.cik;
      listings.push_back(std::move(listing));
    }
  }
  return listings;
}

SecFilers::SecFilers(const Market& market, const SecOptions& options, std::vector<RecordedCompany> recorded)
    : seed_(market.seed()),
      to_(market.to()),
      late_from_(options.late_from.value_or(market.to() - std::chrono::days(10))),
      late_percent_(options.late_percent),
      recorded_(std::move(recorded)),
      documents_(recorded_.empty() ? kMadeUpDocuments : recorded_.size()) {
  add_companies_of(market);
  add_recorded();
  add_unlisted(options.companies);
  std::sort(filers_.begin(), filers_.end(), [](const Filer& a, const Filer& b) { return a.cik < b.cik; });
  choose_bad(options.bad);
}

Filer SecFilers::make(std::int64_t cik, std::string name) const {
  const auto of = static_cast<std::uint64_t>(cik);
  Filer filer{.cik = cik, .name = std::move(name)};
  filer.document = draw(seed_, kDocument, of) % documents_.size();
  const std::uint64_t kind = draw(seed_, kKind, of) % 100;
  filer.kind = kind < 3    ? Filer::Kind::no_xbrl
               : kind == 3 ? Filer::Kind::empty_object
               : kind == 4 ? Filer::Kind::no_facts
                           : Filer::Kind::regular;
  return filer;
}

void SecFilers::add_companies_of(const Market& market) {
  std::map<std::int64_t, std::size_t> known;
  for (const Listing& listing : market.listings()) {
    if (listing.cik == 0) continue;
    const auto [found, added] = known.emplace(listing.cik, filers_.size());
    if (added) filers_.push_back(make(listing.cik, listing.name));
    filers_[found->second].symbols.push_back(listing.symbol);
  }
}

void SecFilers::add_recorded() {
  for (std::size_t i = 0; i < recorded_.size(); ++i) {
    auto found = std::find_if(filers_.begin(), filers_.end(),
                              [&](const Filer& filer) { return filer.cik == recorded_[i].cik; });
    if (found == filers_.end()) {
      filers_.push_back({.cik = recorded_[i].cik, .name = recorded_[i].title});
      found = std::prev(filers_.end());
    }
    found->document = i;
    found->kind = Filer::Kind::regular;
    found->own = true;
  }
}

void SecFilers::add_unlisted(int companies) {
  auto with_xbrl = std::count_if(filers_.begin(), filers_.end(),
                                 [](const Filer& filer) { return filer.kind != Filer::Kind::no_xbrl; });
  for (std::int64_t cik = kFirstUnlisted; with_xbrl < companies; ++cik) {
    filers_.push_back(make(cik, fmt::format("Unlisted Example {} Inc", cik - kFirstUnlisted)));
    if (filers_.back().kind != Filer::Kind::no_xbrl) ++with_xbrl;
  }
}

void SecFilers::choose_bad(const std::map<BadMember, int>& wanted) {
  std::vector<std::tuple<bool, std::uint64_t, std::int64_t>> sound;
  for (const Filer& filer : filers_) {
    if (filer.kind == Filer::Kind::regular)
      sound.emplace_back(filer.symbols.empty(), draw(seed_, kBad, static_cast<std::uint64_t>(filer.cik)),
                         filer.cik);
  }
  std::sort(sound.begin(), sound.end());
  auto next = sound.begin();
  for (const auto& [kind, count] : wanted) {
    if (kind == BadMember::odd_name) continue;
    for (int i = 0; i < count && next != sound.end(); ++i, ++next) bad_.emplace(std::get<2>(*next), kind);
  }
}

std::optional<BadMember> SecFilers::bad_member(const Filer& filer) const {
  const auto found = bad_.find(filer.cik);
  return found == bad_.end() ? std::nullopt : std::optional(found->second);
}

const Filer* SecFilers::find(std::int64_t cik) const {
  const auto found =
      std::lower_bound(filers_.begin(), filers_.end(), cik,
                       [](const Filer& filer, std::int64_t wanted) { return filer.cik < wanted; });
  return found == filers_.end() || found->cik != cik ? nullptr : &*found;
}

SecDocument& SecFilers::document(std::size_t number) const {
  std::unique_ptr<SecDocument>& slot = documents_[number];
  if (!slot) {
    slot = std::make_unique<SecDocument>(recorded_.empty() ? made_up_companyfacts(seed_, number, to_)
                                                           : read_recorded(recorded_[number].file));
  }
  return *slot;
}

std::string SecFilers::name(const Filer& filer) const {
  return filer.name.empty() ? document(filer.document).name() : filer.name;
}

Date SecFilers::live_day(Instant now) {
  const Date today = new_york::date_of(now);
  return now >= new_york::midnight(today) + kDisseminated ? today : today - std::chrono::days(1);
}

std::optional<Date> SecFilers::amended_on(const Filer& filer) const {
  if (filer.own || filer.kind != Filer::Kind::regular || late_percent_ == 0) return std::nullopt;
  const auto [found, added] = amended_.try_emplace(filer.cik);
  if (!added) return found->second;
  for (int i = 0; i < kAmendmentDays; ++i) {
    const Date day = late_from_ + std::chrono::days(i);
    const auto of = static_cast<std::uint64_t>(day.time_since_epoch().count());
    const bool chosen =
        edgar_is_open(day) && draw(seed_, kAmended, static_cast<std::uint64_t>(filer.cik), of) % 100 <
                                  static_cast<std::uint64_t>(late_percent_);
    if (!chosen) continue;
    if (document(filer.document).amendable(day, day) != nullptr) found->second = day;
    break;
  }
  return found->second;
}

std::optional<Amendment> SecFilers::amendment_by(const Filer& filer, Date day) const {
  const auto on = amended_on(filer);
  if (!on || *on > day) return std::nullopt;
  const auto year = civil(*on).year();
  const auto of_year = (*on - Date(year / std::chrono::January / 1)).count();
  return Amendment{*on, fmt::format("0000999777-{:02}-{:06}", static_cast<int>(year) % 100,
                                    filer.document % 2000 * 400 + static_cast<std::size_t>(of_year))};
}

std::optional<SplitText> SecFilers::companyfacts(const Filer& filer, Date day) const {
  static const Packed kEmptyObject = pack("{}");
  static const Packed kEnd = pack("}");
  switch (filer.kind) {
    case Filer::Kind::no_xbrl: return std::nullopt;
    case Filer::Kind::empty_object: return SplitText{"", kEmptyObject};
    case Filer::Kind::no_facts:
      return SplitText{fmt::format(R"({{"cik":{},"entityName":"")", filer.cik), kEnd};
    case Filer::Kind::regular: break;
  }
  const Identity who{filer.cik, filer.own ? std::string() : filer.name};
  return document(filer.document).as_of(who, day, amendment_by(filer, day));
}

std::vector<Filing> SecFilers::filings(const Filer& filer, Date day) const {
  std::vector<Filing> found;
  if (filer.kind != Filer::Kind::regular) return found;
  const std::vector<Filing>& all = document(filer.document).filings();
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const Filing& filing) { return filing.filed <= day; });
  if (const auto amendment = amendment_by(filer, day)) {
    const Filing* const base = document(filer.document).amendable(amendment->filed, amendment->filed);
    Filing added = *base;
    if (!added.form.ends_with("/A")) added.form += "/A";
    added.accession = amendment->accession;
    added.filed = amendment->filed;
    const auto behind = std::upper_bound(found.begin(), found.end(), added.filed,
                                         [](Date d, const Filing& filing) { return d < filing.filed; });
    found.insert(behind, std::move(added));
  }
  return found;
}

}  // namespace icingest::sim
