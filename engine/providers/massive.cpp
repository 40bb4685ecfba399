#include "icingest/massive.h"

#include <fmt/format.h>

#include "core/text.h"
#include "fetch/http_table.h"

namespace icingest::massive {
namespace {

namespace ondemand = simdjson::ondemand;

// The provider's own words in an error body; empty when it is not its JSON.
struct ErrorBody {
  std::string status;
  std::string message;
};

ErrorBody read_error(std::string_view body) {
  ErrorBody error;
  ondemand::parser parser;
  const simdjson::padded_string padded(body);
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return error;
  if (document.get_object().get(object) != simdjson::SUCCESS) return error;
  for (auto field_result : object) {
    ondemand::field field;
    std::string_view name;
    std::string_view value;
    if (std::move(field_result).get(field) != simdjson::SUCCESS) return error;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return error;
    if (name != "status" && name != "error" && name != "message") continue;
    if (field.value().get_string().get(value) != simdjson::SUCCESS) continue;
    (name == "status" ? error.status : error.message) = value;
  }
  return error;
}

Judgement judge_forbidden(const ErrorBody& error) {
  // Two refusals concern the day asked for, not the key. Only the sentence tells them apart (sources.md A.3).
  if (text::contains_ignoring_case(error.message, "timeframe")) {
    return {Verdict::unavailable, "plan_timeframe", error.message};
  }
  if (text::contains_ignoring_case(error.message, "before end of day")) {
    return {Verdict::fail_unit, "not_published", error.message};
  }
  // A gateway's page, not the provider's word
  if (error.status.empty()) return {Verdict::retry, "forbidden_page"};
  return {Verdict::stop_source, "not_entitled", error.message};
}

// The text of the first <name> element; the store's errors are flat.
std::string_view xml_element(std::string_view xml, std::string_view name) {
  const std::size_t open = xml.find(fmt::format("<{}>", name));
  if (open == std::string_view::npos) return {};
  const std::size_t begin = open + name.size() + 2;
  const std::size_t end = xml.find("</", begin);
  return end == std::string_view::npos ? std::string_view{} : xml.substr(begin, end - begin);
}

bool is_count(std::string_view name) { return name == "resultsCount" || name == "count"; }

Result<void> read_results(Document& document, ondemand::value& value, Envelope& envelope,
                          const EachResult& each) {
  ondemand::json_type type{};
  if (const auto error = value.type().get(type); error != simdjson::SUCCESS) {
    return document.malformed("results", error);
  }
  if (type == ondemand::json_type::null) return {};
  envelope.has_results = true;
  if (type == ondemand::json_type::object) {
    envelope.rows = 1;
    return each(value);
  }
  ondemand::array array;
  if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
    return document.malformed("results", error);
  }
  for (auto element : array) {
    ondemand::value row;
    if (const auto error = std::move(element).get(row); error != simdjson::SUCCESS) {
      return document.malformed("results", error);
    }
    ++envelope.rows;
    ICINGEST_TRY(each(row));
  }
  return {};
}

Result<void> read_member(Document& document, ondemand::field& field, Envelope& envelope,
                         const EachResult& each) {
  std::string_view name;
  if (const auto error = field.unescaped_key().get(name); error != simdjson::SUCCESS) {
    return document.malformed("member name", error);
  }
  ondemand::value value = field.value();
  if (name == "results") return read_results(document, value, envelope, each);
  std::string* const text = name == "status"                       ? &envelope.status
                            : name == "next_url"                   ? &envelope.next_url
                            : name == "ticker"                     ? &envelope.ticker
                            : name == "error" || name == "message" ? &envelope.error
                                                                   : nullptr;
  if (text != nullptr) {
    std::string_view content;
    if (value.get_string().get(content) == simdjson::SUCCESS) *text = content;
  } else if (is_count(name)) {
    std::int64_t count = 0;
    if (value.get_int64().get(count) != simdjson::SUCCESS)
      return document.malformed("count is not a whole number");
    if (envelope.declared >= 0 && envelope.declared != count) {
      return document.malformed("count and resultsCount differ");
    }
    envelope.declared = count;
  }
  return {};
}

}  // namespace

Source source() {
  return {.name = "massive",
          .base_url = "https://api.massive.com",
          .base_url_env = {"POLYGON_BASE_URL", "MASSIVE_BASE_URL"},
          .credential_env = {"POLYGON_API_KEY", "MASSIVE_API_KEY"},
          // Paid plans: "stay under 100 requests per second"; the free plan's 5/min shows itself by its first
          // 429.
          .limit = {.permits = 100, .window = std::chrono::seconds{1}, .advisory = true},
          .in_flight = 32,
          .http2 = true,
          .page_hosts = {"api.massive.com", "api.polygon.io"},
          .judge = &judge};
}

