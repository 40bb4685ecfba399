#include "support/test_sim.h"

#include <curl/curl.h>

#include "core/text.h"

namespace icingest::test {

std::string http_get(const std::string& url) {
  std::string body;
  CURL* const easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t size, std::size_t count, void* into) {
        static_cast<std::string*>(into)->append(bytes, size * count);
        return size * count;
      });
  EXPECT_EQ(curl_easy_perform(easy), CURLE_OK) << url;
  curl_easy_cleanup(easy);
  return body;
}

std::int64_t TestSim::stat(const std::string& name) const {
  const std::string body = http_get(url() + "/__sim/stats");
  const std::string mark = "\"" + name + "\":";
  const std::size_t at = body.find(mark);
  if (at == std::string::npos) return 0;
  const std::string_view rest = std::string_view(body).substr(at + mark.size());
  return text::parse_int(rest.substr(0, rest.find_first_of(",}"))).value_or(-1);
}

}  // namespace icingest::test
