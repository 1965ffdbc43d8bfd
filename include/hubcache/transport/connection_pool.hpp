#pragma once
/// @file
/// The connections of `https_transport` between and during exchanges. Not for other users.

#include <hubcache/config.hpp>
#include <hubcache/transport/connection.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// What waits for the next exchange, and how many exchanges run, for each key (see origin_route::key). As a new
/// connection is opened only where none is idle, no key ever has more than `max_running` open.
class connection_pool {
 public:
  using clock = connection::clock;
  using handle = std::shared_ptr<connection>;

  struct limits {
    limits() = default;
    std::size_t max_running = 1;  ///< At least 1.
    std::size_t max_idle = 0;
    std::chrono::seconds idle_expiry{0};
  };

 private:
  struct waiter;
  struct place {
    std::size_t running = 0;
    std::vector<handle> idle;     // the oldest first
    std::deque<waiter*> waiting;  // the first to be served first
  };
  using node = std::map<std::string, place>::value_type;

 public:
  /// The right to one connection, given on by destruction. The pool outlives it.
  class lease {
   public:
    lease(lease&& other) noexcept : pool_(other.pool_), node_(std::exchange(other.node_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (node_) pool_->leave(*node_);
    }
    /// The connection used last of those that are still fit for a request; null if there is none.
    [[nodiscard]] handle take_idle();
    /// Keeps `used` for a later exchange, if there is room.
    void keep(handle used);

   private:
    friend class connection_pool;
    lease(connection_pool& pool, node& at) noexcept : pool_(&pool), node_(&at) {}
    connection_pool* pool_;
    node* node_;
  };

  connection_pool(asio::any_io_executor executor, limits bounds)
      : executor_(std::move(executor)), bounds_(bounds) {}
  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;
  ~connection_pool() = default;

  /// Waits, first come first served, until fewer than max_running exchanges of `key` run, however long: those
  /// that run are bounded by their own timeouts.
  /// @throws error errc::cancelled
  [[nodiscard]] asio::awaitable<lease> enter(std::string key);

 private:
  void leave(node& at);
  void drop_expired();

  asio::any_io_executor executor_;
  limits bounds_;
  std::map<std::string, place> places_;  // only those that have something to tell
};
static_assert(!std::is_aggregate_v<connection_pool::limits>);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_connection_pool.ipp>
#endif
