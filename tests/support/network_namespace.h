// network_namespace.h: a network of its own for a child process, with one link to here that can be cut: then packets are
// lost and nobody is told, and the kernels on both sides go on trying.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/process.h"

namespace icingest::test {

class NetworkNamespace {
 public:
  // Nothing where this machine does not let us: it takes root with CAP_SYS_ADMIN and CAP_NET_ADMIN. `number` below 250
  // tells those of one process apart.
  [[nodiscard]] static std::unique_ptr<NetworkNamespace> make(int number);

  // This machine's addresses on the link; processes inside reach nothing else.
  [[nodiscard]] std::string address(int number) const;
  static constexpr int kAddresses = 2;
  // What goes before a command to run it inside.
  [[nodiscard]] std::vector<std::string> prefix() const;
  // The whole link, or one of the addresses.
  void cut(bool is_cut) const;
  void cut_address(int number, bool is_cut) const;

 private:
  explicit NetworkNamespace(int number);
  bool change_address(const char* how, int number) const;

  std::string link_;
  std::string network_;  // 10.NUMBER.NUMBER.
  Process holder_;       // its end is that of the namespace and of the link
};

}  // namespace icingest::test
