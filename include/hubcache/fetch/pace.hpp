#pragma once
/// @file
/// How many exchanges are worth having in flight, and how much each should ask
/// for. Pure: time is given.

#include <hubcache/config.hpp>
#include <hubcache/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Climbs to the plateau of the total rate and stays there: widens as long as
/// half as many exchanges more bring a tenth more bytes per second, goes back a
/// step if they do not, tries again from time to time. Halves when a server
/// wants fewer or connections break.
class pace {
 public:
  using clock = std::chrono::steady_clock;  ///< That all its times are of.

  /// @param most of the width, at least 1
  HUBCACHE_DECL pace(std::size_t most, clock::time_point now);

  /// How many exchanges may be in flight, 1 to `most`.
  [[nodiscard]] std::size_t width() const noexcept { return width_; }
  /// The bound that it was made with.
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  /// Bytes have come while `in_flight` exchanges ran.
  HUBCACHE_DECL void received(std::uint64_t bytes, std::size_t in_flight, clock::time_point now) noexcept;
  /// An exchange ended badly.
  HUBCACHE_DECL void failed(errc reason, clock::time_point now) noexcept;

  /// An exchange brought `bytes` in `body`, after it had waited `wait` for the
  /// first of them.
  HUBCACHE_DECL void exchanged(std::uint64_t bytes, clock::duration wait, clock::duration body) noexcept;
  /// How many bytes the next exchange should ask for, so that waiting is about
  /// 2 % of its time: 4 to 256 MiB; 8 while nothing is known.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t range_size() const noexcept;

 private:
  void begin_window(clock::time_point now) noexcept;
  void judge(double rate, clock::time_point now) noexcept;

  std::size_t most_;
  std::size_t width_;
  std::size_t fewer_;   // the width before this one was tried; equal to width_ if
                        // none is being tried
  double plateau_ = 0;  // bytes/s at fewer_
  int windows_ = 0;     // at this width
  clock::time_point window_begin_;
  clock::time_point next_try_;  // no wider before
  clock::time_point last_halved_;
  std::uint64_t window_bytes_ = 0;
  double rate_ = 0;  // bytes/s of one exchange, smoothed
  double wait_ = 0;  // seconds before its first byte, smoothed
};
static_assert(!std::is_aggregate_v<pace>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/pace.ipp>
#endif
