#pragma once
/// @file
/// The cache: policies, lifetime and the public calls. No algorithm lives here.
///
/// Lifetime: a cache owns its transport, hashes, link strategy and index. Destroy it when its operations have
/// completed, on any thread. The completion handler of the last operation may do so, too, by dropping the last owner;
/// the cache's own thread, which runs it, is then not waited for: it ends once the handler has returned. An observer must
/// not: its operation goes on. Operations copy what they are given, observers excepted: those are held by reference.
///
/// Threads: `basic_cache(settings)` owns one network thread and some workers; none of them runs before an operation
/// needs it, and a snapshot that cached() finds complete needs none. `basic_cache(executor, workers, ...)` starts
/// none; Asio's resolver keeps one of its own for name look-ups. A cache is used from its executor: the async calls
/// may be started from any thread if the executor runs them one at a time (one thread, or a strand). Blocking calls
/// may come from any thread but the cache's own, and those that run the context of its executor, where they fail with
/// errc::misuse: in a handler beside the cache's strand, too, as nothing tells whether another thread is left to run the
/// strand. Seen are io_context, asio::thread_pool and strands of both; on other executors such a call waits for itself
/// (within an asio::strand<asio::any_io_executor> of them it is seen). cached() may come from any thread.
///
/// Cancellation: terminal, by the slot of the completion token; of a blocking call by its stop token. Writes, hashes
/// and copies end after a piece of a few MiB, a sync that has begun is waited for; partial files stay and are resumed
/// next time. The call completes with errc::cancelled.
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
#include <hubcache/policies.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/recipe.hpp>
#include <hubcache/run.hpp>
#include <hubcache/run_present.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/store/mapped_weights.hpp>
#include <hubcache/transport/https.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>

#include <concepts>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
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

  /// Of the network thread. What is posted before start() waits for it.
  [[nodiscard]] HUBCACHE_DECL asio::any_io_executor executor() const;
  /// One worker per core, at most 8; each starts when a job finds none idle.
  [[nodiscard]] HUBCACHE_DECL workers& pool() const;
  /// Starts the network thread, once. Thread-safe. @throws error errc::internal if there can be none
  HUBCACHE_DECL void start() const;
  /// Ends the network thread, then the workers: nothing runs any more. On the network thread itself, it ends when the
  /// handler that calls this has returned, and what was posted is destroyed then.
  HUBCACHE_DECL void stop();

 private:
  struct state;
  std::shared_ptr<state> state_;  // shared with the network thread
};

namespace detail {

/// Whether the caller is on a thread that runs the context of `executor`, if that is an io_context, an asio::thread_pool
/// or a strand of one, work-tracked or not; of a strand of others, whether the caller is in it.
[[nodiscard]] HUBCACHE_DECL bool runs_here(const asio::any_io_executor& executor);

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

/// Where a cache runs: on threads of its own, or where its embedder says.
struct cache_threads {
  cache_threads() : own(std::make_unique<own_threads>()), executor(own->executor()), pool(own->pool()) {}
  cache_threads(asio::any_io_executor e, workers& w) : executor(std::move(e)), pool(w) {}

  std::unique_ptr<own_threads> own;
  asio::any_io_executor executor;
  workers& pool;
};

}  // namespace detail

/// Fetches repos of the Hub, and links what is already on this machine.
/// @tparam Transport  moves bytes: transport/transport.hpp, docs/extending/transport.md
/// @tparam Hashes     names content: hash/hash_set.hpp, docs/extending/hash.md
/// @tparam Link       gives content a second name: link/link_strategy.hpp, docs/extending/link.md
/// @tparam Index      knows where content lies: index/content_index.hpp, docs/extending/index.md
template <class Transport, class Hashes, class Link, class Index>
class basic_cache {
  static_assert(transport<Transport>, "Transport must model transport: see docs/extending/transport.md");
  static_assert(hash_policy<Hashes>, "Hashes must model hash_policy: see docs/extending/hash.md");
  static_assert(link_strategy<Link>, "Link must model link_strategy: see docs/extending/link.md");
  static_assert(content_index<Index>, "Index must model content_index: see docs/extending/index.md");

 public:
  /// With settings from the environment, as every Hub client reads them (HF_HOME, HF_TOKEN, ...).
  basic_cache() : basic_cache(environment_settings()) {}

  /// Owns a network thread and workers, which start when they are needed.
  explicit basic_cache(settings config) : basic_cache(detail::cache_threads(), std::move(config)) {}

  /// Runs on `executor` and `pool`, which outlive the cache; starts no thread. The pool's threads end before the
  /// executor's context does, to which they hand their results: make the context first.
  basic_cache(asio::any_io_executor executor, workers& pool, settings config)
      : basic_cache(detail::cache_threads(std::move(executor), pool), std::move(config)) {}

