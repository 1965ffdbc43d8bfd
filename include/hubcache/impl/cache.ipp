#pragma once

#include <hubcache/cache.hpp>
#include <hubcache/error.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace hubcache::inline v0_1 {

struct own_threads::state {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> busy{context.get_executor()};
  std::optional<workers> pool{std::in_place, 0};
  std::mutex starting;
  std::thread thread;
};

HUBCACHE_DECL own_threads::own_threads() : state_(std::make_unique<state>()) {}
HUBCACHE_DECL own_threads::~own_threads() { stop(); }
HUBCACHE_DECL asio::any_io_executor own_threads::executor() const { return state_->context.get_executor(); }
HUBCACHE_DECL workers& own_threads::pool() const { return *state_->pool; }
HUBCACHE_DECL void own_threads::start() const {
  try {
    // No call_once: where it is built on pthread_once, one that threw blocks the next for ever.
    const std::lock_guard lock(state_->starting);
    if (!state_->thread.joinable()) state_->thread = std::thread([s = state_.get()] { s->context.run(); });
  } catch (const std::system_error& e) {
    throw error(errc::internal, std::string("the network thread cannot be started: ") + e.code().message());
  }
}
HUBCACHE_DECL void own_threads::stop() {
  state_->context.stop();
  if (state_->thread.joinable()) state_->thread.join();
  state_->pool.reset();
}

HUBCACHE_DECL bool detail::runs_here(const asio::any_io_executor& executor) {
  using context = asio::io_context::executor_type;
  if (const auto* plain = executor.target<context>()) return plain->running_in_this_thread();
  if (const auto* strand = executor.target<asio::strand<context>>()) return strand->running_in_this_thread();
  return false;
}

#if defined(HUBCACHE_SEPARATE_COMPILATION)
template class basic_cache<https_transport, default_hashes, default_link, mapped_index>;
#endif

}  // namespace hubcache::inline v0_1
