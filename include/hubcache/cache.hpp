#pragma once
/// @file
/// The cache: policies, lifetime and the public calls. No algorithm lives here.
///
/// Lifetime: a cache owns its transport, hashes, link strategy and index. Destroy it when its operations have
/// completed. Operations copy what they are given, observers excepted: those are held by reference.
///
/// Threads: `basic_cache(settings)` owns one network thread and some workers; none of them runs before an operation
/// needs it, and a snapshot that cached() finds complete needs none. `basic_cache(executor, workers, ...)` starts
/// none; Asio's resolver keeps one of its own for name look-ups. A cache is used from its executor: the async calls
/// may be started from any thread if the executor runs them one at a time (one thread, or a strand). Blocking calls
/// may come from any thread but the cache's own, where they fail with errc::misuse; cached() from any.
///
/// Cancellation: terminal, by the slot of the completion token. Writes, hashes and copies end after a piece of a few
/// MiB, a sync that has begun is waited for; partial files stay and are resumed next time. The call completes with
/// errc::cancelled.
///
/// Failure: every call ends with `error` (error.hpp): thrown, or as exception_ptr (read it with error_of()).
///
/// With g++ 12: never write options as a braced temporary inside a co_await expression. The option types here are
/// made so that this does not compile by accident; name them, or use their with_x() calls.

#include <hubcache/fwd.hpp>
#include <hubcache/gguf_model.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/inspect.hpp>
#include <hubcache/link/first_of.hpp>
#include <hubcache/pipeline.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/recipe.hpp>
#include <hubcache/run.hpp>
#include <hubcache/run_present.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/store/mapped_weights.hpp>
#include <hubcache/transport/https.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>

#include <concepts>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// A network thread and workers for a cache that was given none. Neither runs before it is needed.
class own_threads {
 public:
  HUBCACHE_DECL own_threads();
  own_threads(const own_threads&) = delete;
  own_threads& operator=(const own_threads&) = delete;
  HUBCACHE_DECL ~own_threads();

  [[nodiscard]] HUBCACHE_DECL asio::any_io_executor executor() const;
  [[nodiscard]] HUBCACHE_DECL workers& pool() const;
  /// Starts the network thread, once. Thread-safe. @throws error errc::internal if there can be none
  HUBCACHE_DECL void start() const;
  /// Ends the network thread, then the workers: nothing runs any more.
  HUBCACHE_DECL void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

namespace detail {

/// Whether the caller is on a thread that runs `executor`, as far as Asio can tell (io_context, strands of it).
[[nodiscard]] HUBCACHE_DECL bool runs_here(const asio::any_io_executor& executor);

/// The transport's part of the settings.
[[nodiscard]] HUBCACHE_DECL transport_options transport_settings(const settings& config);

/// What `operation` does, every failure turned into `error`.
template <class T>
asio::awaitable<T> with_context(asio::awaitable<T> operation) {
  try {
    co_return co_await std::move(operation);
  } catch (const error&) {
    throw;
  } catch (const std::system_error& e) {
    // The code of Asio 1.22 maps to no std::errc.
    const bool cancelled =
        e.code() == asio::error::operation_aborted || e.code() == std::errc::operation_canceled;
    if (cancelled) throw error(errc::cancelled, "");
    throw error(errc::internal, e.what());
  } catch (const std::exception& e) {
    throw error(errc::internal, e.what());
  }
}

template <class Transport>
Transport make_transport(const asio::any_io_executor& executor, const settings& config) {
  if constexpr (std::is_constructible_v<Transport, asio::any_io_executor, transport_options>) {
    return Transport(executor, transport_settings(config));
  } else if constexpr (std::is_constructible_v<Transport, asio::any_io_executor>) {
    return Transport(executor);
  } else {
    return Transport();
  }
}

template <class Index>
Index make_index(const settings& config) {
  if constexpr (std::is_constructible_v<Index, std::string>) {
    return Index(config.state_dir + "/index");
  } else {
    return Index();
  }
}

}  // namespace detail

/// Fetches repos of the Hub, and links what is already on this machine.
/// @tparam Transport see transport/transport.hpp   @tparam Hashes see hash/hash_set.hpp
/// @tparam Link see link/link_strategy.hpp         @tparam Index see index/content_index.hpp
template <class Transport, class Hashes, class Link, class Index>
class basic_cache {
  static_assert(transport<Transport>, "Transport must model transport: see hubcache/transport/transport.hpp");
  static_assert(hash_policy<Hashes>, "Hashes must model hash_policy: see hubcache/hash/hash_set.hpp");
  static_assert(link_strategy<Link>, "Link must model link_strategy: see hubcache/link/link_strategy.hpp");
  static_assert(content_index<Index>, "Index must model content_index: see hubcache/index/content_index.hpp");

