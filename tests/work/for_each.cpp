#include <hubcache/work/for_each.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using hubcache::for_each_index;
using hubcache::job;
using hubcache::workers;

namespace {

/// An embedder's executor that runs nothing until it is told to.
struct idle_executor {
  std::vector<job> waiting;
  workers pool{[this](job work) { waiting.push_back(std::move(work)); }};
};

}  // namespace

TEST_CASE("Every index is worked on once") {
  workers pool(4);
  std::vector<std::atomic<int>> seen(1000);
  for_each_index(pool, seen.size(), [&](std::size_t i) { ++seen[i]; }, {});
  for (const auto& times : seen) CHECK(times == 1);
}

TEST_CASE("One thread takes the indices in order") {
  workers pool(1);
  std::vector<std::size_t> seen;
  for_each_index(pool, 100, [&](std::size_t i) { seen.push_back(i); }, {});
  std::vector<std::size_t> wanted(100);
  std::iota(wanted.begin(), wanted.end(), 0U);
  CHECK(seen == wanted);
}

TEST_CASE("The caller and a worker work at the same time") {
  workers pool(2);
  std::latch both(2);  // neither call ends before the other has begun
  for_each_index(pool, 2, [&](std::size_t) { both.arrive_and_wait(); }, {});
  CHECK(both.try_wait());
}

TEST_CASE("An embedder's threads are asked for help, and not waited for") {
  if (std::thread::hardware_concurrency() < 2) return;
  idle_executor idle;
  int calls = 0;
  for_each_index(idle.pool, 100, [&](std::size_t) { ++calls; }, {});
  CHECK(calls == 100);
  CHECK_FALSE(idle.waiting.empty());
}

TEST_CASE("Nothing is done for no indices, and no thread is asked") {
  idle_executor idle;
  for_each_index(idle.pool, 0, [](std::size_t) { FAIL("called"); }, {});
  CHECK(idle.waiting.empty());
}

TEST_CASE("A pool whose threads are all busy does not keep the caller waiting") {
  workers pool(2);
  std::promise<void> release;
  const auto released = release.get_future().share();
  for (int i = 0; i < 2; ++i) pool.post([released] { released.wait(); });
  int calls = 0;
  for_each_index(pool, 10, [&](std::size_t) { ++calls; }, {});
  CHECK(calls == 10);
  release.set_value();  // the helper that begins now finds nothing to do
}

TEST_CASE("It may be called from within a job") {
  workers pool(1);
  std::promise<int> sum;
  pool.post([&] {
    std::atomic<int> calls = 0;
    for_each_index(pool, 10, [&](std::size_t) { ++calls; }, {});
    sum.set_value(calls);
  });
  CHECK(sum.get_future().get() == 10);
}

TEST_CASE("After a stop none begins, and those that run end before the return") {
  workers pool(2);
  std::stop_source stop;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  for_each_index(
      pool, 1000,
      [&](std::size_t) {
        ++begun;
        stop.request_stop();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++ended;
      },
      stop.get_token());
  CHECK(begun <= 2);
  CHECK(begun == ended);
}

TEST_CASE("A stop that was requested before means no call at all") {
  workers pool(2);
  std::stop_source stop;
  stop.request_stop();
  for_each_index(
      pool, 10, [](std::size_t) { FAIL("called"); }, stop.get_token());
}

TEST_CASE("The first exception is rethrown after the others ended, and none begins after it") {
  workers pool(2);
  std::latch both(2);
  std::atomic<int> begun = 0;
  bool other_ended = false;
  const auto run = [&] {
    for_each_index(pool, 1000,
                   [&](std::size_t i) {
                     ++begun;
                     if (i < 2) both.arrive_and_wait();
                     if (i == 0) throw std::runtime_error("zero");
                     std::this_thread::sleep_for(std::chrono::milliseconds(50));
                     other_ended = true;
                   },
                   {});
  };
  CHECK_THROWS_WITH(run(), "zero");
  CHECK(begun < 1000);
  CHECK(other_ended);
}

TEST_CASE("A pool that takes no more jobs leaves all work to those who began") {
  workers pool([](job) { throw std::runtime_error("closed"); });
  int calls = 0;
  for_each_index(pool, 3, [&](std::size_t) { ++calls; }, {});
  CHECK(calls == 3);
}

TEST_CASE("A helper that begins after the return touches nothing of the caller") {
  workers busy(2);
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::latch blocked(2);
  for (int i = 0; i < 2; ++i) {
    busy.post([released, &blocked] {
      blocked.count_down();
      released.wait();
    });
  }
  blocked.wait();
  {
    const std::string owned(1000, 'x');
    std::size_t sum = 0;
    for_each_index(busy, 5, [&](std::size_t) { sum += owned.size(); }, {});
    CHECK(sum == 5000);
  }
  release.set_value();
  std::promise<void> drained;
  busy.post([&] { drained.set_value(); });
  drained.get_future().wait();
}
