// signals.h: keeps a signal away from threads that may be older than the SignalWatch (stop.h) which waits for
// it.
//
// A signal to the process goes to any thread that does not block it. One that began before the watch, left as
// it was, would take it in the watch's place, and the process would die of it.
#pragma once

#include <pthread.h>

#include <csignal>

namespace icingest {

// For the first line of a thread's body.
inline void leave_signals_to_others() {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
}

}  // namespace icingest
