#include <hubcache/error.hpp>
#include <hubcache/hash/hash_files.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>
#include <functional>
#include <optional>
#include <string>
#include <support/temp_folder.hpp>
#include <vector>

using hubcache::digest;
using hubcache::digest_algorithm;
using hubcache::errc;

namespace {

const hubcache::default_hashes hashes;

/// Feeds the files of a folder, and remembers what became of them.
class folder_feed final : public hubcache::file_feed {
 public:
  struct ending {
    std::optional<digest> name;
    std::error_code ec;
  };

  void add(std::string text, digest_algorithm algorithm) {
    paths_.push_back(folder_.write("file" + std::to_string(texts.size()), text));
    texts.push_back(std::move(text));
    algorithms.push_back(algorithm);
    endings.emplace_back();
  }

  std::optional<hubcache::file_to_hash> next() override {
    if (next_ == texts.size()) return std::nullopt;
    hubcache::file_to_hash result;
    std::error_code ec;
    result.file = hubcache::os::open_read(paths_[next_], ec);
    result.identity = hubcache::os::status(result.file, ec).identity;
    result.identity.size += excess;
    result.algorithm = algorithms[next_];
    result.number = next_++;
    most_in_hand = std::max(most_in_hand, ++in_hand_);
    return result;
  }
  void advance(std::uint64_t bytes) override {
    hashed += bytes;
    if (on_advance) on_advance();
  }
  void end(const hubcache::file_to_hash& file, const std::optional<digest>& name,
           const std::error_code& ec) override {
    --in_hand_;
    endings[file.number] = {name, ec};
  }

  std::vector<std::string> texts;
  std::vector<digest_algorithm> algorithms;
  std::vector<std::optional<ending>> endings;
  std::function<void()> on_advance;
  std::uint64_t excess = 0;
  std::uint64_t hashed = 0;
  std::size_t most_in_hand = 0;

 private:
  test::temp_folder folder_;
  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  std::size_t in_hand_ = 0;
};

}  // namespace

TEST_CASE("Many files of unequal sizes and either algorithm get their digests") {
  folder_feed feed;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    const auto size = i % 9 == 0 ? i / 9 : i % 13 == 0 ? 700'000 + i : (i * 7919) % 50'000;
    feed.add(test::patterned(size), i % 5 == 0 ? digest_algorithm::git_sha1 : digest_algorithm::sha256);
    total += size;
  }
  hash_files(hashes, feed, {});
  for (std::size_t i = 0; i < feed.texts.size(); ++i) {
    REQUIRE(feed.endings[i]);
    CHECK(!feed.endings[i]->ec);
    auto alone = hashes.make(feed.algorithms[i], feed.texts[i].size());
    CHECK(feed.endings[i]->name == test::digest_of(alone, feed.texts[i]));
  }
  CHECK(feed.hashed == total);
  CHECK(feed.most_in_hand <= hubcache::most_lanes);
}

TEST_CASE("A file that is shorter than it was is reported, and does not hold up the others") {
  folder_feed feed;
  for (std::size_t i = 0; i < 3; ++i) feed.add("hello\n", digest_algorithm::sha256);
  feed.excess = 1;
  hash_files(hashes, feed, {});
  for (const auto& ending : feed.endings) {
    REQUIRE(ending);
    CHECK(ending->ec == errc::size_mismatch);
    CHECK(!ending->name);
  }
}

TEST_CASE("A stop request ends the files that are in hand and takes no others") {
  folder_feed feed;
  for (std::size_t i = 0; i < 40; ++i) feed.add(test::patterned(600'000), digest_algorithm::sha256);
  std::stop_source source;
  feed.on_advance = [&source] { source.request_stop(); };
  hash_files(hashes, feed, source.get_token());
  std::size_t ended = 0;
  for (const auto& ending : feed.endings) {
    if (!ending) continue;
    ++ended;
    CHECK(ending->ec == errc::cancelled);
  }
  CHECK(ended >= 1);
  CHECK(ended <= hubcache::most_lanes);
}
