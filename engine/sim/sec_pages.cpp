#include "sim/sec_pages.h"

#include <fmt/format.h>

#include "core/text.h"
#include "sim/render.h"

namespace icingest::sim {
namespace {

SimAnswer page(int status, std::string_view title, std::string_view text) {
  return text_answer(
      "text/html",
      fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta http-equiv=\"Content-Type\" "
                  "content=\"text/html; charset=utf-8\">\n<title>SEC.gov | {0}</title>\n</head>\n<body>\n"
                  "<h1>{0}</h1>\n{1}</body>\n</html>\n",
                  title, text),
      status);
}

std::string reference(std::string_view target) { return request_id(target).substr(0, 16); }

}  // namespace

SimAnswer sec_rate_page(int status) {
  return page(
      status, "Request Rate Threshold Exceeded",
      "<p>To ensure that SEC.gov remains available to all users, the number of requests an address may make is "
      "limited to 10 per second.</p>\n<p>Once the rate of requests has dropped below the threshold for 10 "
      "minutes, the user may resume accessing content on SEC.gov. This practice is designed to limit excessive "
      "automated searches and is not intended or expected to impact individuals browsing the site.</p>\n");
}

SimAnswer sec_agent_page() {
  return page(
      403, "Your Request Originates from an Undeclared Automated Tool",
      "<p>To allow for equitable access to all users, SEC reserves the right to limit requests originating from "
      "undeclared automated tools. Your request has been identified as part of a network of automated tools "
      "outside of the acceptable policy and will be managed until action is taken to declare your "
      "traffic.</p>\n<p>Please declare your traffic by updating your user agent to include company specific "
      "information.</p>\n");
}

SimAnswer sec_firewall_page(std::string_view target) {
  return text_answer(
      "text/html",
      fmt::format(
          "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don't "
          "have permission to access this resource on this server.<P>\nReference&#32;&#35;18.{}\n</BODY>\n"
          "</HTML>\n",
          reference(target)),
      403);
}

SimAnswer sec_maintenance_page(int status) {
  return page(
      status, "File Unavailable",
      "<p>This page is temporarily unavailable.</p>\n<p>SEC.gov is undergoing maintenance. During this "
      "time, webforms will not be available.</p>\n");
}

SimAnswer sec_no_object(std::string_view target) {
  return text_answer(
      "application/xml",
      fmt::format(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access "
          "Denied</Message><RequestId>{}</RequestId><HostId>{}</HostId></Error>",
          reference(target), request_id(target)),
      403);
}

SimAnswer sec_no_key(std::string_view target) {
  std::string key(target.substr(target.empty() ? 0 : 1));
  return text_answer(
      "application/xml",
      fmt::format(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified "
          "key does not exist.</Message><Key>{}</Key><RequestId>{}</RequestId><HostId>{}</HostId></Error>",
          text::printable(key, 200), reference(target), request_id(target)),
      404);
}

}  // namespace icingest::sim
