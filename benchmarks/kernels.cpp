// What one look-up and one hashed byte cost: the hash models side by side, and the index at some sizes.
#include <hubcache/hash/cryptopp.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/hash/multi_buffer.hpp>
#include <hubcache/hash/openssl.hpp>
#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/work/digest_queue.hpp>

#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace {

using hubcache::digest;

/// A block as a transfer hands it over, repeated: the working set stays in the caches as it does there.
const std::vector<std::byte>& block() {
  static const std::vector<std::byte> bytes(256 * 1024, std::byte{0x5A});
  return bytes;
}

template <class Hasher>
void hash(benchmark::State& state) {
  Hasher hasher;
  for (auto _ : state) hasher.update(block());
  benchmark::DoNotOptimize(hasher.finish());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(block().size()));
}
BENCHMARK(hash<hubcache::multi_buffer_sha256>);
BENCHMARK(hash<hubcache::openssl_sha256>);
BENCHMARK(hash<hubcache::cryptopp_sha256>);
BENCHMARK(hash<hubcache::openssl_sha1>);
BENCHMARK(hash<hubcache::cryptopp_sha1>);

/// Messages of their own, as lanes read them: their blocks lie apart.
class many_messages {
 public:
  explicit many_messages(std::size_t count) : hashers_(count), blocks_(count, block()) {
    for (std::size_t i = 0; i < count; ++i) {
      streams.push_back(&hashers_[i]);
      bytes.push_back(blocks_[i].data());
    }
  }

  std::vector<hubcache::multi_buffer_sha256*> streams;
  std::vector<const std::byte*> bytes;

 private:
  std::vector<hubcache::multi_buffer_sha256> hashers_;
  std::vector<std::vector<std::byte>> blocks_;
};

void count_bytes(benchmark::State& state, std::size_t messages) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(messages * block().size()));
}

/// So many messages in a kernel of so many lanes; 0 lanes: in the one that is chosen on this CPU.
void hash_in_lanes(benchmark::State& state) {
  const auto lanes = static_cast<std::size_t>(state.range(0));
  const auto count = static_cast<std::size_t>(state.range(1));
  const auto kernels = hubcache::detail::sha256_lane_kernels();
  const auto kernel =
      std::find_if(kernels.begin(), kernels.end(), [lanes](const auto& one) { return one.lanes == lanes; });
  if (lanes != 0 && kernel == kernels.end()) return state.SkipWithError("this CPU does not have it");
  const many_messages all(count);
  for (auto _ : state) {
    if (lanes == 0) {
      hubcache::multi_buffer_sha256::update_many(all.streams, all.bytes, block().size());
    } else {
      hubcache::multi_buffer_sha256::update_many(*kernel, all.streams, all.bytes, block().size());
    }
  }
  count_bytes(state, count);
}
BENCHMARK(hash_in_lanes)->ArgNames({"lanes", "messages"})->ArgsProduct({{0, 8, 16}, {1, 2, 4, 6, 8, 12, 16}});

/// So many streams, a block of each at a time, by so many workers: wall-clock time.
void digest_queue(benchmark::State& state) {
  hubcache::workers pool(static_cast<std::size_t>(state.range(0)));
  const auto count = static_cast<std::size_t>(state.range(1));
  const hubcache::default_hashes hashes;
  hubcache::digest_queue queue(pool, hashes);
  const many_messages all(count);
  std::vector<hubcache::digest_queue::stream> streams;
  for (std::size_t i = 0; i < count; ++i) {
    streams.push_back(queue.open(hubcache::digest_algorithm::sha256, 0));
  }
  constexpr std::size_t pieces = 4;
  std::mutex mutex;
  std::condition_variable change;
  std::size_t done = 0;
  for (auto _ : state) {
    done = 0;
    for (std::size_t n = 0; n < count * pieces; ++n) {
      streams[n % count].append({all.bytes[n % count], block().size()}, [&] {
        const std::lock_guard lock(mutex);
        if (++done == count * pieces) change.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    change.wait(lock, [&] { return done == count * pieces; });
  }
  count_bytes(state, count * pieces);
}
BENCHMARK(digest_queue)
    ->ArgNames({"workers", "streams"})
    ->ArgsProduct({{1, 2}, {1, 2, 4, 8, 16, 32}})
    ->UseRealTime();

void fingerprint(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(hubcache::xxh3(block()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(block().size()));
}
BENCHMARK(fingerprint);

/// A digest that looks random and is the same for the same `n`.
digest digest_number(std::uint64_t n) {
  std::array<std::uint64_t, 4> words{};
  for (auto& word : words) {
    n += 0x9E3779B97F4A7C15;
    word = (n ^ (n >> 30U)) * 0xBF58476D1CE4E5B9;
  }
  return {hubcache::digest_algorithm::sha256, std::as_bytes(std::span(words))};
}

template <class Index>
void fill(Index& index, std::uint64_t count) {
  std::vector<hubcache::index_record> batch;
  for (std::uint64_t n = 0; n < count; ++n) {
    hubcache::place where;
    where.path = "/cache/models--acme--model/blobs/" + std::to_string(n);
    batch.emplace_back(digest_number(n), std::move(where));
    if (batch.size() == 1000 || n + 1 == count) {
      index.insert(batch);
      batch.clear();
    }
  }
}

/// Digests 0 to count - 1 are there: `from` = 0 asks for those, `from` = count for others.
template <class Index>
void look_up(benchmark::State& state, const Index& index, std::uint64_t from, std::uint64_t count) {
  std::uint64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.find(digest_number(from + (n += 7919) % count)));
}

void mapped_index(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const auto folder =
      std::filesystem::temp_directory_path() / ("hubcache-benchmark-" + hubcache::os::random_hex(8));
  {
    hubcache::mapped_index index(folder.string());
    fill(index, count);
    look_up(state, index, state.range(1) != 0 ? 0 : count, count);
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(mapped_index)->ArgNames({"records", "hit"})->ArgsProduct({{10'000, 1'000'000}, {0, 1}});

void memory_index(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  hubcache::memory_index index;
  fill(index, count);
  look_up(state, index, state.range(1) != 0 ? 0 : count, count);
}
BENCHMARK(memory_index)->ArgNames({"records", "hit"})->ArgsProduct({{10'000, 1'000'000}, {0, 1}});

}  // namespace