  /// The same two, with policies that the caller made: those with options or state of their own. Any of the four, in any
  /// order, each as a value, which is moved in, or as a function `Policy(const asio::any_io_executor&, const settings&)`:
  /// it is called once, with the executor and the settings of this cache, and may make what cannot be moved. The others
  /// are made as above: a transport of the executor and the settings, an index in a folder of settings::state_dir,
  /// where they can be constructed so, anything else by default.
  ///
  ///     basic_cache<https_transport, default_hashes, default_link, my_index> cache(config, my_index("/srv/index"));
  template <class... Given>
  requires(sizeof...(Given) > 0) explicit basic_cache(settings config, Given... given)
      : basic_cache(detail::cache_threads(), std::move(config), given...) {}
  /// The same on the caller's executor and workers.
  template <class... Given>
  requires(sizeof...(Given) > 0)
      basic_cache(asio::any_io_executor executor, workers& pool, settings config, Given... given)
      : basic_cache(detail::cache_threads(std::move(executor), pool), std::move(config), given...) {}

  basic_cache(const basic_cache&) = delete;
  basic_cache& operator=(const basic_cache&) = delete;
  ~basic_cache() {
    if (own_) own_->stop();
  }

  /// @name One repo
  /// @{

  /// What a snapshot will cost: what is here, what can be linked, what must be fetched. Changes nothing on disk. The plan
  /// can be read and printed before it runs (plan/plan.hpp); prepare.hpp tells the requests it takes.
  /// @param which     copied
  /// @param options   copied
  /// @param token     completion signature `void(std::exception_ptr, hubcache::plan)`
  template <class Token>
  auto async_plan(repo which, snapshot_options options, Token&& token) {
    return spawn(prepare(services_for({}), std::move(which), std::move(options)), std::forward<Token>(token));
  }
  /// The same, blocking.
  /// @param which     a string names a model: "owner/name"
  /// @param options   which revision and files, and how
  /// @param stop      once requested, from any thread, the call ends with errc::cancelled unless it is done before; so in
  ///                  every blocking call
  /// @throws error
  [[nodiscard]] hubcache::plan plan(repo which, snapshot_options options = snapshot_options(),
                                    const std::stop_token& stop = {}) {
    return wait(prepare(services_for({}), std::move(which), std::move(options)), stop);
  }

