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
#include <stop_token>
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

TEST_CASE("a blocking call is stopped from another thread at any time, and the cache goes on") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  for (int round = 0; round < rounds(); ++round) {
    machine here(hub);
    hubcache::cache cache(here.config);
    const hubcache::snapshot_options options;
    std::stop_source stop;
    auto blocking = std::async(std::launch::async, [&] {
      return cache.run(cache.plan("acme/tiny", options, stop.get_token()), {}, stop.get_token());
    });
    std::this_thread::sleep_for(std::chrono::microseconds(round * 500 % 20'000));
    stop.request_stop();
    const auto failure = failure_of(blocking);
    CHECK((!failure || failure == hubcache::errc::cancelled));
    CHECK(test::holds(cache.snapshot("acme/tiny", options, {}, std::stop_token()), embedded::tiny().files()));
  }
}

TEST_CASE("a blocking call that is stopped while content arrives ends there, and the next one goes on") {
  embedded::hub hub;
  hub.put(embedded::one_file(3'000'000));
  hub.set_bytes_per_second(1'000'000);
  machine here(hub);
  hubcache::cache cache(here.config);
  std::stop_source stop;
  std::uint64_t resumed = 0;
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::advanced>(e)) stop.request_stop();
    if (const auto* news = std::get_if<hubcache::events::started>(&e)) resumed = news->resumed;
  };
  auto blocking = std::async(std::launch::async, [&] {
    return cache.snapshot("acme/one", hubcache::snapshot_options(), observer, stop.get_token());
  });
  CHECK(failure_of(blocking) == hubcache::errc::cancelled);
  hub.set_bytes_per_second(0);
  const auto got = cache.snapshot("acme/one", hubcache::snapshot_options(), observer);
  CHECK(test::holds(got, embedded::one_file(3'000'000).files()));
  CHECK(resumed > 0);
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
