#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/mapped_weights.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>
#include <support/weight_files.hpp>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::mapped_weights;

namespace {

/// A cache with one repo of weight files.
struct scene {
  scene() {
    config.cache_dir = cache.path();
    config.state_dir = home / "state";
    cache.add(llm, commit,
              {{"model.safetensors", safetensors}, {"deep/model-00001-of-00002.gguf", gguf.bytes}});
  }
  [[nodiscard]] std::string entry(const std::string& path) const {
    return cache.layout(llm).snapshot(commit) + "/" + path;
  }
  [[nodiscard]] mapped_weights map(const std::string& path) const {
    return mapped_weights::map(path, config);
  }
  std::optional<hubcache::error> failure(const std::string& path) const {
    try {
      static_cast<void>(map(path));
    } catch (const hubcache::error& e) {
      return e;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool is_leased() const {
    return hubcache::ledger(config.state_dir).is_leased(config.cache_dir, llm.folder());
  }

  const hubcache::repo llm{"acme/llm"};
  const std::string commit = test::commit_of('a');
  const std::string safetensors =
      test::safetensors_text(R"({"format":"pt"})").tensor("z", {2, 3}).tensor("a", {5}, "BF16").bytes('x');
  test::gguf_text gguf = test::gguf_text(2, 0).tensor("b", {4}, 0, 32).tensor("c", {4}, 0, 0).data(48);
  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::settings config;
};

std::string text_of(hubcache::byte_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE(
    "the tensors of a mapped safetensors file are found by name, and their bytes are those of the file") {
  const scene s;
  const auto weights = s.map(s.entry("model.safetensors"));
  CHECK(text_of(weights.bytes()) == s.safetensors);
  REQUIRE(weights.tensors().size() == 2);
  CHECK(weights.tensors()[0].name == "z");
  const auto* const a = weights.find("a");
  REQUIRE(a != nullptr);
  CHECK(a->type == "BF16");
  CHECK(a->shape == std::vector<std::uint64_t>{5});
  CHECK(text_of(weights.bytes_of(*a)) == std::string(10, 'x'));
  CHECK(weights.bytes_of(*a).data() + 10 == weights.bytes().data() + weights.bytes().size());
  CHECK(weights.header().size() == s.safetensors.size() - 34);
  CHECK(weights.find("b") == nullptr);
  CHECK(weights.find("") == nullptr);
}

TEST_CASE("a part of a split GGUF file is mapped as any other") {
  const scene s;
  const auto weights = s.map(s.entry("deep/model-00001-of-00002.gguf"));
  REQUIRE(weights.tensors().size() == 2);
  CHECK(weights.tensors()[0].name == "c");
  CHECK(weights.find("b")->offset == weights.header().size() + 32);
  CHECK(weights.bytes_of(*weights.find("b")).size() == 16);
}

TEST_CASE("a file of another format is mapped without a header") {
  const scene s;
  for (const auto& path : {s.home.write("notes.txt", "notes"), s.cache.blob(s.llm, s.safetensors)}) {
    const auto weights = s.map(path);
    CHECK(text_of(weights.bytes()) == test::read_file(path));
    CHECK(weights.header().empty());
    CHECK(weights.tensors().empty());
  }
  CHECK(s.map(s.home.write("empty.bin", "")).bytes().empty());
}

TEST_CASE("a header that its format does not allow is an error that names the file") {
  const scene s;
  const std::vector<std::pair<std::string, std::string>> files{
      {"empty.safetensors", ""},
      {"short.safetensors", s.safetensors.substr(0, 12)},
      {"cut.safetensors", s.safetensors.substr(0, s.safetensors.size() - 1)},
      {"long.safetensors", std::string(8, '\x7f') + "{}"},
      {"empty.gguf", ""},
      {"cut.gguf", s.gguf.bytes.substr(0, 40)},
      {"other.gguf", s.safetensors}};
  for (const auto& one : files) {
    const auto& [name, bytes] = one;
    CAPTURE(one.first);
    const auto path = s.home.write(name, bytes);
    const auto failed = s.failure(path);
    REQUIRE(failed);
    CHECK(failed->reason() == errc::malformed_file);
    CHECK(failed->context().file == path);
    CHECK_FALSE(failed->detail().empty());
  }
}

TEST_CASE("a GGUF file of metadata alone may end before the place of its tensors") {
  const scene s;
  const test::gguf_text vocabulary(0, 0);
  const auto weights = s.map(s.home.write("vocabulary.gguf", vocabulary.bytes));
  CHECK(weights.header().size() == vocabulary.bytes.size());
  CHECK(weights.tensors().empty());
}

TEST_CASE("what is no file is an error of the disk") {
  const scene s;
  CHECK(s.failure(s.home / "missing.gguf")->reason() == errc::disk_failed);
  CHECK(s.failure(s.home.path().string())->reason() == errc::disk_failed);
}

TEST_CASE("a repo is leased while a file of it is mapped, by whatever path, and no longer") {
  const scene s;
  fs::create_directory_symlink(s.cache.path(), s.home / "alias");
  const auto entry = s.entry("model.safetensors");
  fs::create_symlink(entry, s.home / "assembled.safetensors");
  const auto by_alias = s.home / ("alias" + entry.substr(s.cache.path().size()));
  for (const auto& path :
       {entry, s.cache.blob(s.llm, s.safetensors), by_alias, s.home / "assembled.safetensors"}) {
    CAPTURE(path);
    {
      const auto weights = s.map(path);
      CHECK(s.is_leased());
    }
    CHECK_FALSE(s.is_leased());
  }
  const auto elsewhere = s.map(s.home.write("notes.txt", "notes"));
  CHECK_FALSE(s.is_leased());
}

TEST_CASE("a repo in another Hub cache of the settings is leased, too") {
  scene s;
  s.config.stores = {{hubcache::store_kind::hub_cache, s.cache.path(), hubcache::store_origin::configured}};
  s.config.cache_dir = s.home / "own";
  const auto weights = s.map(s.entry("model.safetensors"));
  CHECK(hubcache::ledger(s.config.state_dir).is_leased(s.cache.path(), s.llm.folder()));
}

TEST_CASE("a repo that a process removes from is not mapped") {
  const scene s;
  std::error_code ec;
  const auto lease =
      hubcache::ledger(s.config.state_dir)
          .try_lease(s.config.cache_dir, s.llm.folder(), hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(lease);
  CHECK(s.failure(s.entry("model.safetensors"))->reason() == errc::refused);
}

TEST_CASE("a mapping is moved with its lease, and outlives the file's name") {
  const scene s;
  auto first = s.map(s.entry("model.safetensors"));
  mapped_weights second;
  second = std::move(first);
  const mapped_weights third(std::move(second));
  CHECK(s.is_leased());
  fs::remove_all(s.cache.path());
  CHECK(text_of(third.bytes()) == s.safetensors);
  CHECK(text_of(third.bytes_of(*third.find("a"))) == std::string(10, 'x'));
}
