#include "support/network_namespace.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace icingest::test {
namespace {

bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

std::string network_of(const std::string& process) {
  char target[64] = {};
  const ssize_t size = ::readlink(("/proc/" + process + "/ns/net").c_str(), target, sizeof target - 1);
  return size > 0 ? target : "";
}

}  // namespace

NetworkNamespace::NetworkNamespace(int number)
    : link_(fmt::format("ic{}n{}", ::getpid() % 1'000'000, number)),
      network_(fmt::format("10.{}.{}.", 64 + ::getpid() % 128, number)),
      holder_({"/usr/bin/setpriv", "--pdeathsig", "KILL", "/usr/bin/unshare", "--net", "/bin/sleep", "1h"},
              {}) {}

std::unique_ptr<NetworkNamespace> NetworkNamespace::make(int number) {
  std::unique_ptr<NetworkNamespace> made(new NetworkNamespace(number));
  const std::string pid = std::to_string(made->holder_.pid());
  const auto is_apart = [&] { return network_of(pid) != network_of("self"); };
  for (int i = 0; !is_apart() && made->holder_.running() && i < 500; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  // What is done to it below would else be done to this machine's own network.
  if (!made->holder_.running() || !is_apart()) return nullptr;
  const std::string enter = fmt::format("nsenter --target {} --net ip ", pid);
  bool done = run(fmt::format("ip link add {} type veth peer name eth0 netns {}", made->link_, pid)) &&
              run(fmt::format("ip link set {} up", made->link_)) && run(enter + "link set eth0 up");
  for (int i = 0; done && i < kAddresses; ++i) {
    done = made->change_address("add", i) &&
           run(enter + fmt::format("address add {}{}/25 dev eth0", made->network_, 2 + 128 * i));
  }
  return done ? std::move(made) : nullptr;
}

std::string NetworkNamespace::address(int number) const {
  return network_ + std::to_string(1 + 128 * number);
}

// Each address has a subnet of its own: with the first of a subnet the kernel takes its others away too.
bool NetworkNamespace::change_address(const char* how, int number) const {
  return run(fmt::format("ip address {} {}/25 dev {}", how, address(number), link_));
}

std::vector<std::string> NetworkNamespace::prefix() const {
  return {"/usr/bin/nsenter", "--target", std::to_string(holder_.pid()), "--net"};
}

void NetworkNamespace::cut(bool is_cut) const {
  run(fmt::format("ip link set {} {}", link_, is_cut ? "down" : "up"));
}

// Packets to an address that this machine does not have go nowhere; connections stay as they are.
void NetworkNamespace::cut_address(int number, bool is_cut) const {
  change_address(is_cut ? "del" : "add", number);
}

}  // namespace icingest::test
