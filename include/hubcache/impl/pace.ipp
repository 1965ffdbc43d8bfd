#pragma once

#include <hubcache/fetch/pace.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

/// As many as people give to aria2c: enough for a far server, few for any.
inline constexpr std::size_t first_width = 16;
inline constexpr auto pace_window = std::chrono::milliseconds(200);
inline constexpr auto pace_rest = std::chrono::seconds(5);
inline constexpr double worthwhile = 1.1;
/// New connections need some round trips before they bring their share.
inline constexpr int patient_windows = 3;

HUBCACHE_DECL double pace_seconds(pace::clock::duration time) noexcept {
  return std::chrono::duration<double>(time).count();
}

}  // namespace detail

HUBCACHE_DECL pace::pace(std::size_t most, clock::time_point now)
    : most_(std::max<std::size_t>(most, 1)),
      width_(std::min(most_, detail::first_width)),
      fewer_(width_),
      window_begin_(now),
      next_try_(now),
      last_halved_(now - detail::pace_rest) {}

HUBCACHE_DECL void pace::begin_window(clock::time_point now) noexcept {
  window_begin_ = now;
  window_bytes_ = 0;
}

HUBCACHE_DECL void pace::received(std::uint64_t bytes, std::size_t in_flight,
                                  clock::time_point now) noexcept {
  // Only what all of them bring together tells something about their number.
  if (in_flight < width_) return begin_window(now);
  window_bytes_ += bytes;
  const auto spent = now - window_begin_;
  if (spent < detail::pace_window) return;
  const auto rate = static_cast<double>(window_bytes_) / detail::pace_seconds(spent);
  begin_window(now);
  judge(rate, now);
}

HUBCACHE_DECL void pace::judge(double rate, clock::time_point now) noexcept {
  ++windows_;
  if (fewer_ < width_ && rate < plateau_ * detail::worthwhile) {
    if (windows_ < detail::patient_windows) return;
    width_ = fewer_;
    windows_ = 0;
    next_try_ = now + detail::pace_rest;
    return;
  }
  fewer_ = width_;
  if (now < next_try_ || width_ == most_) return;
  plateau_ = rate;
  width_ = std::min(most_, width_ + (width_ + 1) / 2);
  windows_ = 0;
}

HUBCACHE_DECL void pace::failed(errc reason, clock::time_point now) noexcept {
  const bool too_many = reason == errc::rate_limited || reason == errc::server_failed ||
                        reason == errc::connection_lost || reason == errc::timed_out;
  // What fails together has one cause.
  if (!too_many || now - last_halved_ < std::chrono::seconds(1)) return;
  last_halved_ = now;
  next_try_ = now + detail::pace_rest;
  width_ = fewer_ = std::max<std::size_t>(width_ / 2, 1);
  begin_window(now);
}

HUBCACHE_DECL void pace::exchanged(std::uint64_t bytes, clock::duration wait, clock::duration body) noexcept {
  if (bytes < 256 * 1024) return;
  const auto rate = static_cast<double>(bytes) / std::max(detail::pace_seconds(body), 1e-4);
  const auto share = rate_ > 0 ? 0.25 : 1.0;
  rate_ += (rate - rate_) * share;
  wait_ += (detail::pace_seconds(wait) - wait_) * share;
}

HUBCACHE_DECL std::uint64_t pace::range_size() const noexcept {
  constexpr double mebibyte = 1024 * 1024;
  if (rate_ == 0) return std::uint64_t{8} << 20U;
  const auto seconds = std::clamp(wait_ * 50, 0.25, 5.0);
  return static_cast<std::uint64_t>(std::clamp(rate_ * seconds / mebibyte, 4.0, 256.0)) << 20U;
}

}  // namespace hubcache::inline v0_1
