#pragma once
/// @file
/// How many exchanges one run may have in flight, and who begins the next.

#include <hubcache/error.hpp>
#include <hubcache/fetch/pace.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace hubcache::inline v0_1 {

/// The exchanges of one run: their number is bounded, and follows what the
/// network gives. Used from one executor.
class exchange_slots {
  struct state;

 public:
  /// What an exchange is for. While both kinds wait, a quarter is for small
  /// files; else either has all.
  enum class lane : unsigned char {
    small,  ///< A whole small file.
    big,    ///< A range of a big file.
  };

  /// A big file that wants exchanges. Of several, the one with the fewest gets
  /// the next.
  class file {
   public:
    /// One of those that share `all`.
    HUBCACHE_DECL explicit file(const exchange_slots& all);
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    HUBCACHE_DECL ~file();
    /// How many bytes its next exchange should ask for when nobody has asked
    /// for `untaken` bytes of it yet: the fewer are left, the less, so that all
    /// its exchanges end at about the same time.
    [[nodiscard]] HUBCACHE_DECL std::uint64_t range_size(std::uint64_t untaken) const noexcept;
    /// Lets go whoever waits for a slot on its behalf: there is nothing left to ask for.
    HUBCACHE_DECL void wants_no_more();

   private:
    friend class exchange_slots;
    std::shared_ptr<state> all_;
    std::size_t in_flight_ = 0;
  };

  /// The right to one exchange at a time; given back on destruction. Movable.
  /// May outlive the slots.
  class slot {
   public:
    slot(slot&& other) noexcept = default;
    /// Gives its own slot back first.
    HUBCACHE_DECL slot& operator=(slot&& other) noexcept;
    HUBCACHE_DECL ~slot();

    /// Bytes of content that have come.
    HUBCACHE_DECL void received(std::uint64_t bytes);
    /// The exchange ended badly: refused for the number of requests, lost, too
    /// slow. Fewer may be in flight.
    HUBCACHE_DECL void failed(errc reason);
    /// The exchange brought `bytes` in `body` after it had waited `wait` for
    /// the first of them.
    HUBCACHE_DECL void exchanged(std::uint64_t bytes, pace::clock::duration wait, pace::clock::duration body);
    /// Whether it may serve for another exchange: false if somebody else should
    /// have it.
    [[nodiscard]] HUBCACHE_DECL bool may_stay() const noexcept;

   private:
    friend class exchange_slots;
    slot(std::shared_ptr<state> all, lane who, file* of) : all_(std::move(all)), who_(who), of_(of) {}

    std::shared_ptr<state> all_;  // null when moved from
    lane who_;
    file* of_;
  };

  /// @param most of them in flight, at least 1
  HUBCACHE_DECL exchange_slots(const asio::any_io_executor& executor, std::size_t most);

  /// Suspends until an exchange of this kind may begin.
  /// @param of  of what file a range is to be fetched; outlives the slot
  /// @return none if `of` wants no more, or the lane was closed
  /// Cancellation: terminal; throws asio::error::operation_aborted.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<std::optional<slot>> take(lane who, file* of = nullptr);
  /// Lets go whoever waits in this lane, now or later: no further exchange of this kind is to begin.
  HUBCACHE_DECL void close(lane who);
  /// Whether `who` gets no more slots.
  [[nodiscard]] HUBCACHE_DECL bool is_closed(lane who) const noexcept;
  /// How many may be in flight now. Changes at any time.
  [[nodiscard]] HUBCACHE_DECL std::size_t width() const noexcept;
  /// What width() never exceeds.
  [[nodiscard]] HUBCACHE_DECL std::size_t most() const noexcept;

 private:
  class waiter;
  std::shared_ptr<state> all_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/slots.ipp>
#endif
