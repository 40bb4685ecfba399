// decode_pool.h: threads that turn answers into batches.
//
// Threads   decode() is called on the io_context's thread and resumes there; each worker owns its parser and
//           inflater
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/buffer_pool.h"
#include "core/metrics.h"
#include "decode/zip.h"
#include "icingest/pipeline.h"
#include "queue/byte_queue.h"

namespace icingest::run {

// One answer on its way to a decode thread.
struct DecodeTask {
  Buffer body;
  bool gzip = false;
  std::string origin;
  std::size_t max_plain = std::size_t{256} << 20;
  const decode::ZipEntry* member = nullptr;  // the body is that member of an archive, headers included
  // Reads the document; runs on a decode thread.
  std::move_only_function<Result<void>(Document&)> decode;
};

class DecodePool {
 public:
  DecodePool(boost::asio::io_context& io, BufferPool& buffers, std::size_t queue_bytes, int threads,
             Metrics& metrics);
  ~DecodePool();
  DecodePool(const DecodePool&) = delete;
  DecodePool& operator=(const DecodePool&) = delete;

  [[nodiscard]] boost::asio::awaitable<Result<void>> decode(DecodeTask task);

 private:
  struct Job {
    DecodeTask task;
    std::move_only_function<void(Result<void>)> done;
  };
  using Queue = queue::ByteQueue<std::unique_ptr<Job>>;

  void work();

  boost::asio::io_context& io_;
  BufferPool& buffers_;
  Metrics& metrics_;
  Queue queue_;
  std::optional<Queue::Producer> producer_;
  std::vector<std::thread> threads_;
};

}  // namespace icingest::run
