#include "fetch/http_client.h"

#include <fmt/format.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "fetch/http_transfer.h"

namespace icingest::fetch {

namespace asio = boost::asio;

namespace {

void sign(CURL* easy, const AwsSignature& signature) {
  curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, fmt::format("aws:amz:{}:s3", signature.region).c_str());
  curl_easy_setopt(easy, CURLOPT_USERNAME, signature.access_key.c_str());
  curl_easy_setopt(easy, CURLOPT_PASSWORD, signature.secret.c_str());
}

}  // namespace

HttpClient::HttpClient(asio::io_context& io, BufferPool& buffers, int max_connections_per_host,
                       std::string user_agent)
    : io_(io), buffers_(buffers), user_agent_(std::move(user_agent)), multi_(io, max_connections_per_host) {}

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
  } else if (!request.identity) {
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
  transfer.guard = &multi_.guard();
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer.guard);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &Transfer::on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer.guard);
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
