#include <hubcache/cache.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/prefer.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <optional>
#include <pthread.h>
#include <support/machine.hpp>
#include <thread>

using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

/// An embedder's own context and workers, with a cache that starts no thread of its own.
struct embedder {
  explicit embedder(const hubcache::settings& config) : cache(context.get_executor(), pool, config) {}
  asio::io_context context{1};
  hubcache::workers pool{2};
  hubcache::cache cache;
};

/// Fulfils a promise when it is destroyed.
struct farewell {
  farewell() = default;
  farewell(const farewell&) = delete;
  farewell& operator=(const farewell&) = delete;
  ~farewell() { gone.set_value(); }
  std::promise<void> gone;
};

/// What a blocking call of a cache on `executor` ends with in a handler on `where`; nothing if it succeeds.
template <class Where>
std::optional<errc> outcome_on(const Where& where, const asio::any_io_executor& executor,
                               const hubcache::settings& config) {
  hubcache::workers pool(1);
  hubcache::cache cache(executor, pool, config);
  const auto call = [&cache]() -> std::optional<errc> {
    try {
      static_cast<void>(cache.plan("acme/tiny"));
    } catch (const hubcache::error& e) {
      return e.reason();
    }
    return std::nullopt;
  };
  return asio::post(where, asio::use_future(call)).get();
}

/// Checks every kind of executor that a `context`, which runs, has for a cache.
template <class Context>
void check_misuse(Context& context, const hubcache::settings& config) {
  const auto plain = context.get_executor();
  const asio::any_io_executor any = plain;
  const auto tracked = asio::require(plain, asio::execution::outstanding_work.tracked);
  const auto strand = asio::make_strand(plain);
  const auto any_strand = asio::make_strand(any);
  CHECK(outcome_on(plain, plain, config) == errc::misuse);
  CHECK(outcome_on(plain, tracked, config) == errc::misuse);
  CHECK(outcome_on(plain, asio::prefer(any, asio::execution::outstanding_work.tracked), config) ==
        errc::misuse);
  CHECK(outcome_on(strand, strand, config) == errc::misuse);
  CHECK(outcome_on(plain, strand, config) == errc::misuse);
  CHECK(outcome_on(plain, asio::make_strand(tracked), config) == errc::misuse);
  CHECK(outcome_on(any_strand, any_strand, config) == errc::misuse);
  CHECK(outcome_on(plain, any_strand, config) == errc::misuse);
}

}  // namespace

TEST_CASE("a coroutine awaits a plan, then runs it, on the embedder's executor") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  embedder user(here.config);
  hubcache::snapshot got;
  auto work = [&]() -> asio::awaitable<void> {
    auto plan = co_await user.cache.async_plan("acme/tiny", snapshot_options(), asio::use_awaitable);
    got = co_await user.cache.async_run(std::move(plan), asio::use_awaitable);
  };
  auto done = asio::co_spawn(user.context, work, asio::use_future);
  user.context.run();
  done.get();
  CHECK(test::holds(got, embedded::tiny().files()));
}

TEST_CASE("the plan of a recipe is locked and run by who observes nothing") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  hubcache::cache cache(here.config);
  const auto wanted = hubcache::parse_recipe("[roles.config]\nrepo = \"acme/tiny\"\nfile = \"config.json\"");
  const auto plan = cache.plan_recipe(wanted);
  CHECK(cache.async_lock(plan, asio::use_future).get() == cache.lock(plan));
  const auto got = cache.async_run(plan, asio::use_future).get();
  REQUIRE(got.files.size() == 1);
  CHECK(test::read_file(got.path_of(got.files[0])) ==
        embedded::tiny().files().at("config.json").content.text());
}

TEST_CASE("a callback gets the failure with its context") {
  embedded::hub hub;
  machine here(hub);
  embedder user(here.config);
  std::exception_ptr failure;
  user.cache.async_snapshot("no/such", snapshot_options(),
                            [&](std::exception_ptr e, const hubcache::snapshot&) { failure = e; });
  user.context.run();
  const auto what = hubcache::error_of(failure);
  REQUIRE(what);
  CHECK(what->reason() == errc::unauthorized);
  CHECK(what->context().repo == "no/such");
}

TEST_CASE("events come on the executor's thread, one at a time") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  embedder user(here.config);
  const auto own = std::this_thread::get_id();
  std::uint64_t bytes = 0;
  bool elsewhere = false;
  auto observer = [&](const hubcache::event& e) {
    elsewhere = elsewhere || std::this_thread::get_id() != own;
    if (const auto* news = std::get_if<hubcache::events::advanced>(&e)) bytes += news->bytes;
  };
  auto done = user.cache.async_snapshot("acme/tiny", snapshot_options(), observer, asio::use_future);
  user.context.run();
  CHECK(bytes == done.get().totals.bytes_fetched);
  CHECK_FALSE(elsewhere);
}

TEST_CASE("a blocking call from the cache's own thread fails instead of hanging") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  hubcache::cache cache(here.config);
  std::promise<errc> answer;
  asio::post(cache.executor(), [&] {
    try {
      static_cast<void>(cache.snapshot("acme/tiny"));
    } catch (const hubcache::error& e) {
      answer.set_value(e.reason());
    }
  });
  CHECK(answer.get_future().get() == errc::misuse);
}

