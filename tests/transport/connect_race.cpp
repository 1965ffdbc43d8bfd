#include <hubcache/transport/connect_race.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "transport/scripted_server.hpp"
#include "transport/silent_address.hpp"

namespace {

using asio::ip::tcp;
using hubcache::detail::in_turns;
using std::chrono::milliseconds;

tcp::endpoint at(const std::string& address, std::uint16_t port) {
  return {asio::ip::make_address(address), port};
}

/// How many sockets of this machine wait for an answer from `port`, by Linux' own list.
std::size_t attempts_at(std::uint16_t port) {
  char wanted[16];
  std::snprintf(wanted, sizeof wanted, ":%04X 02 ", port);  // remote port, state SYN_SENT
  std::ifstream list("/proc/self/net/tcp");
  std::size_t count = 0;
  for (std::string line; std::getline(list, line);) count += line.find(wanted) != line.npos;
  return count;
}

/// A race on a context of its own.
struct race {
  /// Starts it; run() carries it out.
  race(std::vector<tcp::endpoint> addresses, std::chrono::steady_clock::duration limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    auto store = [this](std::exception_ptr failed, asio::error_code ec) {
      try {
        if (failed) std::rethrow_exception(failed);
        result = ec;
      } catch (const std::system_error& e) {
        result = e.code();
      }
    };
    asio::co_spawn(io, hubcache::detail::connect_first(socket, std::move(addresses), deadline),
                   asio::bind_cancellation_slot(signal.slot(), std::move(store)));
  }
  /// What it ends with. Nothing may be left to do then.
  asio::error_code run() {
    io.run_for(std::chrono::seconds(10));
    REQUIRE(io.stopped());
    REQUIRE(result);
    return *result;
  }

  asio::io_context io;
  tcp::socket socket{io};
  asio::cancellation_signal signal;
  std::optional<asio::error_code> result;
};

constexpr auto long_time = std::chrono::hours(1);  // a race that waits it out fails its test

scripted::server accepting() {
  return scripted::server([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
}

TEST_CASE("addresses are tried by families in turns, the first one's family first") {
  const auto a = at("::1", 1), b = at("::1", 2), c = at("::1", 3);
  const auto x = at("127.0.0.1", 1), y = at("127.0.0.1", 2);
  using list = std::vector<tcp::endpoint>;
  CHECK(in_turns({a, b, c, x, y}) == list{a, x, b, y, c});
  CHECK(in_turns({x, a, b, c}) == list{x, a, b, c});
  CHECK(in_turns({x, y}) == list{x, y});
  CHECK(in_turns({}).empty());
}

TEST_CASE("an address that refuses gives way to the next one at once") {
  const auto server = accepting();
  race one({at("::1", scripted::unused_port()), at("127.0.0.1", server.port())}, long_time);
  CHECK_FALSE(one.run());
  CHECK(one.socket.remote_endpoint() == at("127.0.0.1", server.port()));
}

TEST_CASE("a program that is started while a connection is open does not inherit it") {
  const auto server = accepting();
  race one({at("127.0.0.1", server.port())}, long_time);
  CHECK_FALSE(one.run());
  const auto flags = ::fcntl(one.socket.native_handle(), F_GETFD);
  REQUIRE(flags >= 0);
  CHECK((flags & FD_CLOEXEC) != 0);
}

TEST_CASE("an address that swallows packets costs its head start, not the timeout") {
  const auto server = accepting();
  const scripted::silent_address silent("127.0.0.3");
  race one({at("127.0.0.3", silent.port()), at("127.0.0.1", server.port())}, long_time);
  one.io.run_for(milliseconds(20));
  CHECK(attempts_at(silent.port()) == 1);
  CHECK_FALSE(one.run());
  CHECK(one.socket.remote_endpoint() == at("127.0.0.1", server.port()));
  CHECK(attempts_at(silent.port()) == 0);
}

TEST_CASE("many silent addresses leave time for the last one") {
  const auto server = accepting();
  const scripted::silent_address silent("127.0.0.3");
  std::vector<tcp::endpoint> addresses(4, at("127.0.0.3", silent.port()));
  addresses.push_back(at("127.0.0.1", server.port()));
  race one(addresses, milliseconds(900));  // less than four head starts
  CHECK_FALSE(one.run());
}

TEST_CASE("the race ends at its deadline, and no attempt goes on") {
  const scripted::silent_address silent("127.0.0.3");
  race one({at("127.0.0.3", silent.port()), at("127.0.0.3", silent.port())}, milliseconds(60));
  CHECK(one.run() == asio::error::timed_out);
  CHECK(attempts_at(silent.port()) == 0);
  CHECK_FALSE(one.socket.is_open());
}

TEST_CASE("when all addresses fail, the reason is the one that tells most") {
  const auto nobody = at("127.0.0.1", scripted::unused_port());
  const auto no_route = at("255.255.255.255", 1);  // never a peer of TCP
  for (const auto& addresses : {std::vector{nobody, no_route}, std::vector{no_route, nobody}}) {
    race one(addresses, long_time);
    CHECK(one.run() == asio::error::connection_refused);
  }
  race none({no_route}, long_time);
  CHECK(none.run() == asio::error::network_unreachable);
}

TEST_CASE("a race that is cancelled leaves nothing") {
  const scripted::silent_address silent("127.0.0.3");
  race one({at("127.0.0.3", silent.port()), at("127.0.0.3", silent.port())}, milliseconds(5000));
  asio::steady_timer later(one.io, milliseconds(20));
  later.async_wait([&](const asio::error_code&) { one.signal.emit(asio::cancellation_type::terminal); });
  CHECK(one.run() == asio::error::operation_aborted);
  CHECK(attempts_at(silent.port()) == 0);
}

TEST_CASE("a race may go with its context") {
  const scripted::silent_address silent("127.0.0.3");
  {
    race one({at("127.0.0.3", silent.port()), at("127.0.0.3", silent.port())}, long_time);
    one.io.run_for(milliseconds(20));
    CHECK(attempts_at(silent.port()) == 1);
  }
  CHECK(attempts_at(silent.port()) == 0);
}

}  // namespace
