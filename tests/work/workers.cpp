#include <hubcache/work/workers.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

using hubcache::job;
using hubcache::serial_queue;
using hubcache::workers;
using namespace std::chrono_literals;

namespace {

/// Waits until `pool` has run all that was posted so far to its one thread.
void drain(workers& pool) {
  std::promise<void> promise;
  const auto reached = promise.get_future();
  pool.post([promise = std::move(promise)]() mutable { promise.set_value(); });
  reached.wait();
}

std::vector<int> numbers_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

TEST_CASE("A job may own what cannot be copied") {
  int seen = 0;
  job work([&seen, owned = std::make_unique<int>(7)] { seen = *owned; });
  CHECK(static_cast<bool>(work));
  work();
  CHECK(seen == 7);
  CHECK_FALSE(static_cast<bool>(job()));
}

TEST_CASE("One thread runs jobs in the order posted") {
  workers pool(1);
  std::vector<int> seen;
  for (int i = 0; i < 100; ++i) pool.post([&seen, i] { seen.push_back(i); });
  drain(pool);
  CHECK(seen == numbers_to(100));
}

TEST_CASE("Two threads run two jobs at the same time") {
  std::promise<void> first, second;
  auto first_begun = first.get_future().share();
  auto second_begun = second.get_future().share();
  std::promise<bool> met;
  workers pool(2);
  CHECK(pool.threads() == 2);
  pool.post([&] {
    first.set_value();
    met.set_value(second_begun.wait_for(10s) == std::future_status::ready);
  });
  pool.post([&] {
    second.set_value();
    first_begun.wait_for(10s);
  });
  CHECK(met.get_future().get());
}

TEST_CASE("By default there are as many threads as cores, but 1 to 8") {
  const workers pool;
  CHECK(pool.threads() >= 1);
  CHECK(pool.threads() <= 8);
}

TEST_CASE("No thread starts before there is a job, and no more than there are jobs") {
  const auto running = [] {
    namespace fs = std::filesystem;
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  const auto before = running();  // those that ended may still count
  workers pool(4);
  CHECK(running() <= before);
  drain(pool);
  CHECK(running() <= before + 1);
}

TEST_CASE("What a job owned is gone before the next job of its thread runs") {
  workers pool(1);
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = owned;
  pool.post([kept = std::move(owned)] {});
  bool gone = false;
  pool.post([&] { gone = watched.expired(); });
  drain(pool);
  CHECK(gone);
}

TEST_CASE("The end of workers waits for the job that runs, and drops those that have not begun") {
  const auto waiting = std::make_shared<int>(0);
  std::atomic<bool> finished = false;
  std::atomic<int> begun_late = 0;
  {
    std::promise<void> begun;
    workers pool(1);
    pool.post([&] {
      begun.set_value();
      std::this_thread::sleep_for(20ms);
      finished = true;
    });
    begun.get_future().wait();
    for (int i = 0; i < 10; ++i) pool.post([waiting, &begun_late] { ++begun_late; });
    CHECK(waiting.use_count() == 11);
  }
  CHECK(finished);
  CHECK(begun_late == 0);
  CHECK(waiting.use_count() == 1);
}

TEST_CASE("An embedder's post gets every job; it owns the threads") {
  std::vector<job> given;
  int runs = 0;
  {
    workers pool([&given](job work) { given.push_back(std::move(work)); });
    CHECK(pool.threads() == 0);
    pool.post([&runs] { ++runs; });
    pool.post([&runs] { ++runs; });
  }
  REQUIRE(given.size() == 2);
  CHECK(runs == 0);
  for (auto& work : given) work();
  CHECK(runs == 2);
}

TEST_CASE("Jobs may be posted from many threads at once, and from jobs") {
  std::atomic<int> done = 0;
  std::promise<void> all;
  constexpr int each = 200;
  const auto count = [&] {
    if (++done == 4 * each * 2) all.set_value();
  };
  workers pool(4);
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        pool.post([&] {
          pool.post(count);
          count();
        });
      }
    });
  }
  for (auto& poster : posters) poster.join();
  CHECK(all.get_future().wait_for(30s) == std::future_status::ready);
}

TEST_CASE("A serial queue runs its jobs in order and never two at a time, on any number of threads") {
  std::vector<int> seen;  // not guarded: that is the point
  std::promise<void> last;
  workers pool(4);
  serial_queue queue(pool);
  for (int i = 0; i < 2000; ++i) queue.post([&seen, i] { seen.push_back(i); });
  queue.post([&last] { last.set_value(); });
  last.get_future().wait();
  CHECK(seen == numbers_to(2000));
}

TEST_CASE("Serial queues do not wait for each other") {
  std::promise<void> release, ran;
  workers pool(2);
  serial_queue blocked(pool), free(pool);
  blocked.post([&] { release.get_future().wait(); });
  free.post([&] { ran.set_value(); });
  CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
  release.set_value();
}

TEST_CASE("Jobs of a serial queue run although the queue itself is gone") {
  std::promise<void> release;
  std::vector<int> seen;
  workers pool(1);
  pool.post([&release] { release.get_future().wait(); });
  {
    serial_queue queue(pool);
    for (int i = 0; i < 3; ++i) queue.post([&seen, i] { seen.push_back(i); });
  }
  release.set_value();
  drain(pool);
  CHECK(seen == numbers_to(3));
}

TEST_CASE("What a job owned may post others when it is dropped; these are dropped, too") {
  /// Posts many jobs at its end.
  struct posting {
    posting(workers& p, std::shared_ptr<int> w) : pool(p), witness(std::move(w)) {}
    posting(const posting&) = delete;
    posting& operator=(const posting&) = delete;
    ~posting() {
      for (int i = 0; i < 100; ++i) pool.post([kept = witness] {});
    }
    workers& pool;
    std::shared_ptr<int> witness;
  };
  const auto witness = std::make_shared<int>();
  std::promise<void> begun;
  auto pool = std::make_unique<workers>(1);
  pool->post([&begun] {
    begun.set_value();
    std::this_thread::sleep_for(20ms);
  });
  begun.get_future().wait();
  for (int i = 0; i < 10; ++i) pool->post([owned = std::make_unique<posting>(*pool, witness)] {});
  pool.reset();
  CHECK(witness.use_count() == 1);
}

TEST_CASE("The end of workers drops jobs of a serial queue that own the queue") {
  const auto witness = std::make_shared<int>();
  {
    std::promise<void> begun;
    workers pool(1);
    pool.post([&begun] {
      begun.set_value();
      std::this_thread::sleep_for(20ms);
    });
    begun.get_future().wait();
    const auto queue = std::make_shared<serial_queue>(pool);
    for (int i = 0; i < 3; ++i) queue->post([queue, witness] {});
  }
  CHECK(witness.use_count() == 1);
}
