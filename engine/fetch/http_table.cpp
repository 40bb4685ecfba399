#include "fetch/http_table.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace icingest::fetch {
namespace {

struct StatusRow {
  long status;
  Verdict verdict;
  std::string_view reason;
};

constexpr std::array kStatuses = {
    StatusRow{200, Verdict::success, "ok"},
    StatusRow{400, Verdict::fail_unit, "http_400"},  // our arguments: asking again changes nothing
    StatusRow{401, Verdict::stop_source, "bad_credential"},
    StatusRow{402, Verdict::stop_source, "payment_required"},
    StatusRow{403, Verdict::stop_source, "forbidden"},
    StatusRow{404, Verdict::empty, "not_found"},
    StatusRow{407, Verdict::stop_source, "proxy_credential"},
    StatusRow{408, Verdict::retry, "http_408"},
    StatusRow{421, Verdict::retry, "http_421"},
    StatusRow{425, Verdict::retry, "http_425"},
    StatusRow{429, Verdict::throttled, "http_429"},
    StatusRow{451, Verdict::stop_source, "http_451"},
    StatusRow{499, Verdict::retry, "http_499"},
    StatusRow{501, Verdict::fail_unit, "http_501"},
    StatusRow{505, Verdict::fail_unit, "http_505"},
};
constexpr std::array kStatusClasses = {
    StatusRow{2, Verdict::retry, "http_2xx"},  // anything but 200 is not the whole answer
    StatusRow{3, Verdict::fail_unit, "http_3xx"},
    StatusRow{4, Verdict::fail_unit, "http_4xx"},
    StatusRow{5, Verdict::retry, "http_5xx"},
};

struct TransferRow {
  int code = 0;
  TransferVerdict verdict;
};

constexpr TransferVerdict again(std::string_view reason) {
  return {Action::retry, ExitCode::later, reason, {}};
}

constexpr std::array kTransfers = {
    TransferRow{CURLE_COULDNT_RESOLVE_HOST,
                {Action::retry, ExitCode::later, "unknown_host", "check the host name in the base URL"}},
    TransferRow{CURLE_COULDNT_RESOLVE_PROXY, again("unknown_proxy")},
    TransferRow{CURLE_COULDNT_CONNECT,
                {Action::retry, ExitCode::later, "connect_failed",
                 "check the address, the network and the firewall"}},
    TransferRow{CURLE_PARTIAL_FILE, again("cut_body")},
    TransferRow{CURLE_OPERATION_TIMEDOUT, again("timeout")},
    TransferRow{CURLE_GOT_NOTHING, again("no_answer")},
    TransferRow{CURLE_SEND_ERROR, again("send_failed")},
    TransferRow{CURLE_RECV_ERROR, again("receive_failed")},
    TransferRow{CURLE_HTTP2, again("http2_error")},
    TransferRow{CURLE_HTTP2_STREAM, again("http2_error")},
    TransferRow{CURLE_WEIRD_SERVER_REPLY, again("not_http")},
    TransferRow{CURLE_BAD_CONTENT_ENCODING, again("bad_encoding")},
    TransferRow{CURLE_SSL_CONNECT_ERROR, again("tls_failed")},
    TransferRow{CURLE_PEER_FAILED_VERIFICATION,
                {Action::stop_source, ExitCode::person, "tls_certificate",
                 "the server's certificate is not trusted: check the host name and the CA certificates"}},
    TransferRow{
        CURLE_SSL_CACERT_BADFILE,
        {Action::stop_source, ExitCode::person, "ca_certificates", "install the ca-certificates package"}},
    TransferRow{CURLE_TOO_MANY_REDIRECTS, {Action::fail_unit, ExitCode::later, "redirects", {}}},
    TransferRow{CURLE_FILESIZE_EXCEEDED, {Action::fail_unit, ExitCode::later, "body_too_large", {}}},
    TransferRow{CURLE_WRITE_ERROR, {Action::fail_unit, ExitCode::later, "body_too_large", {}}},
    TransferRow{CURLE_URL_MALFORMAT, {Action::fail_run, ExitCode::usage, "bad_url", "check the base URL"}},
    TransferRow{CURLE_UNSUPPORTED_PROTOCOL,
                {Action::fail_run, ExitCode::usage, "bad_url", "use http:// or https:// in the base URL"}},
    TransferRow{CURLE_OUT_OF_MEMORY, {Action::fail_run, ExitCode::internal, "out_of_memory", {}}},
};

}  // namespace

Judgement judge_status(long http_status) {
  const auto exact = std::find_if(kStatuses.begin(), kStatuses.end(),
                                  [&](const StatusRow& row) { return row.status == http_status; });
  if (exact != kStatuses.end()) return {exact->verdict, exact->reason};
  const auto by_class = std::find_if(kStatusClasses.begin(), kStatusClasses.end(),
                                     [&](const StatusRow& row) { return row.status == http_status / 100; });
  if (by_class != kStatusClasses.end()) return {by_class->verdict, by_class->reason};
  return {Verdict::retry, "http_unknown"};
}

TransferVerdict judge_transfer(int curl_code) {
  const auto exact = std::find_if(kTransfers.begin(), kTransfers.end(),
                                  [&](const TransferRow& row) { return row.code == curl_code; });
  return exact != kTransfers.end() ? exact->verdict : again("transfer_failed");
}

}  // namespace icingest::fetch
