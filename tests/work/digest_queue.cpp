#include <hubcache/work/digest_queue.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <support/patterned.hpp>
#include <thread>
#include <vector>

using hubcache::as_byte_view;
using hubcache::digest_algorithm;

namespace {

const hubcache::default_hashes hashes;

/// Always takes 3 to 5 streams in lanes, so that tests do not depend on the CPU. Counts those it took so.
class narrow_lanes {
 public:
  static constexpr auto algorithm = digest_algorithm::sha256;
  static inline std::atomic<std::size_t> together = 0;

  void update(hubcache::byte_view bytes) noexcept { inner_.update(bytes); }
  [[nodiscard]] hubcache::digest finish() noexcept { return inner_.finish(); }
  [[nodiscard]] static hubcache::lane_range lanes() noexcept { return {3, 5}; }
  static void update_many(std::span<narrow_lanes* const> streams, std::span<const std::byte* const> bytes,
                          std::size_t size) noexcept {
    together = std::max(together.load(), streams.size());
    for (std::size_t i = 0; i < streams.size(); ++i) streams[i]->update({bytes[i], size});
  }

 private:
  hubcache::openssl_sha256 inner_;
};
static_assert(hubcache::lane_hasher<narrow_lanes>);
const hubcache::hash_set<narrow_lanes, hubcache::openssl_sha1> narrow_hashes;

/// Appends a text to a stream piece by piece, the next when the last is hashed, and takes its digest at the end.
class feeder {
 public:
  feeder(hubcache::digest_queue& queue, digest_algorithm algorithm, std::size_t size, std::size_t piece)
      : text(test::patterned(size)), stream(queue.open(algorithm, size)), piece_(piece) {}

  /// @param finished  told the digest, on a worker
  void feed(const std::function<void(hubcache::digest)>& finished) {
    const auto bytes = as_byte_view(text).subspan(fed_, std::min(piece_, text.size() - fed_));
    fed_ += bytes.size();
    stream.append(bytes, [this, finished] {
      if (fed_ < text.size()) return feed(finished);
      finished(stream.finish());
    });
  }

  std::string text;
  hubcache::digest_queue::stream stream;

 private:
  std::size_t piece_;
  std::size_t fed_ = 0;
};

void check_unequal_streams(hubcache::workers& pool, const hubcache::hash_set_ref& by) {
  hubcache::digest_queue queue(pool, by);
  std::vector<std::unique_ptr<feeder>> feeders;
  std::vector<hubcache::digest> found(60);
  std::mutex mutex;
  std::condition_variable change;
  std::size_t ended = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto algorithm = i % 7 == 0 ? digest_algorithm::git_sha1 : digest_algorithm::sha256;
    const auto size = i % 11 == 0 ? i / 11 : (i * 7919) % 100'000;
    feeders.push_back(std::make_unique<feeder>(queue, algorithm, size, 1 + (i * 577) % 9000));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    feeders[i]->feed([&, i](const hubcache::digest& name) {
      const std::lock_guard lock(mutex);
      found[i] = name;
      ++ended;
      change.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  change.wait(lock, [&] { return ended == found.size(); });
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto alone = hashes.make(found[i].algorithm(), feeders[i]->text.size());
    alone.update(as_byte_view(feeders[i]->text));
    CHECK(found[i] == alone.finish());
  }
}

/// An embedder's pool that runs nothing by itself.
struct manual_pool {
  void run_all() {
    while (!jobs.empty()) {
      auto next = std::move(jobs.front());
      jobs.pop_front();
      next();
    }
  }

  std::deque<hubcache::job> jobs;
  hubcache::workers pool{[this](hubcache::job work) { jobs.push_back(std::move(work)); }};
};

}  // namespace

TEST_CASE("Streams of unequal lengths and pieces get their digests on any number of threads") {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    hubcache::workers pool(threads);
    check_unequal_streams(pool, hashes);
    check_unequal_streams(pool, narrow_hashes);
  }
}

