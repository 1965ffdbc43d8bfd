#pragma once
/// @file
/// The timeouts of `https_transport`'s connections, on one timer. Not for other users.

#include <hubcache/config.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// Something that waits with a deadline.
class watched {
 public:
  /// Gives up what waits since before its deadline. Returns when to look again.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point look(
      std::chrono::steady_clock::time_point now) = 0;

 protected:
  watched() = default;
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;
  ~watched() = default;
};

/// Looks at those that have an exchange whenever the first of their deadlines may have passed. Deadlines move
/// with each wait for bytes and the timer does not: it fires early, looks, and is set again, so that an
/// exchange beside others costs no system call for its timeouts. Idle, it keeps nothing running.
class watchdog : public std::enable_shared_from_this<watchdog> {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  explicit watchdog(const asio::any_io_executor& executor) : timer_(executor) {}

  /// Watches `one` until `leave`. @param first its first deadline
  void enter(watched& one, clock::time_point first);
  void leave(watched& one);
  /// Looks at `deadline` at the latest.
  void look_by(clock::time_point deadline);

 private:
  void look();

  asio::steady_timer timer_;
  clock::time_point expiry_ = never;  // of the timer; never = it is not running
  std::vector<watched*> watched_;
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_watchdog.ipp>
#endif