TEST_CASE(
    "a blocking call from a thread that runs the embedder's executor fails, whatever kind of executor") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  asio::thread_pool pool(1);
  asio::io_context context;
  auto busy = asio::make_work_guard(context);
  std::thread runner([&context] { context.run(); });
  check_misuse(context, here.config);
  check_misuse(pool, here.config);
  // Another context's threads may wait.
  CHECK(outcome_on(pool.get_executor(), asio::make_strand(context), here.config) == std::nullopt);
  CHECK(outcome_on(context.get_executor(), asio::make_strand(pool), here.config) == std::nullopt);
  busy.reset();
  runner.join();
  pool.join();
}

TEST_CASE("the last owner of a cache may be a completion handler of its own") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  auto posted = std::make_shared<farewell>();
  auto gone = posted->gone.get_future();
  std::promise<hubcache::snapshot> done;
  auto got = done.get_future();
  bool ran = false;
  auto owner = std::make_shared<hubcache::cache>(here.config);
  auto& cache = *owner;
  auto ended = [&ran, posted = std::move(posted), done = std::move(done), owner = std::move(owner)](
                   const std::exception_ptr&, hubcache::snapshot result) mutable {
    asio::post(owner->executor(), [&ran, last = std::move(posted)] { ran = true; });
    owner.reset();
    done.set_value(std::move(result));
  };
  cache.async_snapshot("acme/tiny", snapshot_options(), std::move(ended));
  CHECK(test::holds(got.get(), embedded::tiny().files()));
  gone.get();  // the context has ended, and with it what was posted to it
  CHECK_FALSE(ran);
}

TEST_CASE("calls from several threads start the network thread once") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  hubcache::cache cache(here.config);
  const auto plan = [&cache] { return cache.plan("acme/tiny").listing.commit; };
  auto one = std::async(std::launch::async, plan);
  auto two = std::async(std::launch::async, plan);
  CHECK(one.get() == two.get());
}

#if defined(__GLIBC__)
TEST_CASE("a network thread that cannot be started fails the call, and the next call tries again") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  hubcache::cache cache(here.config);
  pthread_attr_t usual, huge;
  REQUIRE(::pthread_getattr_default_np(&usual) == 0);
  REQUIRE(::pthread_getattr_default_np(&huge) == 0);
  REQUIRE(::pthread_attr_setstacksize(&huge, std::size_t{1} << 50U) == 0);  // more than there are addresses
  REQUIRE(::pthread_setattr_default_np(&huge) == 0);
  const auto failed = [&cache]() -> std::optional<errc> {
    try {
      static_cast<void>(cache.snapshot("acme/tiny"));
    } catch (const hubcache::error& e) {
      return e.reason();
    }
    return std::nullopt;
  }();
  REQUIRE(::pthread_setattr_default_np(&usual) == 0);
  CHECK(failed == errc::internal);
  CHECK(test::holds(cache.snapshot("acme/tiny"), embedded::tiny().files()));
}
#endif

TEST_CASE("cancellation at any moment ends the call soon, keeps what arrived, and leaves the cache usable") {
  embedded::hub hub;
  hub.put(embedded::one_file(3'000'000));
  hub.set_bytes_per_second(30'000'000);
  const auto whole = embedded::one_file(3'000'000).files().begin()->second.content.text();
  for (int step = 0; step < 24; ++step) {
    machine here(hub);
    embedder user(here.config);
    asio::cancellation_signal stop;
    asio::steady_timer timer(user.context, std::chrono::milliseconds(step * 5));
    timer.async_wait([&](const std::error_code&) { stop.emit(asio::cancellation_type::terminal); });
    std::exception_ptr failure;
    bool called = false;
    auto ended = [&](std::exception_ptr e, const hubcache::snapshot&) {
      failure = e;
      called = true;
    };
    user.cache.async_snapshot("acme/one", snapshot_options(),
                              asio::bind_cancellation_slot(stop.slot(), ended));
    user.context.run();
    REQUIRE(called);
    if (failure) {
      CHECK(hubcache::error_of(failure)->reason() == errc::cancelled);
      for (const auto& named : test::names_ending(here.repo_dir("acme/one") / "snapshots", "safetensors")) {
        CHECK(test::read_file(named) == whole);
      }
      CHECK(test::names_ending(here.config.state_dir + "/locks", ".lock").empty());
    }
    user.context.restart();
    auto again = user.cache.async_snapshot("acme/one", snapshot_options(), asio::use_future);
    user.context.run();
    CHECK(test::holds(again.get(), embedded::one_file(3'000'000).files()));
  }
}

TEST_CASE("two caches that want the same content at once fetch it once") {
  embedded::hub hub;
  hub.put(embedded::one_file(2'000'000));
  hub.put(embedded::twin_of(embedded::one_file(2'000'000)));
  hub.set_bytes_per_second(20'000'000);
  for (int round = 0; round < 5; ++round) {
    machine here(hub);
    hub.log().clear();
    hubcache::cache first(here.config);
    hubcache::cache second(here.config);
    auto a = first.async_snapshot("acme/one", snapshot_options(), asio::use_future);
    auto b = second.async_snapshot(round % 2 == 0 ? "acme/one" : "other/twin", snapshot_options(),
                                   asio::use_future);
    const auto got_a = a.get();
    const auto got_b = b.get();
    CHECK(test::holds(got_a, embedded::one_file(2'000'000).files()));
    CHECK(test::holds(got_b, embedded::one_file(2'000'000).files()));
    CHECK(hub.log().content_bytes_sent() == 2'000'000);
    CHECK(got_a.totals.bytes_fetched + got_b.totals.bytes_fetched == 2'000'000);
  }
}
