// secret.h: values that must never be seen, and the one place that takes them out of text.
//
// Threads   register_secret before threads start or any time after; redact from any thread
#pragma once

#include <string>
#include <string_view>

namespace icingest {

// From now on redact() replaces this value. Values shorter than four bytes are ignored: they would mangle
// everything and protect nothing.
void register_secret(std::string_view value);

// `text` with every registered secret, plain or percent-encoded, replaced by ***.
[[nodiscard]] std::string redact(std::string_view text);

// Overwrites, in the process list, the password of every argument that is a URI with one.
void hide_passwords(int argc, char** argv);

}  // namespace icingest