 public:
  /// With settings from the environment, as every Hub client reads them (HF_HOME, HF_TOKEN, ...).
  basic_cache() : basic_cache(environment_settings()) {}

  /// Owns a network thread and workers, which start when they are needed.
  explicit basic_cache(settings config)
      : own_(std::make_unique<own_threads>()),
        executor_(own_->executor()),
        pool_(own_->pool()),
        config_(std::move(config)),
        transport_(detail::make_transport<Transport>(executor_, config_)),
        index_(detail::make_index<Index>(config_)) {}

  /// Runs on `executor` and `pool`, which outlive the cache; starts no thread.
  basic_cache(asio::any_io_executor executor, workers& pool, settings config)
      : executor_(std::move(executor)),
        pool_(pool),
        config_(std::move(config)),
        transport_(detail::make_transport<Transport>(executor_, config_)),
        index_(detail::make_index<Index>(config_)) {}

  /// The same, with a transport made by the caller.
  basic_cache(asio::any_io_executor executor, workers& pool, settings config, Transport network)
      : executor_(std::move(executor)),
        pool_(pool),
        config_(std::move(config)),
        transport_(std::move(network)),
        index_(detail::make_index<Index>(config_)) {}

  basic_cache(const basic_cache&) = delete;
  basic_cache& operator=(const basic_cache&) = delete;
  ~basic_cache() {
    if (own_) own_->stop();
  }

  /// What a snapshot will cost: what is here, what can be linked, what must be fetched. Changes nothing on disk.
  /// @param which     copied
  /// @param options   copied
  /// @param token     completion signature `void(std::exception_ptr, hubcache::plan)`
  template <class Token>
  auto async_plan(repo which, snapshot_options options, Token&& token) {
    return spawn(prepare(services_for({}), std::move(which), std::move(options)), std::forward<Token>(token));
  }

  /// Carries out a plan made by this cache.
  /// @param observer  told of the progress on the cache's executor; must outlive the operation
  /// @param token     completion signature `void(std::exception_ptr, hubcache::snapshot)`
  /// @par Guarantee   On failure the cache stays readable: names appear only for complete, verified content.
  template <class Token>
  auto async_run(hubcache::plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }
  template <class Token>
  auto async_run(hubcache::plan what, Token&& token) {
    return async_run(std::move(what), observer_ref(), std::forward<Token>(token));
  }

  /// Plans and runs: makes one revision of a repo present, linking what is on this machine, fetching the rest.
  /// Parameters, token and guarantee as async_run().
  template <class Token>
  auto async_snapshot(repo which, snapshot_options options, observer_ref observer, Token&& token) {
    return spawn(fetch_snapshot(services_for(observer), std::move(which), std::move(options)),
                 std::forward<Token>(token));
  }
  template <class Token>
  auto async_snapshot(repo which, snapshot_options options, Token&& token) {
    return async_snapshot(std::move(which), std::move(options), observer_ref(), std::forward<Token>(token));
  }

