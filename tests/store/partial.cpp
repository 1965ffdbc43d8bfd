#include <hubcache/store/partial.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <future>
#include <memory>
#include <store/contents.hpp>
#include <string>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/resource.h>
#include <thread>

namespace fs = std::filesystem;
using hubcache::content;
using hubcache::partial;
using test::content_of;
using test::patterned;
using test::read_file;
using test::temp_folder;

namespace {

std::shared_ptr<partial> open(const std::string& path, const content& what) {
  std::error_code ec = std::make_error_code(std::errc::io_error);
  auto result = partial::open(path, what, test::hashes, ec);
  REQUIRE(!ec);
  return result;
}

/// Appends the bytes of `text` from the frontier on, in writes of `step`.
void fill(partial& file, std::string_view text, std::size_t step) {
  for (auto at = file.frontier(); at < text.size(); at += step) {
    file.write(hubcache::as_byte_view(text.substr(at, step)), at);
  }
}

/// Whether the hash has met the frontier.
bool is_hashed(partial& file) {
  auto met = std::make_shared<bool>(false);
  file.when_hashed([met] { *met = true; });
  return *met;
}

}  // namespace

TEST_CASE("Bytes appended to a new partial are in its file and in its digest, by either algorithm") {
  const auto text = patterned(100'000);
  for (const auto algorithm : {hubcache::digest_algorithm::sha256, hubcache::digest_algorithm::git_sha1}) {
    const temp_folder folder;
    const auto what = content_of(text, algorithm);
    const auto file = open(folder / "partial", what);
    REQUIRE(file);
    CHECK(file->resumed() == 0);
    fill(*file, text, 999);
    CHECK(file->frontier() == text.size());
    CHECK(is_hashed(*file));
    CHECK_FALSE(file->failure());
    CHECK(file->finish() == what.name);
    CHECK(read_file(folder / "partial") == text);
  }
}

TEST_CASE("Empty content is complete at once") {
  const temp_folder folder;
  const auto file = open(folder / "partial", content_of(""));
  CHECK(is_hashed(*file));
  CHECK(file->finish() == content_of("").name);
}

TEST_CASE("A partial resumes after what is there, and its digest covers both") {
  const temp_folder folder;
  const auto text = patterned(3'000'000);
  const auto path = folder.write("partial", text.substr(0, 2'500'000));
  const auto file = open(path, content_of(text));
  REQUIRE(file);
  CHECK(file->resumed() == 2'500'000);
  CHECK(file->frontier() == 2'500'000);
  CHECK_FALSE(is_hashed(*file));
  fill(*file, text, 100'000);
  CHECK_FALSE(is_hashed(*file));
  file->catch_up({});
  CHECK(is_hashed(*file));
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("A resumed prefix is not believed: other bytes give another digest") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", std::string(500, '!')), content_of(text));
  fill(*file, text, 500);
  file->catch_up({});
  CHECK_FALSE(file->failure());
  CHECK_FALSE(file->finish() == content_of(text).name);
}

TEST_CASE("A complete partial needs no write") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", text), content_of(text));
  CHECK(file->frontier() == 1000);
  file->catch_up({});
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("A file longer than the content is no prefix of it: it starts again") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", text + "!"), content_of(text));
  CHECK(file->resumed() == 0);
  CHECK(fs::file_size(folder / "partial") == 0);
  fill(*file, text, 1000);
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("The prefix may be hashed beside the writes, on another thread") {
  const auto text = patterned(400'000);
  const auto want = content_of(text).name;
  for (int round = 0; round < 40; ++round) {
    const temp_folder folder;
    const auto prefix = static_cast<std::size_t>(1 + round * 5'000);
    const auto file = open(folder.write("partial", text.substr(0, prefix)), content_of(text));
    std::thread beside([file] { file->catch_up({}); });
    fill(*file, text, 3'000);
    std::promise<void> met;
    file->when_hashed([&met] { met.set_value(); });
    met.get_future().wait();
    CHECK_FALSE(file->failure());
    CHECK(file->finish() == want);
    beside.join();
  }
}

TEST_CASE("A new partial has nothing to catch up with, also beside writes") {
  const auto text = patterned(200'000);
  for (int round = 0; round < 40; ++round) {
    const temp_folder folder;
    const auto file = open(folder / "partial", content_of(text));
    std::thread beside([file] { file->catch_up({}); });
    fill(*file, text, 2'000);
    beside.join();
    CHECK(is_hashed(*file));
    CHECK(file->finish() == content_of(text).name);
  }
}

TEST_CASE("Whoever waits for the hash is called once, at once if it is there already") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", text.substr(0, 500)), content_of(text));
  fill(*file, text, 500);
  int calls = 0;
  file->when_hashed([&calls] { ++calls; });
  CHECK(calls == 0);
  file->catch_up({});
  CHECK(calls == 1);
  file->when_hashed([&calls] { ++calls; });
  CHECK(calls == 2);
}

TEST_CASE("A stop ends the rehash, wakes who waits for it, and is told as a failure") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", text), content_of(text));
  std::stop_source source;
  source.request_stop();
  bool woken = false;
  file->when_hashed([&woken] { woken = true; });
  file->catch_up(source.get_token());
  CHECK(woken);
  CHECK(file->failure() == std::errc::operation_canceled);
}

TEST_CASE("A path is filled by one partial at a time") {
  const temp_folder folder;
  auto first = open(folder / "partial", content_of("x"));
  REQUIRE(first);
  CHECK(open(folder / "partial", content_of("x")) == nullptr);
  first.reset();
  CHECK(open(folder / "partial", content_of("x")) != nullptr);
}

TEST_CASE("A partial that cannot be opened is an error: through a symlink, or below no folder") {
  const temp_folder folder;
  const auto victim = folder.write("victim", "keep");
  fs::create_symlink("victim", folder / "partial");
  std::error_code ec;
  CHECK(partial::open(folder / "partial", content_of("x"), test::hashes, ec) == nullptr);
  CHECK(ec == std::errc::too_many_symbolic_link_levels);
  CHECK(partial::open(folder / "none/partial", content_of("x"), test::hashes, ec) == nullptr);
  CHECK(ec == std::errc::no_such_file_or_directory);
  CHECK(read_file(victim) == "keep");
}

TEST_CASE("A restart throws away bytes, hash and failure") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", std::string(700, '!')), content_of(text));
  std::stop_source source;
  source.request_stop();
  file->catch_up(source.get_token());
  REQUIRE(file->failure());
  std::error_code ec;
  file->restart(ec);
  CHECK(!ec);
  CHECK(file->resumed() == 0);
  CHECK(file->frontier() == 0);
  CHECK(fs::file_size(folder / "partial") == 0);
  fill(*file, text, 300);
  CHECK(is_hashed(*file));
  CHECK_FALSE(file->failure());
  CHECK(file->finish() == content_of(text).name);
}

TEST_CASE("A file that somebody shortens is told as a failure, not waited for") {
  const temp_folder folder;
  const auto text = patterned(1000);
  const auto file = open(folder.write("partial", text), content_of(text));
  fs::resize_file(folder / "partial", 10);
  bool woken = false;
  file->when_hashed([&woken] { woken = true; });
  file->catch_up({});
  CHECK(woken);
  CHECK(file->failure() == std::errc::io_error);
}

TEST_CASE("After a write that failed the file stays a prefix: what comes later is not written") {
  const temp_folder folder;
  const auto text = patterned(3000);
  const auto file = open(folder / "partial", content_of(text));
  fill(*file, text.substr(0, 1000), 1000);

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto limited = before;
  limited.rlim_cur = 1500;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limited);
  file->write(hubcache::as_byte_view(text.substr(1000, 1000)), 1000);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  CHECK(file->failure() == std::errc::file_too_large);
  file->write(hubcache::as_byte_view(text.substr(2000)), 2000);
  CHECK(file->failure() == std::errc::file_too_large);
  CHECK(text.starts_with(read_file(folder / "partial")));
  CHECK(fs::file_size(folder / "partial") <= 1500);
  CHECK(is_hashed(*file));
}