  /// Carries out a plan made by this cache: links first, then fetches, then the names in the snapshot.
  /// @param what      moved in
  /// @param observer  told of the progress on the cache's executor (event.hpp); must outlive the operation
  /// @param token     completion signature `void(std::exception_ptr, hubcache::snapshot)`
  /// @par Guarantee   On failure the cache stays readable: names appear only for complete, verified content. What was
  ///                  done is kept.
  template <class Token>
  auto async_run(hubcache::plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }
  /// The same, unobserved.
  template <class Token>
  auto async_run(hubcache::plan what, Token&& token) {
    return async_run(std::move(what), observer_ref(), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  hubcache::snapshot run(hubcache::plan what, observer_ref observer = observer_ref(),
                         const std::stop_token& stop = {}) {
    return wait(hubcache::run(services_for(observer), std::move(what)), stop);
  }

  /// Plans and runs: makes one revision of a repo present, linking what is on this machine, fetching the rest.
  /// Parameters, token and guarantee as of async_plan() and async_run().
  template <class Token>
  auto async_snapshot(repo which, snapshot_options options, observer_ref observer, Token&& token) {
    return spawn(fetch_snapshot(services_for(observer), std::move(which), std::move(options)),
                 std::forward<Token>(token));
  }
  /// The same, unobserved.
  template <class Token>
  auto async_snapshot(repo which, snapshot_options options, Token&& token) {
    return async_snapshot(std::move(which), std::move(options), observer_ref(), std::forward<Token>(token));
  }
  /// The same, blocking. Parameters as of plan() and run(). @throws error
  hubcache::snapshot snapshot(repo which, snapshot_options options = snapshot_options(),
                              observer_ref observer = observer_ref(), const std::stop_token& stop = {}) {
    refuse_own_thread();
    // Whoever wants no events gets what is complete without any other thread.
    if (!observer) {
      if (auto found = cached(which, options)) return std::move(*found);
    }
    return wait(fetch_snapshot(services_for(observer), std::move(which), std::move(options)), stop);
  }

  /// The snapshot of a commit, or of any revision if the settings say offline, if all of it is in its place in the
  /// cache: without a request, without any other thread. None if something is missing, edited or unknown, and for
  /// options that ask for more: a local folder, verification, a mapping, force, a requirement, a lock. Records the use.
  /// Blocking; from any thread, concurrently.
  /// @param which     as of plan()
  /// @param options   as of plan()
  /// @param observer  told of the plan, on the calling thread
  /// @throws error    errc::invalid_argument
  /// @par Complexity  One readlink and one stat per file, and the listing is read.
  [[nodiscard]] std::optional<hubcache::snapshot> cached(repo which,
                                                         snapshot_options options = snapshot_options(),
                                                         observer_ref observer = observer_ref()) const {
    return cached_snapshot(config_, std::move(which), std::move(options), observer);
  }

  /// A file of a snapshot, mapped for reading and kept from removal meanwhile: store/mapped_weights.hpp. Blocking; from any
  /// thread.
  /// @param path  absolute: snapshot::path_of()
  /// @throws error
  [[nodiscard]] mapped_weights mapped(const std::string& path) const {
    return mapped_weights::map(path, config_);
  }

  /// Reads the headers of a repo's weights, by ranges: inspect.hpp. Changes nothing on disk.
  /// @param which    copied
  /// @param options  copied; which files, of which revision
  /// @param token    completion signature `void(std::exception_ptr, hubcache::inspected_repo)`
  template <class Token>
  auto async_inspect(repo which, snapshot_options options, Token&& token) {
    return spawn(hubcache::inspect(services_for({}), std::move(which), std::move(options)),
                 std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  [[nodiscard]] inspected_repo inspect(repo which, snapshot_options options = snapshot_options(),
                                       const std::stop_token& stop = {}) {
    return wait(hubcache::inspect(services_for({}), std::move(which), std::move(options)), stop);
  }
  /// @}

  /// @name What a model needs
  /// Plans of several repos, or of chosen parts of one: a content that they share is moved once.
  /// @{

  /// Plans whole diffusers pipelines together, with their components from other repos: pipeline.hpp. Changes nothing on disk.
  /// @param asked  copied
  /// @param token  completion signature `void(std::exception_ptr, hubcache::pipeline_plan)`
  template <class Token>
  auto async_plan_pipelines(std::vector<pipeline_request> asked, Token&& token) {
    return spawn(prepare_pipelines(services_for({}), std::move(asked)), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  [[nodiscard]] pipeline_plan plan_pipelines(std::vector<pipeline_request> asked,
                                             const std::stop_token& stop = {}) {
    return wait(prepare_pipelines(services_for({}), std::move(asked)), stop);
  }
  /// Carries it out. Parameters and guarantee as of the async_run() of one plan; completion signature
  /// `void(std::exception_ptr, hubcache::pipelines)`.
  template <class Token>
  auto async_run(pipeline_plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }
  /// The same, unobserved.
  template <class Token>
  auto async_run(pipeline_plan what, Token&& token) {
    return async_run(std::move(what), observer_ref(), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  pipelines run(pipeline_plan what, observer_ref observer = observer_ref(),
                const std::stop_token& stop = {}) {
    return wait(hubcache::run(services_for(observer), std::move(what)), stop);
  }

  /// Plans one GGUF model, chosen by its tag: gguf_model.hpp. Changes nothing on disk. For async_run() of a bundle_plan.
  /// @param which    copied
  /// @param wish     copied
  /// @param options  copied
  /// @param token    completion signature `void(std::exception_ptr, hubcache::bundle_plan)`
  template <class Token>
  auto async_plan_gguf(repo which, gguf_wish wish, snapshot_options options, Token&& token) {
    return spawn(prepare_gguf(services_for({}), std::move(which), std::move(wish), std::move(options)),
                 std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  [[nodiscard]] bundle_plan plan_gguf(repo which, gguf_wish wish = gguf_wish(),
                                      snapshot_options options = snapshot_options(),
                                      const std::stop_token& stop = {}) {
    return wait(prepare_gguf(services_for({}), std::move(which), std::move(wish), std::move(options)), stop);
  }

  /// Plans the files of a recipe: recipe.hpp. Changes nothing on disk. For async_run() of a bundle_plan.
  /// @param what     copied
  /// @param options  copied; of every repo
  /// @param lock     copied; if there is one, its commits and bytes are taken
  /// @param token    completion signature `void(std::exception_ptr, hubcache::bundle_plan)`
  template <class Token>
  auto async_plan_recipe(recipe what, snapshot_options options, std::optional<lock_file> lock,
                         Token&& token) {
    return spawn(prepare_recipe(services_for({}), std::move(what), std::move(options), std::move(lock)),
                 std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  [[nodiscard]] bundle_plan plan_recipe(recipe what, snapshot_options options = snapshot_options(),
                                        std::optional<lock_file> lock = std::nullopt,
                                        const std::stop_token& stop = {}) {
    return wait(prepare_recipe(services_for({}), std::move(what), std::move(options), std::move(lock)), stop);
  }

  /// Carries out a plan of several repos, one after the other. Parameters and guarantee as of the async_run() of one plan;
  /// completion signature `void(std::exception_ptr, hubcache::bundle)`.
  template <class Token>
  auto async_run(bundle_plan what, observer_ref observer, Token&& token) {
    return spawn(hubcache::run(services_for(observer), std::move(what)), std::forward<Token>(token));
  }
  /// The same, unobserved.
  template <class Token>
  auto async_run(bundle_plan what, Token&& token) {
    return async_run(std::move(what), observer_ref(), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  bundle run(bundle_plan what, observer_ref observer = observer_ref(), const std::stop_token& stop = {}) {
    return wait(hubcache::run(services_for(observer), std::move(what)), stop);
  }

  /// What a lock file would say of a plan; fetches its small files alone: recipe.hpp, lock_bundle(). Completion signature
  /// `void(std::exception_ptr, hubcache::lock_file)`.
  template <class Token>
  auto async_lock(bundle_plan what, observer_ref observer, Token&& token) {
    return spawn(lock_bundle(services_for(observer), std::move(what)), std::forward<Token>(token));
  }
  /// The same, unobserved.
  template <class Token>
  auto async_lock(bundle_plan what, Token&& token) {
    return async_lock(std::move(what), observer_ref(), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  [[nodiscard]] lock_file lock(bundle_plan what, observer_ref observer = observer_ref(),
                               const std::stop_token& stop = {}) {
    return wait(lock_bundle(services_for(observer), std::move(what)), stop);
  }

  /// Makes a directory show files of several snapshots: store/assembly.hpp.
  /// @param what   copied
  /// @param token  completion signature `void(std::exception_ptr, hubcache::assembly_report)`
  template <class Token>
  auto async_assemble(assembly what, Token&& token) {
    return spawn(hubcache::assemble(services_for({}), std::move(what)), std::forward<Token>(token));
  }
  /// The same, blocking. @throws error
  assembly_report assemble(assembly what, const std::stop_token& stop = {}) {
    return wait(hubcache::assemble(services_for({}), std::move(what)), stop);
  }
  /// @}

  /// What this cache was made with. Any thread.
  [[nodiscard]] const settings& config() const noexcept { return config_; }
  /// Work given to it runs: an own network thread is started. @throws error errc::internal if there can be none
  [[nodiscard]] const asio::any_io_executor& executor() const {
    if (own_) own_->start();
    return executor_;
  }
  /// Thread-safe as the index is.
  [[nodiscard]] Index& index() noexcept { return index_; }

 private:
  /// What all constructors do. @param given moved from
  template <class... Given>
  basic_cache(detail::cache_threads where, settings config, Given&... given)
      : own_(std::move(where.own)),
        executor_(std::move(where.executor)),
        pool_(where.pool),
        config_(std::move(config)),
        transport_(detail::policy_from<Transport>(executor_, config_, given...)),
        hashes_(detail::policy_from<Hashes>(executor_, config_, given...)),
        links_(detail::policy_from<Link>(executor_, config_, given...)),
        index_(detail::policy_from<Index>(executor_, config_, given...)) {
    static_assert((detail::gives_one_of<Given, Transport, Hashes, Link, Index> && ...),
                  "an argument of basic_cache is neither one of its policies nor a function that makes one: "
                  "see docs/extending/README.md");
    static_assert(detail::given_once<Transport, Given...> && detail::given_once<Hashes, Given...> &&
                      detail::given_once<Link, Given...> && detail::given_once<Index, Given...>,
                  "a policy of basic_cache is given twice: see docs/extending/README.md");
  }

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
  T wait(asio::awaitable<T> operation, const std::stop_token& stop) {
    refuse_own_thread();
    using outcome = std::pair<T, std::shared_ptr<const error>>;
    std::promise<outcome> done;
    auto result = done.get_future();
    auto ended = [done = std::move(done)](const std::exception_ptr& failure, T value) mutable {
      done.set_value(outcome(std::move(value), error_of(failure)));
    };
    // Signals belong to the operation's thread; a request that is posted there may find that it has ended.
    const auto signal = std::make_shared<asio::cancellation_signal>();
    spawn(std::move(operation), asio::bind_cancellation_slot(signal->slot(), std::move(ended)));
    const std::stop_callback on_request(stop, [this, signal] {
      asio::post(executor_, [signal] { signal->emit(asio::cancellation_type::terminal); });
    });
    auto [value, failure] = result.get();
    if (failure) throw error(*failure);
    return std::move(value);
  }

  std::unique_ptr<own_threads> own_;  // first: what follows lives on its executor
  asio::any_io_executor executor_;
  workers& pool_;
  settings config_;
  Transport transport_;
  Hashes hashes_;
  Link links_;
  Index index_;
};

#if defined(HUBCACHE_SEPARATE_COMPILATION)
extern template class basic_cache<https_transport, default_hashes, default_link, mapped_index>;
#endif

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/cache.ipp>
#endif
