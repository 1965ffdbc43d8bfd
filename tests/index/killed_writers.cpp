// Writers that are killed between any two instructions.
#include <hubcache/index/mapped_index.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <new>
#include <random>
#include <sys/mman.h>

#include "index/index_folder.hpp"

using hubcache::mapped_index;
using test::digest_number;
using test::found;
using test::record_number;
using test::records;

namespace {

constexpr std::uint64_t writers = 3;
constexpr std::uint64_t shared_records = 2000;  // that all writers insert, replace and forget
constexpr std::uint64_t batch_size = 40;
constexpr std::uint64_t own_records = 1'000'000;  // from which on each writer inserts records of its own

/// How many batches of its own each writer has stored: of all processes, in memory that outlives them.
class progress {
 public:
  progress() {
    void* const memory =
        ::mmap(nullptr, sizeof *stored_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    stored_ = new (memory) std::array<std::atomic<std::uint64_t>, writers>{};
  }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { ::munmap(stored_, sizeof *stored_); }

  std::atomic<std::uint64_t>& operator[](std::uint64_t writer) { return (*stored_)[writer]; }

 private:
  std::array<std::atomic<std::uint64_t>, writers>* stored_ = nullptr;
};

std::vector<hubcache::index_record> own_batch(std::uint64_t writer, std::uint64_t number) {
  const auto first = own_records * (writer + 1) + number * batch_size;
  return records(first, first + batch_size);
}

/// Inserts, replaces and forgets until it is killed.
[[noreturn]] void write_on(const std::string& folder, std::uint64_t writer, std::uint64_t seed,
                           std::atomic<std::uint64_t>& stored) {
  mapped_index index(folder);
  std::mt19937_64 random(seed);  // NOLINT: repeatable
  for (;;) {
    // Not stored while another one writes; kept then, and inserted again here.
    if (index.insert(own_batch(writer, stored)) == batch_size) ++stored;
    const auto n = random() % shared_records;
    auto batch = records(n, std::min(n + 20, shared_records));
    batch.push_back(record_number(n, random() % 30));
    index.insert(batch);
    index.forget(batch.front().name, batch.back().where.path);
    if (random() % 200 == 0) index.rebuild();
  }
}

/// Own batches that are not found.
std::uint64_t missing(const mapped_index& index, progress& stored) {
  std::uint64_t count = 0;
  for (std::uint64_t w = 0; w < writers; ++w) {
    for (std::uint64_t b = 0; b < stored[w]; ++b) {
      for (const auto& record : own_batch(w, b)) count += index.find(record.name).size() == 1 ? 0U : 1U;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("writers killed at any moment lose nothing that was stored, and nobody ever finds anything wrong") {
  const test::temp_folder folder;
  const mapped_index reader(folder.path());
  progress stored;
  std::mt19937 random(2);  // NOLINT: repeatable
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
  for (std::uint64_t round = 0; std::chrono::steady_clock::now() < end; ++round) {
    std::array<pid_t, writers> children{};
    for (std::uint64_t w = 0; w < writers; ++w) {
      children[w] =
          test::in_child([&] { write_on(folder.path().string(), w, round * writers + w, stored[w]); });
    }
    bool genuine = true;
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 40'000);
    do {
      genuine = genuine && found(reader, 50) >= 0;
    } while (std::chrono::steady_clock::now() < until);
    for (const auto child : children) ::kill(child, SIGKILL);
    for (const auto child : children) ::waitpid(child, nullptr, 0);
    CHECK(genuine);
  }
  CHECK(stored[0] + stored[1] + stored[2] > 0);
  CHECK(missing(reader, stored) == 0);
  CHECK(test::all_genuine(reader));
  CHECK(reader.check().condition == hubcache::index_condition::sound);

  mapped_index index(folder.path());
  CHECK(index.insert(records(0, shared_records)) == shared_records);
  CHECK(found(index, shared_records) >= static_cast<int>(shared_records));
  CHECK(index.rebuild());
  CHECK(missing(reader, stored) == 0);
  CHECK(found(reader, shared_records) >= static_cast<int>(shared_records));
}