  /// Plans whole diffusers pipelines together, with their components from other repos: pipeline.hpp. Changes nothing on disk.
  /// @param token  completion signature `void(std::exception_ptr, hubcache::pipeline_plan)`
  template <class Token>
  auto async_plan_pipelines(std::vector<pipeline_request> asked, Token&& token) {
    return spawn(prepare_pipelines(services_for({}), std::move(asked)), std::forward<Token>(token));
  }
  /// Carries it out. Parameters and guarantee as of the async_run() of one plan; signature `void(std::exception_ptr,
  /// hubcache::pipelines)`.
  template <class Token>
  auto async_run(pipeline_plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }

  /// Plans one GGUF model, chosen by its tag: gguf_model.hpp. Changes nothing on disk.
  /// @param token  completion signature `void(std::exception_ptr, hubcache::bundle_plan)`
  template <class Token>
  auto async_plan_gguf(repo which, gguf_wish wish, snapshot_options options, Token&& token) {
    return spawn(prepare_gguf(services_for({}), std::move(which), std::move(wish), std::move(options)),
                 std::forward<Token>(token));
  }
  /// Plans the files of a recipe: recipe.hpp. Changes nothing on disk.
  /// @param token  completion signature `void(std::exception_ptr, hubcache::bundle_plan)`
  template <class Token>
  auto async_plan_recipe(recipe what, snapshot_options options, std::optional<lock_file> lock, Token&& token) {
    return spawn(prepare_recipe(services_for({}), std::move(what), std::move(options), std::move(lock)),
                 std::forward<Token>(token));
  }
  /// Carries out a plan of several repos; signature `void(std::exception_ptr, hubcache::bundle)`.
  template <class Token>
  auto async_run(bundle_plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }

  /// What a lock file would say of it; fetches its small files alone: recipe.hpp, lock_bundle(). Signature
  /// `void(std::exception_ptr, hubcache::lock_file)`.
  template <class Token>
  auto async_lock(bundle_plan what, observer_ref observer, Token&& token) {
    return spawn(lock_bundle(services_for(observer), std::move(what)), std::forward<Token>(token));
  }

  /// Reads the headers of a repo's weights, by ranges: inspect.hpp. Changes nothing on disk.
  /// @param token  completion signature `void(std::exception_ptr, hubcache::inspected_repo)`
  template <class Token>
  auto async_inspect(repo which, snapshot_options options, Token&& token) {
    return spawn(hubcache::inspect(services_for({}), std::move(which), std::move(options)),
                 std::forward<Token>(token));
  }

  /// Makes a directory show files of several snapshots: store/assembly.hpp.
  /// @param token  completion signature `void(std::exception_ptr, hubcache::assembly_report)`
  template <class Token>
  auto async_assemble(assembly what, Token&& token) {
    return spawn(hubcache::assemble(services_for({}), std::move(what)), std::forward<Token>(token));
  }

  /// The blocking forms. @throws error
  [[nodiscard]] hubcache::plan plan(repo which, snapshot_options options = snapshot_options()) {
    return wait(prepare(services_for({}), std::move(which), std::move(options)));
  }
  hubcache::snapshot run(hubcache::plan what, observer_ref observer = observer_ref()) {
    return wait(hubcache::run(services_for(observer), std::move(what)));
  }
  hubcache::snapshot snapshot(repo which, snapshot_options options = snapshot_options(),
                              observer_ref observer = observer_ref()) {
    refuse_own_thread();
    // Whoever wants no events gets what is complete without any other thread.
    if (!observer) {
      if (auto found = cached(which, options)) return std::move(*found);
    }
    return wait(fetch_snapshot(services_for(observer), std::move(which), std::move(options)));
  }

