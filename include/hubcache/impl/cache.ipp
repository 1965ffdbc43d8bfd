#pragma once

#include <hubcache/cache.hpp>
#include <hubcache/error.hpp>

#include <asio/execution/outstanding_work.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/require.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace hubcache::inline v0_1 {

struct own_threads::state {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> busy{context.get_executor()};
  std::optional<workers> pool{std::in_place, 0};
  std::mutex starting;
  std::thread thread;
};

HUBCACHE_DECL own_threads::own_threads() : state_(std::make_shared<state>()) {}
HUBCACHE_DECL own_threads::~own_threads() { stop(); }
HUBCACHE_DECL asio::any_io_executor own_threads::executor() const { return state_->context.get_executor(); }
HUBCACHE_DECL workers& own_threads::pool() const { return *state_->pool; }
HUBCACHE_DECL void own_threads::start() const {
  try {
    // No call_once: where it is built on pthread_once, one that threw blocks the next for ever.
    const std::lock_guard lock(state_->starting);
    if (!state_->thread.joinable()) state_->thread = std::thread([s = state_] { s->context.run(); });
  } catch (const std::system_error& e) {
    throw error(errc::internal, std::string("the network thread cannot be started: ") + e.code().message());
  }
}
HUBCACHE_DECL void own_threads::stop() {
  state_->context.stop();
  if (state_->thread.get_id() == std::this_thread::get_id()) {
    state_->thread.detach();  // it owns the state, so that the context outlives the handler that runs here
  } else if (state_->thread.joinable()) {
    state_->thread.join();
  }
  state_->pool.reset();
}

namespace detail {

/// What `executor` holds, if that is an `Executor`: in Asio 1.22 target() does not look.
template <class Executor>
const Executor* held_in(const asio::any_io_executor& executor) {
  return executor.target_type() == typeid(Executor) ? executor.target<Executor>() : nullptr;
}

/// Whether the caller is on a thread of `Context`, if `executor` is its executor or a strand of that.
template <class Context>
bool runs_context_here(const asio::any_io_executor& executor) {
  const auto here = [&executor]<class Executor>(std::type_identity<Executor>) {
    if (const auto* plain = held_in<Executor>(executor)) return plain->running_in_this_thread();
    const auto* strand = held_in<asio::strand<Executor>>(executor);
    return strand != nullptr && strand->get_inner_executor().running_in_this_thread();
  };
  using plain = typename Context::executor_type;
  using tracked = std::decay_t<decltype(asio::require(std::declval<const plain&>(),
                                                      asio::execution::outstanding_work.tracked))>;
  return here(std::type_identity<plain>()) || here(std::type_identity<tracked>());
}

}  // namespace detail

HUBCACHE_DECL bool detail::runs_here(const asio::any_io_executor& executor) {
  if (const auto* strand = held_in<asio::strand<asio::any_io_executor>>(executor)) {
    return strand->running_in_this_thread() || runs_here(strand->get_inner_executor());
  }
  return runs_context_here<asio::io_context>(executor) || runs_context_here<asio::thread_pool>(executor);
}

#if defined(HUBCACHE_SEPARATE_COMPILATION)
template class basic_cache<https_transport, default_hashes, default_link, mapped_index>;
#endif

}  // namespace hubcache::inline v0_1
