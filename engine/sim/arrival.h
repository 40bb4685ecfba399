// arrival.h: when a request came, as the kernel saw it: a simulator that is behind must not see requests closer together
// than they were.
//
// Threads   any
// Source    socket(7) SO_TIMESTAMPNS, recvmsg(2)
#pragma once

#include "core/clock.h"

namespace icingest::sim {

// Of a socket that listens, for all that it accepts: what comes before they are accepted counts too.
void ask_for_arrivals(int socket);
// Of the bytes that are to be read next; now, when the kernel does not say. Takes nothing from the socket.
[[nodiscard]] Tick arrival_of(int socket, const Clock& clock);

}  // namespace icingest::sim
