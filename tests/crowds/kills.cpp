// kill -9 at random instants: whatever the command was doing, nothing is wrong afterwards, nothing durable is lost, and
// the next run ends what was begun.
#include <hubcache/store/partial_journal.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <crowds/shell.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

namespace fs = std::filesystem;

namespace {

/// Runs a command again and again, and kills it.
class kill_loop {
 public:
  using clock = std::chrono::steady_clock;

  kill_loop(const test::shell& in, std::vector<std::string> words) : in_(in), words_(std::move(words)) {}

  /// Lets it end once, to know how long it takes. @return what it said
  test::outcome rehearse() {
    const auto begun = clock::now();
    auto got = in_.run(words_);
    span_ = clock::now() - begun;
    return got;
  }

  /// Kills it at a random instant of its life.
  void strike() {
    const auto child = in_.start(words_);
    std::this_thread::sleep_for(span_ * std::uniform_real_distribution<>(0, 1)(dice_));
    child->signal(SIGKILL);
    const bool alive = child->wait() == 128 + SIGKILL;
    ++(alive ? killed_ : ended_);
  }

  ~kill_loop() { MESSAGE(words_[0], " ", words_[1], ": ", killed_, " killed, ", ended_, " had ended"); }
  kill_loop(const kill_loop&) = delete;
  kill_loop& operator=(const kill_loop&) = delete;

  [[nodiscard]] int killed() const { return killed_; }

