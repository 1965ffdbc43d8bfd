#include <hubcache/fetch/pace.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

using hubcache::errc;
using hubcache::pace;
using namespace std::chrono_literals;

namespace {

/// A network in steps of 10 ms: so much for each connection, so much for all together.
struct simulated_network {
  double each = 8e6;
  double all = 1e12;
  pace::clock::time_point now{};
  pace speed{32, now};

  void run(std::chrono::milliseconds time) {
    for (const auto end = now + time; now < end;) {
      now += 10ms;
      const auto width = speed.width();
      const auto rate = std::min(each * static_cast<double>(width), all);
      for (std::size_t i = 0; i < width; ++i) {
        speed.received(static_cast<std::uint64_t>(rate / 100 / static_cast<double>(width)), width, now);
      }
    }
  }
};

}  // namespace

TEST_CASE("where each connection has its limit, soon all run") {
  simulated_network net;
  CHECK(net.speed.width() == 16);
  net.run(2s);
  CHECK(net.speed.width() == 32);
}

TEST_CASE("where all share one limit, more connections are tried and given up") {
  simulated_network net;
  net.all = 40e6;
  net.run(3s);
  CHECK(net.speed.width() == 16);
}

TEST_CASE("the plateau is found where it begins, give or take a step") {
  simulated_network net;
  net.all = 8e6 * 24;
  net.run(4s);
  CHECK(net.speed.width() >= 20);
  CHECK(net.speed.width() <= 26);
}

TEST_CASE("a network that grows is noticed after a while") {
  simulated_network net;
  net.all = 40e6;
  net.run(4s);
  REQUIRE(net.speed.width() == 16);
  net.all = 1e12;
  net.run(8s);
  CHECK(net.speed.width() > 16);
}

TEST_CASE("a server that wants fewer gets half, once for what fails together, and at least one is left") {
  for (const auto reason :
       {errc::rate_limited, errc::server_failed, errc::connection_lost, errc::timed_out}) {
    simulated_network net;
    net.run(5s);
    REQUIRE(net.speed.width() == 32);
    for (int i = 0; i < 32; ++i) net.speed.failed(reason, net.now);
    CHECK(net.speed.width() == 16);
    net.run(1s);
    CHECK(net.speed.width() == 16);
    for (int i = 0; i < 10; ++i) net.speed.failed(reason, net.now += 2s);
    CHECK(net.speed.width() == 1);
  }
}

TEST_CASE("failures that do not come from the number of exchanges do not change it") {
  simulated_network net;
  for (const auto reason :
       {errc::digest_mismatch, errc::size_mismatch, errc::file_not_found, errc::unauthorized})
    net.speed.failed(reason, net.now);
  CHECK(net.speed.width() == 16);
}

TEST_CASE("what fewer exchanges than allowed bring says nothing about the width") {
  pace speed(32, {});
  pace::clock::time_point now{};
  for (int i = 0; i < 1000; ++i) speed.received(1'000'000, 15, now += 10ms);
  CHECK(speed.width() == 16);
}

TEST_CASE("the user's number is the bound") {
  for (const std::size_t most : {0U, 1U, 3U, 12U}) {
    simulated_network net;
    net.speed = pace(most, net.now);
    net.run(5s);
    CHECK(net.speed.width() == std::max<std::size_t>(most, 1));
  }
}

TEST_CASE("a range is as large as keeps the wait for its first byte at about 2 %") {
  constexpr std::uint64_t mebibyte = 1 << 20;
  pace unknown(8, {});
  CHECK(unknown.range_size() == 8 * mebibyte);
  pace far(8, {});
  far.exchanged(8 * mebibyte, 100ms, 1s);
  CHECK(far.range_size() == 40 * mebibyte);
  pace near(8, {});
  near.exchanged(8 * mebibyte, 1ms, 1s);
  CHECK(near.range_size() == 4 * mebibyte);
  pace fast(8, {});
  fast.exchanged(256 * mebibyte, 500ms, 100ms);
  CHECK(fast.range_size() == 256 * mebibyte);
}
