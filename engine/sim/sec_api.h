// sec_api.h: the simulator's SEC: data.sec.gov and www.sec.gov on one port, with their limit, their refusals and
// their nightly zips.
//
// Paths     /api/xbrl/companyfacts/CIK##########.json, /submissions/…, /files/company_tickers.json,
//           /files/company_tickers_exchange.json, /Archives/edgar/daily-index/…, /Archives/edgar/full-index/…,
//           /Archives/edgar/daily-index/xbrl/companyfacts.zip, …/bulkdata/submissions.zip
// Threads   one owner
// Source    sources.md B and F
#pragma once

#include <optional>

#include "core/clock.h"
#include "sim/faults.h"
#include "sim/http_types.h"
#include "sim/sec_bulk.h"
#include "sim/sec_filers.h"
#include "sim/sec_gate.h"
#include "sim/sec_index.h"
#include "sim/sec_submissions.h"

namespace icingest::sim {

class SecApi {
 public:
  struct Counts {
    std::int64_t undeclared = 0;    // requests without a contact in User-Agent
    std::int64_t bulk = 0;          // answers with bytes of a zip
    std::int64_t bulk_partial = 0;  // of them, ranges
    std::int64_t bulk_heads = 0;
    std::int64_t documents = 0;  // live companyfacts answered
    std::int64_t absent = 0;
  };

  SecApi(const Market& market, const SecOptions& options, std::vector<RecordedCompany> recorded,
         const Clock& clock);

  [[nodiscard]] static bool is_ours(const SimRequest& request);
  // `fault` is what goes wrong with it; cleared when nothing does.
  [[nodiscard]] SimAnswer answer(const SimRequest& request, Faults& faults, std::optional<FaultKind>& fault);

  // Lays out the zips as they stand now, which the first request for one of them would wait for.
  void prerender();

  [[nodiscard]] const SecFilers& filers() const { return filers_; }
  [[nodiscard]] const SecGate& gate() const { return gate_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::int64_t zips_built() const { return bulk_.built(); }

 private:
  [[nodiscard]] std::optional<BulkKind> bulk_of(const SimRequest& request) const;
  [[nodiscard]] std::optional<SimAnswer> said_wrong(const SimRequest& request, FaultKind fault);
  [[nodiscard]] SimAnswer content(const SimRequest& request);
  [[nodiscard]] SimAnswer document(const SimRequest& request, const std::optional<SplitText>& text);
  [[nodiscard]] SimAnswer companyfacts(const SimRequest& request);
  [[nodiscard]] SimAnswer tickers(const SimRequest& request) const;
  [[nodiscard]] SimAnswer archive(const SimRequest& request);
  [[nodiscard]] SimAnswer bulk(const SimRequest& request, BulkKind kind, bool ignore_range);
  [[nodiscard]] static SimAnswer stored(const SimRequest& request, ArchiveFile file);
  [[nodiscard]] SimAnswer maintenance(int status) const;

  const Clock& clock_;
  std::string maintenance_page_;  // the recorded one; empty: none
  SecFilers filers_;
  SecSubmissions submissions_;
  SecIndex index_;
  SecBulk bulk_;
  SecGate gate_;
  Counts counts_;
  SimAnswer last_document_;  // what a stale cache would give
};

}  // namespace icingest::sim
