// send.h: an answer on its way, with what goes wrong there.
//
// Errors    boost::system::system_error when the peer is gone
// Threads   the executor of the socket
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <optional>

#include "sim/faults.h"
#include "sim/http_types.h"

namespace icingest::sim {

// False when the connection is not to be used again. `sent` grows by the bytes of the body.
boost::asio::awaitable<bool> send(boost::asio::ip::tcp::socket& socket, const SimAnswer& answer,
                                  std::optional<FaultKind> fault, std::int64_t& sent);

boost::asio::awaitable<void> pause(std::chrono::milliseconds duration);

}  // namespace icingest::sim
