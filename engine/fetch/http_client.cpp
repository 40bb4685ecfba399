#include "fetch/http_client.h"

#include <fmt/format.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/text.h"
#include "fetch/http_table.h"

namespace icingest::fetch {

namespace asio = boost::asio;

namespace {

void sign(CURL* easy, const AwsSignature& signature) {
  curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, fmt::format("aws:amz:{}:s3", signature.region).c_str());
  curl_easy_setopt(easy, CURLOPT_USERNAME, signature.access_key.c_str());
  curl_easy_setopt(easy, CURLOPT_PASSWORD, signature.secret.c_str());
}

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): an aggregate nobody copies
struct HttpClient::Transfer {
  const HttpRequest& request;
  HttpResponse response{};
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = "";
  bool kept_back = false;
  bool too_large = false;

  ~Transfer() { curl_slist_free_all(headers); }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& me = *static_cast<Transfer*>(self);
    const std::size_t length = size * count;
    if (me.response.body.size() + length > me.request.max_body) {
      me.too_large = true;
      return 0;
    }
    me.response.body.append({bytes, length});
    return length;
  }

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& me = *static_cast<Transfer*>(self);
    const std::string_view line(bytes, size * count);
    if (line.starts_with("HTTP/")) {
      if (me.request.answered) me.request.answered();
      return line.size();
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      me.take_header(line.substr(0, colon), text::trim(line.substr(colon + 1)));
    return line.size();
  }

  void take_header(std::string_view name, std::string_view value) {
    const auto is = [name](std::string_view other) { return text::equal_ignoring_case(name, other); };
    if (is("content-type")) response.content_type = value;
    else if (is("content-encoding")) response.gzip = text::equal_ignoring_case(value, "gzip");
    else if (is("location")) response.location = value;
    else if (is("retry-after")) response.retry_after = value;
    else if (is("etag")) response.etag = value;
    else if (is("last-modified")) response.last_modified = value;
  }

  static int on_prerequest(void* self, char*, char*, int, int) {
    auto& me = *static_cast<Transfer*>(self);
    if (!me.request.may_send || me.request.may_send()) return CURL_PREREQFUNC_OK;
    me.kept_back = true;
    return CURL_PREREQFUNC_ABORT;
  }

  // What libcurl knows at the end.
  void take_statistics(CURL* easy) {
    curl_off_t wire = 0;
    curl_off_t first_byte = 0;
    curl_off_t total = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response.status);
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
    response.wire_bytes = static_cast<std::size_t>(wire);
    response.first_byte = std::chrono::microseconds(first_byte);
    response.total = std::chrono::microseconds(total);
  }

  [[nodiscard]] Failure failure(CURLcode code) const {
    TransferVerdict verdict = judge_transfer(code);
    std::string_view detail = error[0] != '\0' ? error : curl_easy_strerror(code);
    if (kept_back) {
      verdict = {Action::retry, ExitCode::later, "kept_back", {}};
      detail = "the request waited too long for its connection";
    }
    if (too_large) detail = "the body is larger than the limit";
    return Failure(Error{.action = verdict.action,
                         .exit = verdict.exit,
                         .message = fmt::format("GET {}: {}", request.url, detail),
                         .remedy = std::string(verdict.remedy),
                         .cause = {.http_status = response.status, .curl_code = code}});
  }
};

HttpClient::HttpClient(asio::io_context& io, BufferPool& buffers, int max_connections_per_host,
                       std::string user_agent)
    : buffers_(buffers), user_agent_(std::move(user_agent)), multi_(io, max_connections_per_host) {}

HttpClient::~HttpClient() {
  multi_.abort_all();
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
}

CURL* HttpClient::take_handle() {
  if (idle_.empty()) {
    CURL* const easy = curl_easy_init();
    ICINGEST_CHECK(easy != nullptr);
    return easy;
  }
  CURL* const easy = idle_.back();
  idle_.pop_back();
  curl_easy_reset(easy);
  return easy;
}

void HttpClient::prepare(CURL* easy, Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  for (const std::string& header : request.headers) {
    transfer.headers = curl_slist_append(transfer.headers, header.c_str());
  }
  if (request.signature) {
    sign(easy, *request.signature);
  } else {
    // Set by hand, not by CURLOPT_ACCEPT_ENCODING: the body stays compressed until a decode thread has time
    // for it. Not on signed requests: libcurl would sign it, and what lies between may rewrite it. Objects
    // come as stored.
    transfer.headers = curl_slist_append(transfer.headers, "Accept-Encoding: gzip");
  }
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent_.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(request.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.deadlines.connect.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 512L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                   std::max(1L, static_cast<long>(request.deadlines.stall.count() / 1000)));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadlines.total.count()));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Transfer::on_prerequest);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
}

asio::awaitable<Result<HttpResponse>> HttpClient::get(HttpRequest request) {
  Transfer transfer{.request = request};
  transfer.response.body = buffers_.take();
  CURL* const easy = take_handle();
  prepare(easy, transfer);
  const CURLcode code = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(CURLcode)>(
      [this, easy](auto handler) {
        multi_.start(easy,
                     [handler = std::move(handler)](CURLcode result) mutable { std::move(handler)(result); });
      },
      asio::use_awaitable);
  transfer.take_statistics(easy);
  idle_.push_back(easy);
  if (code != CURLE_OK) {
    buffers_.give_back(std::move(transfer.response.body));
    co_return transfer.failure(code);
  }
  co_return std::move(transfer.response);
}

}  // namespace icingest::fetch
