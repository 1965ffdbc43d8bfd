/// The same call in four ways: blocking, with a callback, as a future, and awaited by a coroutine.
#include <hubcache.hpp>

#include <asio/co_spawn.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <exception>
#include <future>
#include <iostream>
#include <string>
#include <utility>

namespace {

void tell(const char* way, const hubcache::snapshot& got) {
  std::cout << way << ": " << got.path << " (" << to_string(got.totals) << ")\n";
}

/// This thread waits. A failure is thrown.
void blocking(hubcache::cache& cache, const std::string& repo) { tell("blocking", cache.snapshot(repo)); }

/// Returns at once. The callback runs on the cache's thread, so it must be quick; a failure is its first argument.
std::future<void> with_callback(hubcache::cache& cache, const std::string& repo) {
  std::promise<void> told;
  auto done = told.get_future();
  auto callback = [told = std::move(told)](const std::exception_ptr& failure,
                                           const hubcache::snapshot& got) mutable {
    if (failure) return told.set_exception(failure);
    tell("callback", got);
    told.set_value();
  };
  cache.async_snapshot(repo, hubcache::snapshot_options(), std::move(callback));
  return done;
}

/// Returns at once. The failure is thrown by get().
std::future<hubcache::snapshot> as_future(hubcache::cache& cache, const std::string& repo) {
  return cache.async_snapshot(repo, hubcache::snapshot_options(), asio::use_future);
}

/// Reads like the blocking form and blocks nobody. A failure is thrown where it is awaited.
asio::awaitable<void> awaited(hubcache::cache& cache, std::string repo) {
  // Options are named first: g++ 12 destroys some temporaries of a co_await expression twice.
  const hubcache::snapshot_options options;
  const auto got = co_await cache.async_snapshot(repo, options, asio::use_awaitable);
  tell("coroutine", got);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string repo = argc > 1 ? argv[1] : "hf-internal-testing/tiny-random-gpt2";
  try {
    hubcache::cache cache;
    blocking(cache, repo);
    with_callback(cache, repo).get();
    tell("future", as_future(cache, repo).get());
    asio::co_spawn(cache.executor(), awaited(cache, repo), asio::use_future).get();
  } catch (const hubcache::error& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
