#include <hubcache/fetch/slots.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

using hubcache::exchange_slots;
using lane = exchange_slots::lane;

namespace {

/// Takers that keep what they get until the test takes it from them.
struct takers {
  explicit takers(std::size_t most) : slots(context.get_executor(), most) {}

  asio::awaitable<void> one(lane who, exchange_slots::file* of) {
    auto granted = co_await slots.take(who, of);
    if (!granted) {
      ++dismissed;
      co_return;
    }
    order.push_back(who);
    held.push_back(std::move(*granted));
  }
  void take(lane who, std::size_t count = 1, exchange_slots::file* of = nullptr) {
    for (std::size_t i = 0; i < count; ++i) asio::co_spawn(context, one(who, of), asio::detached);
    settle();
  }
  void settle() {
    context.restart();
    context.poll();
  }
  void release() {
    held.erase(held.begin());
    settle();
  }

  asio::io_context context;
  exchange_slots slots;
  std::vector<exchange_slots::slot> held;
  std::vector<lane> order;
  std::size_t dismissed = 0;
};

}  // namespace

TEST_CASE("no more exchanges are in flight than there are slots, and who waits gets the next") {
  takers t(4);
  t.take(lane::big, 6);
  CHECK(t.order.size() == 4);
  t.release();
  CHECK(t.order.size() == 5);
  t.release();
  CHECK(t.order.size() == 6);
}

TEST_CASE("while both kinds wait, small files have a quarter, and big ones the rest") {
  takers t(8);
  t.take(lane::big, 20);
  t.take(lane::small, 20);
  CHECK(std::count(t.order.begin(), t.order.end(), lane::big) == 8);
  for (int i = 0; i < 8; ++i) t.release();
  CHECK(std::count(t.order.begin() + 8, t.order.end(), lane::small) == 2);
}

TEST_CASE("a kind that nobody competes with has all slots") {
  takers t(8);
  t.take(lane::small, 9);
  CHECK(std::count(t.order.begin(), t.order.end(), lane::small) == 8);
}

TEST_CASE("of two files the one with fewer exchanges gets the next") {
  takers t(2);
  exchange_slots::file many(t.slots);
  exchange_slots::file none(t.slots);
  t.take(lane::big, 2, &many);
  t.take(lane::big, 1, &many);
  t.take(lane::big, 1, &none);
  t.release();
  t.take(lane::big, 1, &none);
  REQUIRE(t.order.size() == 3);
  none.wants_no_more();
  t.settle();
  CHECK(t.dismissed == 1);  // its second; its first has got the slot
  t.held.clear();
}

TEST_CASE("who waits for a file that wants no more is let go, the others keep their turn") {
  takers t(1);
  exchange_slots::file done(t.slots);
  exchange_slots::file other(t.slots);
  t.take(lane::big, 1);
  t.take(lane::big, 3, &done);
  t.take(lane::big, 1, &other);
  done.wants_no_more();
  t.settle();
  CHECK(t.dismissed == 3);
  CHECK(t.order.size() == 1);
  t.release();
  CHECK(t.order.size() == 2);
  t.held.clear();
}

TEST_CASE("who waits in a lane that is closed is let go, and so is who comes later; the other lane goes on") {
  takers t(1);
  t.take(lane::small, 3);
  t.take(lane::big, 1);
  t.slots.close(lane::small);
  t.settle();
  CHECK(t.dismissed == 2);
  t.take(lane::small, 1);
  CHECK(t.dismissed == 3);
  t.release();
  t.take(lane::small, 1);
  CHECK(t.dismissed == 4);
  CHECK(t.order == std::vector{lane::small, lane::big});
}

TEST_CASE("a cancelled taker leaves the queue, and no slot is lost with it") {
  takers t(1);
  t.take(lane::big);
  asio::cancellation_signal stop;
  bool ended = false;
  asio::co_spawn(t.context, t.one(lane::big, nullptr),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { ended = true; }));
  t.settle();
  t.take(lane::big);
  stop.emit(asio::cancellation_type::terminal);
  t.settle();
  CHECK(ended);
  t.release();
  CHECK(t.order.size() == 2);
}

TEST_CASE("slots may outlive what gave them, and frames may be destroyed while they wait") {
  std::optional<exchange_slots::slot> kept;
  {
    takers t(1);
    t.take(lane::big, 3);
    kept = std::move(t.held.front());
    t.held.clear();
  }
  kept.reset();
}