 private:
  const test::shell& in_;
  const std::vector<std::string> words_;
  std::chrono::duration<double> span_{};
  std::mt19937 dice_{20261123};
  int killed_ = 0;
  int ended_ = 0;
};

/// How many bytes of a content of `size` are durable at `blob`, its final path.
std::uint64_t durable_bytes(const fs::path& blob, std::uint64_t size) {
  if (fs::exists(blob)) return size;
  const auto bytes = test::read_file(blob.string() + ".68756263.incomplete");
  if (bytes.size() <= size) return bytes.size();
  const auto journal = bytes.substr(hubcache::partial_journal_offset(size));
  const auto ranges = hubcache::read_partial_journal(hubcache::as_byte_view(journal), size);
  return ranges ? ranges->total() : 0;
}

/// Two repos with the same files: large, middling and small ones.
embedded::file_map assorted() {
  return test::joined(test::joined(test::weights(1, 3, 2'000'000), test::weights(100, 4, 70'000)),
                      embedded::many_files(60).files());
}

/// A cache in which every content of two repos has two files of its own.
struct twins : test::shell {
  twins() {
    for (const auto* id : {"acme/one", "other/two"}) {
      hub.put(test::repo_of(id, assorted()));
      REQUIRE(download(id, {"--link", "copy"}).empty());
    }
  }
  /// Makes the second one's files its own again.
  void part() {
    fs::remove_all(repo_dir("other/two"));
    REQUIRE(download("other/two", {"--link", "copy"}).empty());
  }
};

}  // namespace

TEST_CASE("a download in ranges that is killed again and again loses nothing, and ends verified") {
  test::shell s;
  constexpr std::uint64_t size = 40'000'000;
  s.hub.put(embedded::one_file(size));
  const auto blob =
      s.repo_dir("acme/one") / "blobs" / embedded::one_file(size).files().at("model.safetensors").etag();
  constexpr std::uint64_t rate = 12'000'000;
  kill_loop loop(s, {"download", "acme/one", "-q"});
  s.hub.set_bytes_per_second(rate);
  REQUIRE(loop.rehearse().code == 0);
  int with_gaps = 0;
  for (int round = 0; round < test::times(4, 100); ++round) {
    fs::remove_all(s.hf);
    s.hub.set_bytes_per_second(rate);
    std::uint64_t durable = 0;
    for (int strike = 0; strike <= round % 3; ++strike) {
      loop.strike();
      const auto now = durable_bytes(blob, size);
      CHECK(now >= durable);
      durable = now;
      std::error_code none;
      with_gaps += fs::file_size(blob.string() + ".68756263.incomplete", none) > size && !none ? 1 : 0;
      CHECK(s.complaints() == "");
    }
    s.hub.set_bytes_per_second(0);
    s.hub.log().clear();
    CHECK(s.download("acme/one") == "");
    CHECK(s.hub.log().content_bytes_sent() == size - durable);
    CHECK(s.strays_after_prune() == std::vector<std::string>());
  }
  MESSAGE(with_gaps, " partials had gaps");
  CHECK(loop.killed() > 0);
  CHECK(with_gaps > 0);
}

TEST_CASE("a download of many small files that is killed fetches none of them twice") {
  test::shell s;
  const auto repo = embedded::many_files(300);
  s.hub.put(repo);
  kill_loop loop(s, {"download", "acme/many", "-q"});
  REQUIRE(loop.rehearse().code == 0);
  for (int round = 0; round < test::times(6, 200); ++round) {
    fs::remove_all(s.hf);
    loop.strike();
    CHECK(s.complaints() == "");
    std::map<std::string, std::uint64_t> missing;
    for (const auto& [path, file] : repo.files()) {
      if (!fs::exists(s.repo_dir("acme/many") / "blobs" / file.etag()))
        missing[file.etag()] = file.content.size();
    }
    std::uint64_t bytes = 0;
    for (const auto& [etag, size] : missing) bytes += size;
    s.hub.log().clear();
    CHECK(s.download("acme/many") == "");
    CHECK(s.hub.log().content_gets() == missing.size());
    CHECK(s.hub.log().content_bytes_sent() == bytes);
    CHECK(s.run({"cache", "prune", "-y"}).code == 0);
    CHECK(s.strays_after_prune() == std::vector<std::string>());
    CHECK(s.complaints() == "");
  }
  CHECK(loop.killed() > 0);
}

TEST_CASE("linking that is killed fetches nothing afterwards, and leaves nothing behind") {
  test::shell s;
  for (const auto* id : {"acme/one", "other/two"}) s.hub.put(test::repo_of(id, assorted()));
  REQUIRE(s.download("acme/one") == "");
  s.hub.log().clear();
  kill_loop loop(s, {"download", "other/two", "-q"});
  REQUIRE(loop.rehearse().code == 0);
  for (int round = 0; round < test::times(6, 200); ++round) {
    fs::remove_all(s.repo_dir("other/two"));
    loop.strike();
    CHECK(s.complaints() == "");
    CHECK(s.download("other/two") == "");
    CHECK(s.run({"cache", "prune", "-y"}).code == 0);
    CHECK(s.strays_after_prune() == std::vector<std::string>());
  }
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(test::difference(
            s.repo_dir("acme/one") / "snapshots" / s.hub.get("acme/one").refs.at("refs/heads/main"),
            assorted()) == "");
  CHECK(s.complaints() == "");
  CHECK(loop.killed() > 0);
}

TEST_CASE("dedupe that is killed leaves every file whole, and the next one finishes") {
  twins s;
  s.hub.log().clear();
  kill_loop loop(s, {"cache", "dedupe", "-y"});
  REQUIRE(loop.rehearse().code == 0);
  for (int round = 0; round < test::times(6, 200); ++round) {
    s.part();
    loop.strike();
    CHECK(s.complaints() == "");
    CHECK(s.run({"cache", "dedupe", "-y"}).code == 0);
    for (const auto* id : {"acme/one", "other/two"}) CHECK(s.download(id) == "");
    CHECK(s.run({"cache", "prune", "-y"}).code == 0);
    CHECK(s.strays_after_prune() == std::vector<std::string>());
    CHECK(s.complaints() == "");
  }
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(loop.killed() > 0);
}

TEST_CASE(
    "rm, gc and prune that are killed take nothing but what was to go, and the next one takes the rest") {
  test::shell s;
  s.hub.put(test::repo_of("acme/one", assorted()));
  s.hub.put(test::repo_of("other/two", assorted()));
  s.hub.put(embedded::tiny());
  const auto first = s.hub.get("acme/tiny").refs.at("refs/tags/v1.0");
  REQUIRE(s.download("acme/one") == "");
  REQUIRE(s.run({"cache", "pin", "acme/one"}).code == 0);
  const auto all = [&s, &first] {
    REQUIRE(s.download("other/two") == "");
    REQUIRE(s.run({"download", "acme/tiny", "--revision", first, "-q"}).code == 0);  // no ref names it
  };
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"cache", "rm", "other/two", "acme/tiny", "-y"},
                                             {"cache", "gc", "--max-size", "7M", "-y"},
                                             {"cache", "prune", "-y"}}) {
    all();
    kill_loop loop(s, words);
    static_cast<void>(loop.rehearse());
    for (int round = 0; round < test::times(3, 100); ++round) {
      all();
      loop.strike();
      CHECK(s.complaints() == "");
      const auto again = s.run(words);
      // What the killed one removed wholly cannot be named any more.
      CHECK_MESSAGE((again.code == 0 || again.warns("is not in the cache")), again.err);
      CHECK(s.run({"cache", "prune", "-y"}).code == 0);
      CHECK_FALSE(fs::exists(s.repo_dir("acme/tiny") / "snapshots" / first));
      CHECK(s.strays_after_prune() == std::vector<std::string>());
      CHECK(s.complaints() == "");
    }
    CHECK(loop.killed() > 0);
  }
  s.hub.log().clear();
  CHECK(s.download("acme/one") == "");
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("writing the index may be killed: it is sound or empty, and finds or fetches all the same") {
  twins s;
  const auto plain = s.home / "plain";
  for (const auto& [path, file] : assorted()) s.home.write("plain/" + path, file.content.text());
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"index", "rebuild"}, {"index", "add", plain}}) {
    kill_loop loop(s, words);
    REQUIRE(loop.rehearse().code == 0);
    for (int round = 0; round < test::times(4, 200); ++round) {
      if (round % 2 == 1) fs::remove_all(s.hf / "hubcache/index");
      loop.strike();
      CHECK(s.complaints() == "");
      s.hub.log().clear();
      s.part();
      CHECK(s.hub.log().content_gets() == 0);
      CHECK(s.complaints() == "");
    }
    CHECK(loop.killed() > 0);
    CHECK(s.run({"cache", "prune", "-y"}).code == 0);
    CHECK(s.strays_after_prune() == std::vector<std::string>());
  }
}