Source files() {
  return {.name = "massive-files",
          .base_url = "https://files.massive.com",
          .base_url_env = {"POLYGON_S3_ENDPOINT"},
          .credential_env = {"POLYGON_S3_ACCESS_KEY_ID", "POLYGON_S3_ACCESS_KEY"},
          // No limit is published; public loaders run 16 to 32 requests at once.
          .limit = {.permits = 100, .window = std::chrono::seconds{1}, .advisory = true},
          .in_flight = 32,
          .judge = &judge_file,
          .store = ObjectStore{.bucket = "flatfiles",
                               .bucket_env = {"POLYGON_S3_BUCKET"},
                               .region_env = {"POLYGON_S3_REGION"},
                               .secret_env = {"POLYGON_S3_SECRET_ACCESS_KEY", "POLYGON_S3_SECRET_KEY"}}};
}

Judgement judge_file(const AnswerHead& answer) {
  const std::string_view code = xml_element(answer.body, "Code");
  Judgement judgement = fetch::judge_status(answer.http_status);
  judgement.message = xml_element(answer.body, "Message");
  if (code == "NoSuchKey") return {Verdict::empty, "not_found", std::move(judgement.message)};
  if (code == "NoSuchBucket") return {Verdict::stop_source, "wrong_path", std::move(judgement.message)};
  if (code == "SlowDown") return {Verdict::throttled, "slow_down", std::move(judgement.message)};
  if (code == "RequestTimeTooSkewed") return {Verdict::stop_source, "clock", std::move(judgement.message)};
  if (code == "SignatureDoesNotMatch" || code == "InvalidAccessKeyId" ||
      code == "AuthorizationHeaderMalformed") {
    return {Verdict::stop_source, "bad_credential", std::move(judgement.message)};
  }
  if (code == "AccessDenied") return {Verdict::unavailable, "plan_files", std::move(judgement.message)};
  const bool silent = code.empty() && (answer.http_status == 403 || answer.http_status == 404);
  if (silent) return {Verdict::retry, answer.http_status == 403 ? "forbidden_page" : "not_found_page"};
  return judgement;
}

Judgement judge(const AnswerHead& answer) {
  const ErrorBody error = read_error(answer.body);
  Judgement judgement = fetch::judge_status(answer.http_status);
  judgement.message = error.message;
  switch (answer.http_status) {
    case 403: return judge_forbidden(error);
    case 404:
      // Plain text "404 page not found" comes from the router: no such path, whatever is asked of it.
      if (error.status.empty()) return {Verdict::stop_source, "wrong_path"};
      return judgement;
    case 429:
      if (text::contains_ignoring_case(error.message, "per minute")) judgement.reason = "rate_per_minute";
      return judgement;
    default: return judgement;
  }
}

namespace {

Result<Envelope> read_envelope_of(Document& document, ondemand::document json, const EachResult& each,
                                  std::int64_t rows_before) {
  ondemand::object object;
  if (const auto error = json.get_object().get(object); error != simdjson::SUCCESS) {
    return document.malformed("not a JSON object", error);
  }
  Envelope envelope;
  for (auto member : object) {
    ondemand::field field;
    if (const auto error = std::move(member).get(field); error != simdjson::SUCCESS) {
      return document.malformed("members", error);
    }
    ICINGEST_TRY(read_member(document, field, envelope, each));
  }
  const char* rest = nullptr;
  if (json.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
    return document.malformed("bytes behind the end of the JSON");
  }
  envelope.rows += rows_before;
  if (envelope.status != "OK" && envelope.status != "DELAYED") {
    return document.malformed(fmt::format("status '{}' {}", text::printable(envelope.status, 40),
                                          text::printable(envelope.error, 200)));
  }
  if (!envelope.has_results && envelope.declared != 0) {
    return document.malformed("neither results nor a count of zero");
  }
  if (envelope.declared >= 0 && envelope.declared != envelope.rows) {
    return document.malformed(
        fmt::format("{} rows declared, {} delivered", envelope.declared, envelope.rows));
  }
  return envelope;
}

}  // namespace

Result<Envelope> read_envelope(Document& document, const EachResult& each) {
  ICINGEST_TRY_LET(auto json, document.json());
  return read_envelope_of(document, std::move(json), each, 0);
}

Result<Envelope> read_envelope(Document& document, std::string_view around, std::int64_t rows) {
  std::string padded(around);
  padded.append(simdjson::SIMDJSON_PADDING, '\0');
  ICINGEST_TRY_LET(auto json, document.json({padded.data(), around.size()}));
  const EachResult nothing = [](ondemand::value&) { return Result<void>{}; };
  return read_envelope_of(document, std::move(json), nothing, rows);
}

}  // namespace icingest::massive
