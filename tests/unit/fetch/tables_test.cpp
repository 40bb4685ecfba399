#include <curl/curl.h>
#include <gtest/gtest.h>

#include "fetch/http.h"
#include "fetch/http_table.h"

namespace icingest::fetch {
namespace {

TEST(CurlTable, HoldsEveryCode) {
  struct Case {
    CURLcode code;
    Action action;
    ExitCode exit;
  };
  for (const Case& one : {Case{CURLE_COULDNT_RESOLVE_HOST, Action::retry, ExitCode::later},
                          {CURLE_COULDNT_RESOLVE_PROXY, Action::retry, ExitCode::later},
                          {CURLE_COULDNT_CONNECT, Action::retry, ExitCode::later},
                          {CURLE_PARTIAL_FILE, Action::retry, ExitCode::later},
                          {CURLE_OPERATION_TIMEDOUT, Action::retry, ExitCode::later},
                          {CURLE_GOT_NOTHING, Action::retry, ExitCode::later},
                          {CURLE_SEND_ERROR, Action::retry, ExitCode::later},
                          {CURLE_RECV_ERROR, Action::retry, ExitCode::later},
                          {CURLE_HTTP2, Action::retry, ExitCode::later},
                          {CURLE_HTTP2_STREAM, Action::retry, ExitCode::later},
                          {CURLE_WEIRD_SERVER_REPLY, Action::retry, ExitCode::later},
                          {CURLE_BAD_CONTENT_ENCODING, Action::retry, ExitCode::later},
                          {CURLE_SSL_CONNECT_ERROR, Action::retry, ExitCode::later},
                          {CURLE_PEER_FAILED_VERIFICATION, Action::stop_source, ExitCode::person},
                          {CURLE_SSL_CACERT_BADFILE, Action::stop_source, ExitCode::person},
                          {CURLE_TOO_MANY_REDIRECTS, Action::fail_unit, ExitCode::later},
                          {CURLE_FILESIZE_EXCEEDED, Action::fail_unit, ExitCode::later},
                          {CURLE_WRITE_ERROR, Action::fail_unit, ExitCode::later},
                          {CURLE_URL_MALFORMAT, Action::fail_run, ExitCode::usage},
                          {CURLE_UNSUPPORTED_PROTOCOL, Action::fail_run, ExitCode::usage},
                          {CURLE_OUT_OF_MEMORY, Action::fail_run, ExitCode::internal},
                          {CURLE_FTP_ACCEPT_FAILED, Action::retry, ExitCode::later}}) {
    const TransferVerdict verdict = judge_transfer(one.code);
    EXPECT_EQ(verdict.action, one.action) << curl_easy_strerror(one.code);
    EXPECT_EQ(verdict.exit, one.exit) << curl_easy_strerror(one.code);
  }
}

TEST(RetryAfter, IsReadInBothForms) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::from_time_t(784'111'777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), milliseconds(120'000));
  EXPECT_EQ(parse_retry_after(" 3 ", now), milliseconds(3'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:37 1994", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), milliseconds(0)) << "already over";
  EXPECT_EQ(parse_retry_after("99999999", now), std::chrono::hours(1))
      << "nobody waits longer than an hour for a header";
  EXPECT_EQ(parse_retry_after("-5", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after("soon", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after("", now), milliseconds(0));
}

}  // namespace
}  // namespace icingest::fetch
