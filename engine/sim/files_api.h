// files_api.h: the simulator's flat files: one gzip CSV object per session in a bucket, as the provider's S3
// store serves them.
//
// Requests are path-style GETs, /BUCKET/us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz. The signature is
// computed anew and compared. The file of a session appears at 11:00 New York of the next day. An ETag
// changes with the content and with nothing else, and If-None-Match is honoured.
//
// Threads   one owner
// Source    sources.md A.16 and F.1
#pragma once

#include <string>

#include "core/clock.h"
#include "sim/http_types.h"
#include "sim/market.h"
#include "sim/massive_api.h"

namespace icingest::sim {

// What the built-in simulator is asked with.
inline constexpr std::string_view kBuiltInKey = "simulated";
inline constexpr std::string_view kBuiltInSecret = "simulated-secret";

struct FilesOptions {
  std::string bucket = "flatfiles";
  std::string access_key{kBuiltInKey};
  std::string secret{kBuiltInSecret};
};

class FilesApi {
 public:
  FilesApi(const Market& market, FilesOptions options, const MassivePlan& plan, const Clock& clock);

  [[nodiscard]] bool is_ours(const SimRequest& request) const { return request.path.starts_with(root_); }
  // Everything but the object: a refusal, or 304, or 200 with the ETag and a body still to be had from
  // object().
  [[nodiscard]] SimAnswer head(const SimRequest& request) const;
  // The plain CSV behind a path that head() answers with 200.
  [[nodiscard]] std::string object(const std::string& path) const;

  [[nodiscard]] std::string path_of(Date session) const;

 private:
  [[nodiscard]] std::optional<SimAnswer> refuse_signature(const SimRequest& request) const;
  [[nodiscard]] std::optional<Date> session_of(const std::string& path) const;
  [[nodiscard]] std::string etag_of(Date session) const;

  const Market& market_;
  FilesOptions options_;
  MassivePlan plan_;
  const Clock& clock_;
  std::string root_;
  std::vector<std::size_t> by_symbol_;
};

}  // namespace icingest::sim
