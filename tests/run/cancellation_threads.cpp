#include <hubcache/cache.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/post.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <support/machine.hpp>
#include <thread>

using test::machine;

namespace {

int rounds() { return std::getenv("HUBCACHE_TEST_FULL") != nullptr ? 500 : 25; }

/// How a future ended: none if it brought its value.
std::optional<hubcache::errc> failure_of(std::future<hubcache::snapshot>& done) {
  try {
    static_cast<void>(done.get());
  } catch (const hubcache::error& e) {
    return e.reason();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a future is cancelled from another thread at any time, and the cache goes on") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  for (int round = 0; round < rounds(); ++round) {
    machine here(hub);
    asio::cancellation_signal stop;
    hubcache::cache cache(here.config);
    auto token = asio::bind_cancellation_slot(stop.slot(), asio::use_future);
    auto done = cache.async_snapshot("acme/tiny", hubcache::snapshot_options(), token);
    // Signals belong to the thread of their operation.
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(round * 400 % 20'000));
      asio::post(cache.executor(), [&] { stop.emit(asio::cancellation_type::terminal); });
    });
    const auto failure = failure_of(done);
    CHECK((!failure || failure == hubcache::errc::cancelled));
    other.join();
    CHECK(test::holds(cache.snapshot("acme/tiny"), embedded::tiny().files()));
  }
}

TEST_CASE("a blocking call beside one that is cancelled gets its snapshot") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  for (int round = 0; round < rounds(); ++round) {
    machine here(hub);
    asio::cancellation_signal stop;
    hubcache::cache cache(here.config);
    auto blocking = std::async(std::launch::async, [&] { return cache.snapshot("acme/tiny"); });
    auto token = asio::bind_cancellation_slot(stop.slot(), asio::use_future);
    auto cancelled = cache.async_snapshot("acme/tiny", hubcache::snapshot_options(), token);
    std::this_thread::sleep_for(std::chrono::microseconds(round * 500 % 20'000));
    asio::post(cache.executor(), [&] { stop.emit(asio::cancellation_type::terminal); });
    static_cast<void>(failure_of(cancelled));
    CHECK(test::holds(blocking.get(), embedded::tiny().files()));
  }
}

TEST_CASE("a cache is destroyed in the middle of an operation, and the next one completes it") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  for (int round = 0; round < rounds(); ++round) {
    machine here(hub);
    std::future<hubcache::snapshot> done;
    {
      hubcache::cache cache(here.config);
      done = cache.async_snapshot("acme/tiny", hubcache::snapshot_options(), asio::use_future);
      std::this_thread::sleep_for(std::chrono::microseconds(round * 400 % 20'000));
    }
    CHECK(done.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
    CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  }
}
