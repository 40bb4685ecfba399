#include "fetch/http_stream.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "fetch/http_transfer.h"

namespace icingest::fetch {

namespace asio = boost::asio;

// Outlives the stream by the callback that may be on its way.
struct HttpStream::State {
  State(asio::io_context& io, HttpRequest wanted, std::size_t most)
      : request(std::move(wanted)), transfer{.request = request}, window(most), changed(io) {
    changed.expires_at(asio::steady_timer::time_point::max());
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& me = *static_cast<State*>(self);
    const std::size_t length = size * count;
    if (me.waiting() >= me.window) {
      me.paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    me.head_is_there = true;
    me.pending.append({bytes, length});
    me.changed.cancel();
    return length;
  }

  [[nodiscard]] std::size_t waiting() const { return pending.size() - taken; }

  void take(std::size_t bytes, Buffer& out) {
    out.append(pending.view().substr(taken, bytes));
    taken += bytes;
    if (taken == pending.size()) pending.clear(), taken = 0;
    if (taken >= window) {
      Buffer rest;
      rest.append(pending.view().substr(taken));
      pending.swap(rest);
      taken = 0;
    }
  }

  HttpRequest request;
  HttpClient::Transfer transfer;
  const std::size_t window;
  asio::steady_timer changed;  // never expires; cancelled when there is something to look at
  Buffer pending;
  std::size_t taken = 0;  // of pending
  CURL* easy = nullptr;
  std::optional<CURLcode> ended;
  bool head_is_there = false;
  bool paused = false;
};

HttpStream::HttpStream(HttpClient& client, HttpRequest request, std::size_t window)
    : client_(client), state_(std::make_shared<State>(client.io_, std::move(request), window)) {
  State& state = *state_;
  state.easy = client_.take_handle();
  client_.prepare(state.easy, state.transfer);
  curl_easy_setopt(state.easy, CURLOPT_WRITEFUNCTION, &State::on_body);
  curl_easy_setopt(state.easy, CURLOPT_WRITEDATA, &state);
  curl_easy_setopt(state.easy, CURLOPT_TIMEOUT_MS, 0L);  // as long as it takes, while bytes come
  client_.multi_.start(state.easy, [kept = state_](CURLcode code) {
    if (kept->easy == nullptr) return;  // the stream is gone
    kept->ended = code;
    kept->transfer.take_statistics(kept->easy);
    kept->changed.cancel();
  });
}

HttpStream::~HttpStream() {
  client_.multi_.cancel(state_->easy);
  client_.idle_.push_back(std::exchange(state_->easy, nullptr));
}

const HttpResponse& HttpStream::response() const { return state_->transfer.response; }

asio::awaitable<Result<void>> HttpStream::begin() {
  State& state = *state_;
  while (!state.head_is_there && !state.ended) {
    boost::system::error_code ignored;
    co_await state.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (state.ended && *state.ended != CURLE_OK && state.waiting() == 0)
    co_return state.transfer.failure(*state.ended);
  if (!state.ended) curl_easy_getinfo(state.easy, CURLINFO_RESPONSE_CODE, &state.transfer.response.status);
  co_return Result<void>{};
}

void HttpStream::resume() {
  State& state = *state_;
  if (!state.paused || state.ended || state.waiting() > state.window / 2) return;
  state.paused = false;
  curl_easy_pause(state.easy, CURLPAUSE_CONT);
}

asio::awaitable<Result<std::size_t>> HttpStream::read(std::size_t bytes, Buffer& out) {
  State& state = *state_;
  std::size_t done = 0;
  while (done < bytes) {
    if (state.waiting() > 0) {
      const std::size_t now = std::min(bytes - done, state.waiting());
      state.take(now, out);
      done += now;
      resume();
      continue;
    }
    if (state.ended) {
      if (*state.ended != CURLE_OK) co_return state.transfer.failure(*state.ended);
      break;
    }
    boost::system::error_code ignored;
    co_await state.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return done;
}

asio::awaitable<Result<std::unique_ptr<HttpStream>>> HttpClient::open(HttpRequest request,
                                                                      std::size_t window) {
  auto stream = std::make_unique<HttpStream>(*this, std::move(request), window);
  Result<void> begun = co_await stream->begin();
  if (!begun) co_return std::unexpected(std::move(begun).error());
  co_return std::move(stream);
}

}  // namespace icingest::fetch
