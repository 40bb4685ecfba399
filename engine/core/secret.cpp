#include "core/secret.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "core/text.h"

namespace icingest {
namespace {

struct Secrets {
  std::shared_mutex mutex;
  std::vector<std::string> values;  // longest first, so that a secret inside another does not cut it
};
Secrets& secrets() {
  static Secrets instance;
  return instance;
}

}  // namespace

void register_secret(std::string_view value) {
  if (value.size() < 4) return;
  Secrets& all = secrets();
  const std::unique_lock lock(all.mutex);
  for (const std::string& form : {std::string(value), text::percent_encode(value)}) {
    if (std::find(all.values.begin(), all.values.end(), form) == all.values.end()) all.values.push_back(form);
  }
  std::sort(all.values.begin(), all.values.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string redact(std::string_view text) {
  std::string clean(text);
  Secrets& all = secrets();
  const std::shared_lock lock(all.mutex);
  for (const std::string& value : all.values) {
    for (std::size_t at = clean.find(value); at != std::string::npos; at = clean.find(value, at + 3)) {
      clean.replace(at, value.size(), "***");
    }
  }
  return clean;
}

void hide_passwords(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    // As a parameter of a URI or of a keyword=value text; sslpassword ends alike.
    constexpr std::string_view kParameter = "password=";
    for (std::size_t at = argument.find(kParameter); at != std::string_view::npos;
         at = argument.find(kParameter, at)) {
      at += kParameter.size();
      std::fill(argv[i] + at, argv[i] + std::min(argument.find_first_of("& ", at), argument.size()), 'x');
    }
    const std::size_t scheme = argument.find("://");
    if (scheme == std::string_view::npos) continue;
    const std::size_t host = argument.find('@', scheme + 3);
    const std::size_t password = argument.find(':', scheme + 3);
    if (host == std::string_view::npos || password == std::string_view::npos || password > host) continue;
    std::fill(argv[i] + password + 1, argv[i] + host, 'x');
  }
}

}  // namespace icingest
