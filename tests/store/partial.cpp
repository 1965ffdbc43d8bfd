#include <hubcache/store/partial.hpp>
#include <hubcache/store/partial_journal.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <store/contents.hpp>
#include <string>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/resource.h>
#include <thread>
#include <utility>

namespace fs = std::filesystem;
using hubcache::byte_range;
using hubcache::content;
using hubcache::partial;
using test::content_of;
using test::patterned;
using test::read_file;
using test::temp_folder;

namespace {

/// Hashes that are computed when the test says so.
struct bench {
  std::deque<hubcache::job> waiting;
  hubcache::workers pool{[this](hubcache::job work) { waiting.push_back(std::move(work)); }};
  hubcache::digest_queue digests{pool, test::hashes};

  void hash_all() {
    while (!waiting.empty()) {
      auto next = std::move(waiting.front());
      waiting.pop_front();
      next();
    }
  }
  std::shared_ptr<partial> open(const std::string& path, const content& what) {
    std::error_code ec = std::make_error_code(std::errc::io_error);
    auto result = partial::open(path, what, digests, ec);
    REQUIRE(!ec);
    return result;
  }
};

/// Writes bytes `from` up to `to` of `text`, in writes of `step`.
void fill(partial& file, const std::string& text, std::size_t from, std::size_t to, std::size_t step) {
  for (auto at = from; at < to; at += step) {
    auto bytes = std::make_shared<std::string>(text.substr(at, std::min(step, to - at)));
    const auto view = hubcache::as_byte_view(*bytes);
    file.write(view, at, [bytes] {});
  }
}
void fill(partial& file, const std::string& text, std::size_t step) {
  fill(file, text, file.there().frontier(), text.size(), step);
}

/// Whether the hash has met the frontier.
bool is_hashed(partial& file) {
  auto met = std::make_shared<bool>(false);
  file.when_hashed([met] { *met = true; });
  return *met;
}

}  // namespace