TEST_CASE("Streams that wait together share lanes; too few of them do not") {
  manual_pool manual;
  hubcache::digest_queue queue(manual.pool, narrow_hashes);
  const auto text = test::patterned(1000);
  for (const std::size_t count : {2U, 3U, 8U}) {
    narrow_lanes::together = 0;
    std::vector<hubcache::digest_queue::stream> streams;
    std::size_t ended = 0;
    for (std::size_t i = 0; i < count; ++i) {
      streams.push_back(queue.open(digest_algorithm::sha256, text.size()));
      streams.back().append(as_byte_view(text), [&ended] { ++ended; });
    }
    manual.run_all();
    CHECK(ended == count);
    CHECK(narrow_lanes::together == (count < 3 ? 0 : std::min<std::size_t>(count, 5)));
  }
}

TEST_CASE("Pieces of one stream are done in their order, the next not before the last is done") {
  hubcache::workers pool(4);
  hubcache::digest_queue queue(pool, hashes);
  const auto text = test::patterned(100);
  auto stream = queue.open(digest_algorithm::sha256, 100 * text.size());
  std::atomic<int> done = 0;
  for (int i = 0; i < 100; ++i) stream.append(as_byte_view(text), [&done, i] { CHECK(done++ == i); });
  while (done != 100) std::this_thread::yield();
}

TEST_CASE("A queue gives way to other jobs of its pool, however much waits") {
  manual_pool manual;
  hubcache::digest_queue queue(manual.pool, hashes);
  const std::vector<std::byte> bytes(std::size_t{9} << 20U);
  auto stream = queue.open(digest_algorithm::sha256, bytes.size());
  bool hashed = false;
  stream.append(bytes, [&hashed] { hashed = true; });
  bool hashed_before = true;
  manual.pool.post([&] { hashed_before = hashed; });
  manual.run_all();
  CHECK(hashed);
  CHECK_FALSE(hashed_before);
}

TEST_CASE("A pool that runs its jobs at once hashes before append returns") {
  hubcache::workers pool([](hubcache::job work) { work(); });
  hubcache::digest_queue queue(pool, hashes);
  const auto text = test::patterned(1000);
  auto stream = queue.open(digest_algorithm::sha256, text.size());
  bool done = false;
  stream.append(as_byte_view(text), [&done] { done = true; });
  CHECK(done);
  auto alone = hashes.make(digest_algorithm::sha256, text.size());
  alone.update(as_byte_view(text));
  CHECK(stream.finish() == alone.finish());
}

TEST_CASE("A pool that is destroyed drops what waits, even if that owns its own stream") {
  const auto text = test::patterned(1000);
  const auto witness = std::make_shared<int>();
  auto pool = std::make_unique<hubcache::workers>(1);
  std::atomic<bool> begun = false;
  std::atomic<bool> ending = false;
  pool->post([&] {
    begun = true;
    while (!ending) std::this_thread::yield();
  });
  while (!begun) std::this_thread::yield();
  {
    hubcache::digest_queue queue(*pool, hashes);
    for (int i = 0; i < 20; ++i) {
      auto stream = queue.open(digest_algorithm::sha256, text.size());
      for (int piece = 0; piece < 2; ++piece) stream.append(as_byte_view(text), [stream, witness] {});
    }
  }
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the pool's end has most likely begun
    ending = true;
  });
  pool.reset();
  release.join();
  CHECK(witness.use_count() == 1);
}

TEST_CASE("Jobs that an embedder drops unrun take what waits with them") {
  const auto witness = std::make_shared<int>();
  const auto text = test::patterned(1000);
  {
    manual_pool manual;
    hubcache::digest_queue queue(manual.pool, hashes);
    auto stream = queue.open(digest_algorithm::sha256, text.size());
    stream.append(as_byte_view(text), [stream, witness] {});
    manual.jobs.clear();
    CHECK(witness.use_count() == 1);
  }
  CHECK(witness.use_count() == 1);
}
