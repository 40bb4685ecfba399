// http_transfer.h: one request as libcurl runs it, for http_client.cpp and http_stream.cpp alone.
//
// Lifetime  until the transfer has ended; curl's callbacks point into it
#pragma once

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/text.h"
#include "fetch/http_client.h"
#include "fetch/http_table.h"

namespace icingest::fetch {

// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): an aggregate nobody copies
struct HttpClient::Transfer {
  const HttpRequest& request;
  HttpResponse response{};
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = "";
  SendGuard* guard = nullptr;
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
    else if (is("content-range")) response.content_range = value;
  }

  static int on_prerequest(void* self, char*, char*, int, int) {
    auto& me = *static_cast<Transfer*>(self);
    if (!me.request.may_send || me.may_be_written()) return CURL_PREREQFUNC_OK;
    me.kept_back = true;
    return CURL_PREREQFUNC_ABORT;
  }

  // Looks at the clock after the guard was armed: whoever is held up from here on is late by the guard's clock.
  [[nodiscard]] bool may_be_written() const {
    const std::optional<Tick> until = request.may_send();
    if (!until) return false;
    guard->arm(*until);
    if (std::chrono::steady_clock::now() >= *until) return false;
    return !fault::point("fetch.before_write");
  }

  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) {
    const curl_socket_t socket =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket != CURL_SOCKET_BAD) static_cast<SendGuard*>(self)->opened(socket);
    return socket;
  }

  static int on_close(void* self, curl_socket_t socket) {
    static_cast<SendGuard*>(self)->closed(socket);
    return ::close(socket);
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
      detail = "the request waited too long for its connection";  // or the process for its turn
    }
    if (too_large) detail = "the body is larger than the limit";
    return Failure(Error{.action = verdict.action,
                         .exit = verdict.exit,
                         .message = fmt::format("GET {}: {}", request.url, detail),
                         .remedy = std::string(verdict.remedy),
                         .cause = {.http_status = response.status, .curl_code = code}});
  }
};

}  // namespace icingest::fetch