  [[nodiscard]] pipeline_plan plan_pipelines(std::vector<pipeline_request> asked) {
    return wait(prepare_pipelines(services_for({}), std::move(asked)));
  }
  pipelines run(pipeline_plan what, observer_ref observer = observer_ref()) {
    return wait(hubcache::run(services_for(observer), std::move(what)));
  }
  [[nodiscard]] bundle_plan plan_gguf(repo which, gguf_wish wish = gguf_wish(),
                                      snapshot_options options = snapshot_options()) {
    return wait(prepare_gguf(services_for({}), std::move(which), std::move(wish), std::move(options)));
  }
  [[nodiscard]] bundle_plan plan_recipe(recipe what, snapshot_options options = snapshot_options(),
                                        std::optional<lock_file> lock = std::nullopt) {
    return wait(prepare_recipe(services_for({}), std::move(what), std::move(options), std::move(lock)));
  }
  bundle run(bundle_plan what, observer_ref observer = observer_ref()) {
    return wait(hubcache::run(services_for(observer), std::move(what)));
  }
  [[nodiscard]] lock_file lock(bundle_plan what, observer_ref observer = observer_ref()) {
    return wait(lock_bundle(services_for(observer), std::move(what)));
  }
  [[nodiscard]] inspected_repo inspect(repo which, snapshot_options options = snapshot_options()) {
    return wait(hubcache::inspect(services_for({}), std::move(which), std::move(options)));
  }
  assembly_report assemble(assembly what) {
    return wait(hubcache::assemble(services_for({}), std::move(what)));
  }

  /// The snapshot of a commit, or of any revision if the settings say offline, if all of it is in its place in the
  /// cache: without a request, without any other thread. None if something is missing, edited or unknown, and for
  /// options that ask for more: a local folder, verification, a mapping, force, a requirement, a lock. Records the use.
  /// Blocking; from any thread, concurrently.
  /// @param observer  told of the plan, on the calling thread
  /// @throws error    errc::invalid_argument
  /// @par Complexity  One readlink and one stat per file, and the listing is read.
  [[nodiscard]] std::optional<hubcache::snapshot> cached(repo which,
                                                         snapshot_options options = snapshot_options(),
                                                         observer_ref observer = observer_ref()) const {
    return cached_snapshot(config_, std::move(which), std::move(options), observer);
  }

  /// A file of a snapshot, mapped for reading and kept from removal meanwhile: store/mapped_weights.hpp. Blocking; from any
  /// thread. @throws error
  [[nodiscard]] mapped_weights mapped(const std::string& path) const { return mapped_weights::map(path, config_); }

  [[nodiscard]] const settings& config() const noexcept { return config_; }
  /// Work given to it runs: an own network thread is started. @throws error errc::internal if there can be none
  [[nodiscard]] const asio::any_io_executor& executor() const {
    if (own_) own_->start();
    return executor_;
  }
  /// Thread-safe as the index is.
  [[nodiscard]] Index& index() noexcept { return index_; }

 private:
  [[nodiscard]] services services_for(observer_ref observer) {
    return {config_, transport_, hashes_, links_, index_, pool_, observer};
  }
  template <class T, class Token>
  auto spawn(asio::awaitable<T> operation, Token&& token) {
    return asio::co_spawn(executor(), detail::with_context(std::move(operation)), std::forward<Token>(token));
  }
  void refuse_own_thread() const {
    if (detail::runs_here(executor_)) {
      throw error(errc::misuse, "this thread runs the cache's executor and would wait for itself");
    }
  }
  /// Runs `operation` and waits. A failure is thrown anew, so that no exception object is shared by two threads.
  template <class T>
  T wait(asio::awaitable<T> operation) {
    refuse_own_thread();
    using outcome = std::pair<T, std::shared_ptr<const error>>;
    std::promise<outcome> done;
    auto result = done.get_future();
    auto ended = [done = std::move(done)](const std::exception_ptr& failure, T value) mutable {
      done.set_value(outcome(std::move(value), error_of(failure)));
    };
    spawn(std::move(operation), std::move(ended));
    auto [value, failure] = result.get();
    if (failure) throw error(*failure);
    return std::move(value);
  }

  std::unique_ptr<own_threads> own_;  // first: what follows lives on its executor
  asio::any_io_executor executor_;
  workers& pool_;
  settings config_;
  Transport transport_;
  Hashes hashes_{};
  Link links_{};
  Index index_;
};

#if defined(HUBCACHE_SEPARATE_COMPILATION)
extern template class basic_cache<https_transport, default_hashes, default_link, mapped_index>;
#endif

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/cache.ipp>
#endif
