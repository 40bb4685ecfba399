#include "sim/arrival.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace icingest::sim {

void ask_for_arrivals(int socket) {
  const int yes = 1;
  static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes));
}

Tick arrival_of(int socket, const Clock& clock) {
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, 256> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT) <= 0) return clock.tick();
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec came{};
    std::memcpy(&came, CMSG_DATA(one), sizeof came);
    // The kernel's stamp is of the clock on the wall; only its age is of use here. Both clocks are read without the
    // thread being held up in between, or the difference would be taken for age.
    timespec wall{};
    Tick now = clock.tick();
    for (int attempt = 0; attempt < 100; ++attempt) {
      const Tick before = clock.tick();
      ::clock_gettime(CLOCK_REALTIME, &wall);
      now = clock.tick();
      if (now - before < std::chrono::microseconds(20)) break;
    }
    const auto age = std::chrono::seconds(wall.tv_sec - came.tv_sec) +
                     std::chrono::nanoseconds(wall.tv_nsec - came.tv_nsec);
    return now -
           std::clamp<std::chrono::nanoseconds>(age, std::chrono::nanoseconds(0), std::chrono::minutes(10));
  }
  return clock.tick();
}

}  // namespace icingest::sim
