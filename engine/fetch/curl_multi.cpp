#include "fetch/curl_multi.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "icingest/result.h"

namespace icingest::fetch {

namespace asio = boost::asio;

CurlMulti::CurlMulti(asio::io_context& io, int max_connections_per_host)
    : io_(io), timer_(io), multi_(curl_multi_init()) {
  ICINGEST_CHECK(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(max_connections_per_host));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(max_connections_per_host));
}

CurlMulti::~CurlMulti() {
  abort_all();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  curl_multi_cleanup(multi_);
  // curl has closed the sockets; the descriptors must not close them a second time.
  for (auto& [socket, watch] : watches_) watch->descriptor.release();
}

void CurlMulti::start(CURL* easy, Done done) {
  running_.emplace(easy, std::move(done));
  ICINGEST_CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
}

void CurlMulti::cancel(CURL* easy) {
  if (running_.erase(easy) != 0) curl_multi_remove_handle(multi_, easy);
}

void CurlMulti::abort_all() {
  while (!running_.empty()) {
    auto node = running_.extract(running_.begin());
    curl_multi_remove_handle(multi_, node.key());
    node.mapped()(CURLE_ABORTED_BY_CALLBACK);
  }
}

int CurlMulti::on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* self, void* /*unused*/) {
  if (what == CURL_POLL_REMOVE) static_cast<CurlMulti*>(self)->forget(socket);
  else static_cast<CurlMulti*>(self)->watch(socket, what);
  return 0;
}

int CurlMulti::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
  auto& me = *static_cast<CurlMulti*>(self);
  if (timeout_ms < 0) {
    me.timer_.cancel();
    return 0;
  }
  // Always through the io_context: curl must not be called back from inside its own callback.
  if (timeout_ms == 0) {
    // "Now" is what curl asks for most, several times a request, and the kernel's timer costs more than that.
    me.timer_.cancel();
    if (std::exchange(*me.timing_out_, true)) return 0;
    asio::post(me.io_, [&me, still = std::weak_ptr(me.timing_out_)] {
      if (still.expired()) return;
      *me.timing_out_ = false;
      me.time_out();
    });
    return 0;
  }
  me.timer_.expires_after(std::chrono::milliseconds(timeout_ms));
  me.timer_.async_wait([&me](const boost::system::error_code& error) {
    if (!error) me.time_out();
  });
  return 0;
}

void CurlMulti::time_out() {
  act(CURL_SOCKET_TIMEOUT, 0);
  finish_done();
}

void CurlMulti::watch(curl_socket_t socket, int what) {
  std::shared_ptr<Watch>& watch = watches_[socket];
  if (!watch) {
    watch = std::make_shared<Watch>(io_);
    watch->descriptor.assign(socket);
  }
  watch->wanted = what;
  arm(watch);
}

void CurlMulti::forget(curl_socket_t socket) {
  const auto found = watches_.find(socket);
  if (found == watches_.end()) return;
  found->second->wanted = 0;
  found->second->descriptor.release();  // curl closes it, or keeps it for the next request
  watches_.erase(found);
}

void CurlMulti::arm(const std::shared_ptr<Watch>& watch) {
  using Descriptor = asio::posix::stream_descriptor;
  const auto wait = [&](bool& pending, int bit, Descriptor::wait_type type, int event) {
    if (pending || (watch->wanted & bit) == 0) return;
    pending = true;
    watch->descriptor.async_wait(type,
                                 [this, watch, &pending, event](const boost::system::error_code& error) {
                                   pending = false;
                                   if (!error) on_ready(watch, event);
                                 });
  };
  wait(watch->reading, CURL_POLL_IN, Descriptor::wait_read, CURL_CSELECT_IN);
  wait(watch->writing, CURL_POLL_OUT, Descriptor::wait_write, CURL_CSELECT_OUT);
}

void CurlMulti::on_ready(const std::shared_ptr<Watch>& watch, int event) {
  if (watch->wanted == 0) return;  // forgotten while the event was queued
  act(watch->descriptor.native_handle(), event);
  if (watch->wanted != 0) arm(watch);
  finish_done();
}

// The call in which requests are written: afterwards those that may be late are out or have failed.
void CurlMulti::act(curl_socket_t socket, int event) {
  int still_running = 0;
  curl_multi_socket_action(multi_, socket, event, &still_running);
  guard_.disarm();
}

void CurlMulti::finish_done() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(multi_, easy);
    auto node = running_.extract(easy);
    if (node.empty()) continue;
    asio::post(io_, [done = std::move(node.mapped()), code]() mutable { done(code); });
  }
}

}  // namespace icingest::fetch
