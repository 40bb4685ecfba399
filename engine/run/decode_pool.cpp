#include "run/decode_pool.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "decode/inflate.h"

namespace icingest::run {

namespace asio = boost::asio;

namespace {

Result<void> decode_one(DecodeTask& task, decode::Inflater& inflater, Buffer& plain,
                        simdjson::ondemand::parser& parser) {
  Buffer& body = task.body;
  if (task.member != nullptr) {
    ICINGEST_TRY(decode::extract(body.view(), *task.member, task.max_plain, simdjson::SIMDJSON_PADDING,
                                 inflater, plain));
    Document document(plain, task.origin, parser);
    return task.decode(document);
  }
  const bool packed = task.gzip || decode::is_gzip(body.view());
  if (packed) {
    ICINGEST_TRY(inflater.gunzip(body.view(), task.max_plain, simdjson::SIMDJSON_PADDING, plain));
  }
  Document document(packed ? plain : body, task.origin, parser);
  return task.decode(document);
}

}  // namespace

DecodePool::DecodePool(asio::io_context& io, BufferPool& buffers, std::size_t queue_bytes, int threads,
                       Metrics& metrics)
    : io_(io), buffers_(buffers), metrics_(metrics), queue_(queue_bytes), producer_(queue_) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

DecodePool::~DecodePool() {
  producer_.reset();
  for (std::thread& thread : threads_) thread.join();
}

asio::awaitable<Result<void>> DecodePool::decode(DecodeTask task) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      [this, &task](auto handler) {
        const std::size_t bytes = task.body.size();
        auto job = std::make_unique<Job>();
        job->task = std::move(task);
        job->done = [handler = std::move(handler)](Result<void> result) mutable {
          std::move(handler)(std::move(result));
        };
        metrics_.decoding.add(1);
        producer_->push(std::move(job), bytes);
      },
      asio::use_awaitable);
}

void DecodePool::work() {
  decode::Inflater inflater;
  simdjson::ondemand::parser parser;
  Buffer plain;
  while (auto job = queue_.pop()) {
    const auto started = std::chrono::steady_clock::now();
    Result<void> result = decode_one((*job)->task, inflater, plain, parser);
    buffers_.give_back(std::move((*job)->task.body));
    metrics_.decoding.add(-1);
    metrics_.decode_us.add(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started)
            .count());
    asio::post(
        io_, [job = std::move(*job), result = std::move(result)]() mutable { job->done(std::move(result)); });
  }
}

}  // namespace icingest::run
