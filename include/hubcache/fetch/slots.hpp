#pragma once
/// @file
/// How many exchanges one run may have in flight, and who begins the next.

#include <hubcache/error.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace hubcache::inline v0_1 {

/// The exchanges of one run: their number is bounded, and follows what the network gives. Used from one executor.
class exchange_slots {
 public:
  /// What an exchange is for. While both kinds wait, neither keeps the other from moving on.
  enum class lane : unsigned char {
    small,  ///< A whole small file.
    big,    ///< A range of a big file.
  };

  /// The right to one exchange at a time; given back on destruction. Movable. May outlive the slots.
  class slot {
   public:
    slot(slot&& other) noexcept = default;
    HUBCACHE_DECL slot& operator=(slot&& other) noexcept;
    HUBCACHE_DECL ~slot();

    /// Bytes of content that have come.
    HUBCACHE_DECL void received(std::uint64_t bytes);
    /// The exchange ended badly: refused for the number of requests, lost, too slow. Fewer may be in flight.
    HUBCACHE_DECL void failed(errc reason);

   private:
    friend class exchange_slots;
    struct state;
    slot(std::shared_ptr<state> all, lane who) : all_(std::move(all)), who_(who) {}

    std::shared_ptr<state> all_;  // null when moved from
    lane who_;
  };

  /// @param most of them in flight, at least 1
  HUBCACHE_DECL exchange_slots(const asio::any_io_executor& executor, std::size_t most);

  /// Suspends until an exchange of this kind may begin.
  /// Cancellation: terminal; throws asio::error::operation_aborted.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<slot> take(lane who);
  /// How many may be in flight now. Changes at any time.
  [[nodiscard]] HUBCACHE_DECL std::size_t width() const noexcept;

 private:
  std::shared_ptr<slot::state> all_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/slots.ipp>
#endif
