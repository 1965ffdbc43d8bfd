#pragma once
/// @file
/// The sink that carries a range of a file to its partial: checks the head,
/// bounds the memory, hands full buffers to the file's queue.

#include <hubcache/fetch/content_range.hpp>
#include <hubcache/store/partial.hpp>
#include <hubcache/transport/transport.hpp>
#include <hubcache/work/workers.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubcache::inline v0_1 {

/// The buffers of all transfers of one run: what bounds its memory. Used from
/// one executor; jobs that hold a buffer share its ownership and bring it back
/// by a post to that executor.
class buffer_ring : public std::enable_shared_from_this<buffer_ring> {
 public:
  /// One buffer.
  struct buffer {
    std::unique_ptr<std::byte[]> bytes;  ///< buffer_ring::size() of them.
    std::size_t filled = 0;              ///< How many of them are used.
  };

  /// @param size of each buffer, in bytes; all `count` are made when first
  /// needed.
  HUBCACHE_DECL buffer_ring(const asio::any_io_executor& executor, std::size_t count, std::size_t size);

  /// Of each buffer, in bytes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// A free buffer; suspends until there is one.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<buffer> take();
  /// Brings a buffer back; from any thread.
  HUBCACHE_DECL void give_back(buffer used);

 private:
  asio::any_io_executor executor_;
  asio::steady_timer changed_;  // never expires; cancelled when a buffer comes back
  std::vector<buffer> free_;
  std::size_t size_;
  std::size_t unmade_;
};

/// Puts the body of one exchange into its range of a partial.
class partial_sink final : public body_sink {
 public:
  /// @param advanced called with the number of bytes that arrived; outlives the
  /// sink.
  HUBCACHE_DECL partial_sink(std::shared_ptr<partial> into, byte_range range, serial_queue& queue,
                             std::shared_ptr<buffer_ring> buffers,
                             std::function<void(std::uint64_t)> advanced);

  [[nodiscard]] HUBCACHE_DECL verdict begin(const response_head& head) override;
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<std::span<std::byte>> acquire() override;
  HUBCACHE_DECL void commit(std::size_t n) override;

  /// Hands over what is buffered. Call it when the exchange ended, also by a
  /// failure: those bytes are good.
  HUBCACHE_DECL void flush();
  /// What the head of the answer told.
  [[nodiscard]] range_answer outcome() const noexcept { return outcome_; }
  /// Why it was refused; else empty.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  /// Bytes this exchange brought.
  [[nodiscard]] std::uint64_t received() const noexcept { return next_ - range_.begin; }

 private:
  std::shared_ptr<partial> into_;
  byte_range range_;
  std::uint64_t next_;
  serial_queue& queue_;
  std::shared_ptr<buffer_ring> buffers_;
  std::function<void(std::uint64_t)> advanced_;
  buffer_ring::buffer current_;
  std::byte beyond_{};   // where a byte after the last one would go
  bool excess_ = false;  // there was one
  range_answer outcome_ = range_answer::none_yet;
  std::string problem_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/partial_sink.ipp>
#endif