TEST_CASE("Bytes written to a new partial are in its file and in its digest, by either algorithm") {
  const auto text = patterned(100'000);
  for (const auto algorithm : {hubcache::digest_algorithm::sha256, hubcache::digest_algorithm::git_sha1}) {
    const temp_folder folder;
    bench b;
    const auto what = content_of(text, algorithm);
    const auto file = b.open(folder / "partial", what);
    REQUIRE(file);
    CHECK(file->resumed() == 0);
    fill(*file, text, 999);
    CHECK(file->there().frontier() == text.size());
    CHECK_FALSE(is_hashed(*file));
    b.hash_all();
    CHECK(is_hashed(*file));
    CHECK_FALSE(file->failure());
    CHECK(file->finish() == what.name);
    CHECK(read_file(folder / "partial") == text);
  }
}

TEST_CASE("Empty content is complete at once") {
  const temp_folder folder;
  bench b;
  const auto file = b.open(folder / "partial", content_of(""));
  CHECK(is_hashed(*file));
  CHECK(file->finish() == content_of("").name);
}

TEST_CASE("A partial resumes after what is there, and its digest covers both") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(3'000'000);
  const auto path = folder.write("partial", text.substr(0, 2'500'000));
  const auto file = b.open(path, content_of(text));
  REQUIRE(file);
  CHECK(file->resumed() == 2'500'000);
  CHECK(file->there().frontier() == 2'500'000);
  fill(*file, text, 100'000);
  CHECK_FALSE(is_hashed(*file));
  b.hash_all();
  CHECK(is_hashed(*file));
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("A resumed prefix is not believed: other bytes give another digest") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(1000);
  const auto file = b.open(folder.write("partial", std::string(500, '!')), content_of(text));
  fill(*file, text, 500);
  b.hash_all();
  CHECK_FALSE(file->failure());
  CHECK_FALSE(file->finish() == content_of(text).name);
}

TEST_CASE("A file longer than the content without a journal is no part of it: it starts again") {
  const temp_folder folder;
  const auto text = patterned(1000);
  for (const std::size_t more : {1U, 3096U, 8000U}) {
    bench b;
    const auto file = b.open(folder.write("partial", text + std::string(more, '!')), content_of(text));
    REQUIRE(file);
    CHECK(file->resumed() == 0);
    CHECK(fs::file_size(folder / "partial") == 0);
    fill(*file, text, 1000);
    b.hash_all();
    CHECK(file->finish() == content_of(text).name);
  }
}

TEST_CASE("Ranges may come in any order; the file ends exact and without a journal") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(1'000'000);
  const auto file = b.open(folder / "partial", content_of(text));
  for (const auto& [from, to] : {std::pair(600'000U, 1'000'000U), std::pair(0U, 100'000U),
                                 std::pair(300'000U, 600'000U), std::pair(100'000U, 300'000U)}) {
    fill(*file, text, from, to, 70'000);
    b.hash_all();
  }
  CHECK(is_hashed(*file));
  CHECK(file->finish() == content_of(text).name);
  CHECK(read_file(folder / "partial") == text);
}

TEST_CASE("As long as there are no gaps, the length of the file is what is there") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(10'000);
  const auto file = b.open(folder / "partial", content_of(text));
  fill(*file, text, 0, 4'000, 1'000);
  CHECK(fs::file_size(folder / "partial") == 4'000);
}

TEST_CASE("After a crash at any write exactly what was written is there, gaps and all") {
  const auto text = patterned(200'000);
  const auto what = content_of(text);
  const std::vector<std::pair<std::size_t, std::size_t>> order{
      {0, 10'000}, {100'000, 150'000}, {10'000, 40'000}, {190'000, 200'000}, {150'000, 160'000}};
  for (std::size_t crash = 0; crash <= order.size(); ++crash) {
    const temp_folder folder;
    hubcache::byte_ranges written;
    {
      bench b;
      const auto file = b.open(folder / "partial", what);
      for (std::size_t k = 0; k < crash; ++k) {
        fill(*file, text, order[k].first, order[k].second, 10'000);
        written.add({order[k].first, order[k].second});
      }
      b.waiting.clear();
    }
    bench b;
    const auto again = b.open(folder / "partial", what);
    REQUIRE(again);
    CHECK(again->there().all() == written.all());
    CHECK(again->resumed() == written.total());
    const auto missing = written.missing(text.size());
    for (const auto& gap : missing.all()) fill(*again, text, gap.begin, gap.end, 7'000);
    b.hash_all();
    CHECK(is_hashed(*again));
    CHECK(again->finish() == what.name);
    CHECK(fs::file_size(folder / "partial") == text.size());
  }
}

TEST_CASE("A damaged journal costs what was there, no more") {
  const temp_folder folder;
  const auto text = patterned(100'000);
  {
    bench b;
    fill(*b.open(folder / "partial", content_of(text)), text, 50'000, 60'000, 10'000);
    b.waiting.clear();
  }
  auto bytes = read_file(folder / "partial");
  bytes[hubcache::partial_journal_offset(text.size()) + 20] ^= 4;
  folder.write("partial", bytes);
  bench b;
  const auto again = b.open(folder / "partial", content_of(text));
  REQUIRE(again);
  CHECK(again->resumed() == 0);
  CHECK(fs::file_size(folder / "partial") == 0);
}

TEST_CASE("Hashing beside the writes, on other threads, ends at the digest, whatever the order") {
  const auto text = patterned(400'000);
  const auto want = content_of(text).name;
  for (std::size_t round = 0; round < 40; ++round) {
    const temp_folder folder;
    hubcache::workers pool(2);
    hubcache::digest_queue digests(pool, test::hashes);
    std::error_code ec;
    const auto path = folder.write("partial", text.substr(0, round * 5'000));
    const auto file = partial::open(path, content_of(text), digests, ec);
    REQUIRE(file);
    fill(*file, text, 250'000, 400'000, 3'000);
    fill(*file, text, round * 5'000, 250'000, 3'000);
    std::promise<void> met;
    file->when_hashed([&met] { met.set_value(); });
    met.get_future().wait();
    CHECK_FALSE(file->failure());
    CHECK(file->finish() == want);
  }
}

TEST_CASE("Whoever waits for the hash is called once, at once if it is there already") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(1000);
  const auto file = b.open(folder.write("partial", text.substr(0, 500)), content_of(text));
  fill(*file, text, 500);
  int calls = 0;
  file->when_hashed([&calls] { ++calls; });
  CHECK(calls == 0);
  b.hash_all();
  CHECK(calls == 1);
  file->when_hashed([&calls] { ++calls; });
  CHECK(calls == 2);
}

TEST_CASE("When nobody holds the partial any more, reading back ends") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(3'000'000);
  auto file = b.open(folder.write("partial", text), content_of(text));
  file.reset();
  b.hash_all();
  CHECK(b.open(folder / "partial", content_of(text)) != nullptr);
}

TEST_CASE("A path is filled by one partial at a time") {
  const temp_folder folder;
  bench b;
  auto first = b.open(folder / "partial", content_of("x"));
  REQUIRE(first);
  CHECK(b.open(folder / "partial", content_of("x")) == nullptr);
  first.reset();
  CHECK(b.open(folder / "partial", content_of("x")) != nullptr);
}

TEST_CASE("A partial that cannot be opened is an error: through a symlink, or below no folder") {
  const temp_folder folder;
  const auto victim = folder.write("victim", "keep");
  fs::create_symlink("victim", folder / "partial");
  bench b;
  std::error_code ec;
  CHECK(partial::open(folder / "partial", content_of("x"), b.digests, ec) == nullptr);
  CHECK(ec == std::errc::too_many_symbolic_link_levels);
  CHECK(partial::open(folder / "none/partial", content_of("x"), b.digests, ec) == nullptr);
  CHECK(ec == std::errc::no_such_file_or_directory);
  CHECK(read_file(victim) == "keep");
}

TEST_CASE("A partial that is another file's name, too, is replaced, and that file keeps its bytes") {
  const temp_folder folder;
  const auto victim = folder.write("victim", "keep");
  fs::create_hard_link(victim, folder / "partial");
  bench b;
  const auto file = b.open(folder / "partial", content_of("other"));
  REQUIRE(file);
  fill(*file, "other", 5);
  CHECK(read_file(folder / "partial") == "other");
  CHECK(read_file(victim) == "keep");
}

TEST_CASE("A restart throws away bytes, hash and failure, also what is being hashed") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(1000);
  const auto file = b.open(folder.write("partial", std::string(700, '!')), content_of(text));
  fill(*file, text, 800, 900, 100);
  std::error_code ec;
  file->restart(ec);
  CHECK(!ec);
  CHECK(file->resumed() == 0);
  CHECK(file->there().empty());
  CHECK(fs::file_size(folder / "partial") == 0);
  fill(*file, text, 300);
  b.hash_all();
  CHECK(is_hashed(*file));
  CHECK_FALSE(file->failure());
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("A file that somebody shortens is told as a failure, not waited for") {
  const temp_folder folder;
  bench b;
  const auto text = patterned(1'000'000);
  const auto file = b.open(folder.write("partial", text), content_of(text));
  fs::resize_file(folder / "partial", 10);
  bool woken = false;
  file->when_hashed([&woken] { woken = true; });
  b.hash_all();
  CHECK(woken);
  CHECK(file->failure() == std::errc::io_error);
}

TEST_CASE("After a write that failed the file stays a prefix: what comes later is not written") {
  const temp_folder folder;
  const auto text = patterned(3000);
  bench b;
  const auto file = b.open(folder / "partial", content_of(text));
  fill(*file, text, 0, 1000, 1000);

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto limited = before;
  limited.rlim_cur = 1500;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limited);
  fill(*file, text, 1000, 2000, 1000);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  CHECK(file->failure() == std::errc::file_too_large);
  fill(*file, text, 2000, 3000, 1000);
  CHECK(file->failure() == std::errc::file_too_large);
  CHECK(text.starts_with(read_file(folder / "partial")));
  CHECK(fs::file_size(folder / "partial") <= 1500);
  b.hash_all();
  CHECK(is_hashed(*file));
}
