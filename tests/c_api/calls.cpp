// What the calls of the C API bring.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "user.hpp"

namespace fs = std::filesystem;
using c_user::ask;
using c_user::make;
using c_user::user;

namespace {

/// The file `name` of a result, or null.
const hubcache_file* find(const c_user::result_ptr& in, const std::string& name) {
  for (std::size_t i = 0; i < in->file_count; ++i) {
    if (in->files[i]->name == name) return in->files[i];
  }
  return nullptr;
}

}  // namespace

TEST_CASE("download gives the snapshot as huggingface_hub lays it out, with every file and what it cost") {
  user u;
  const auto cache = user::open();
  const auto got = make(hubcache_download, cache, ask("acme/tiny"));
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(got.error == nullptr);
  const auto model = u.hub.get("acme/tiny");
  CHECK(got.result->path == u.snapshot("acme", "tiny"));
  CHECK(std::strcmp(got.result->snapshot, got.result->path) == 0);
  CHECK(got.result->repo == std::string("acme/tiny"));
  CHECK(got.result->commit == model.find("main")->id);
  CHECK(got.result->file_count == model.files().size());
  for (const auto& one : model.files()) {
    const auto& [name, expected] = one;
    CAPTURE(one.first);
    const auto* file = find(got.result, name);
    REQUIRE(file != nullptr);
    CHECK(test::read_file(file->path) == expected.content.text());
    CHECK(file->path == got.result->path + ("/" + name));
    CHECK(file->size == expected.content.text().size());
    CHECK(file->etag == expected.etag());
    CHECK(std::string(file->sha256) == (expected.lfs ? expected.content.sha256() : ""));
    CHECK(file->role == std::string());
  }
  CHECK(find(got.result, "model.safetensors")->outcome == HUBCACHE_OUTCOME_FETCHED);
  const auto& totals = *got.result->totals;
  CHECK(totals.bytes_total == totals.bytes_present + totals.bytes_linked + totals.bytes_fetched);
  CHECK(totals.bytes_wire == u.hub.log().content_bytes_sent());
  CHECK(totals.requests == u.hub.log().count());
  CHECK(got.result->component_count == 0);
  CHECK(got.result->mapping_count == 0);
}

TEST_CASE("patterns, files, revision and type are obeyed") {
  user u;
  embedded::repo_model words("acme/words", embedded::repo_type::dataset);
  words.commit({{"a.txt", embedded::regular("a")},
                {"b.txt", embedded::regular("b")},
                {"c.bin", embedded::regular("c")}});
  u.hub.put(words);
  const auto cache = user::open();
  const auto matching = make(hubcache_download, cache,
                             ask("acme/words", {{"type", "dataset"}, {"allow", "*.txt"}, {"ignore", "b*"}}));
  REQUIRE(matching.code == HUBCACHE_OK);
  CHECK(matching.result->file_count == 1);
  CHECK(find(matching.result, "a.txt") != nullptr);
  const auto named = make(
      hubcache_download, cache,
      ask("acme/tiny", {{"revision", "v1.0"}, {"file", "config.json"}, {"file", "nested/deep/notes.txt"}}));
  REQUIRE(named.code == HUBCACHE_OK);
  CHECK(named.result->file_count == 2);
  CHECK(named.result->commit == u.hub.get("acme/tiny").find("v1.0")->id);
}

TEST_CASE("local_dir is filled with plain files, and is what to open") {
  user u;
  const auto cache = user::open();
  const auto got = make(hubcache_download, cache, ask("acme/tiny", {{"local_dir", u.home / "here"}}));
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(got.result->path == u.home / "here");
  CHECK(fs::is_regular_file(fs::symlink_status(u.home / "here/model.safetensors")));
}

TEST_CASE("cached gives nothing before, and afterwards the snapshot without a request") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny", {{"revision", u.hub.get("acme/tiny").find("main")->id}});
  const auto before = make(hubcache_cached, cache, asked);
  CHECK(before.code == HUBCACHE_OK);
  CHECK(before.result == nullptr);
  REQUIRE(make(hubcache_download, cache, asked).code == HUBCACHE_OK);
  u.hub.log().clear();
  const auto after = make(hubcache_cached, cache, asked);
  REQUIRE(after.result != nullptr);
  CHECK(after.result->path == u.snapshot("acme", "tiny"));
  CHECK(find(after.result, "config.json")->outcome == HUBCACHE_OUTCOME_PRESENT);
  CHECK(u.hub.log().count() == 0);
}

TEST_CASE("a GGUF model is what its tag says, and its path is the file to open") {
  user u;
  const auto cache = user::open();
  const auto got = make(hubcache_gguf, cache, ask("acme/m-GGUF", {{"tag", "q2_k"}}));
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(got.result->path == u.snapshot("acme", "m-GGUF") + "/m-Q2_K.gguf");
  CHECK(got.result->snapshot == u.snapshot("acme", "m-GGUF"));
  CHECK(find(got.result, "m-Q2_K.gguf")->role == std::string("model"));
  CHECK(find(got.result, "mmproj-F16.gguf")->role == std::string("mmproj"));
  CHECK(find(got.result, "m-Q8_0.gguf") == nullptr);
  CHECK(make(hubcache_gguf, cache, ask("acme/m-GGUF")).result->path ==
        u.snapshot("acme", "m-GGUF") + "/m-Q8_0.gguf");
}

TEST_CASE("a pipeline's components lead to their folders, and what another one brought is linked") {
  user u;
  const auto cache = user::open();
  REQUIRE(make(hubcache_pipeline, cache, ask("runwayml/stable-diffusion-v1-5")).code == HUBCACHE_OK);
  const auto got =
      make(hubcache_pipeline, cache, ask("CompVis/stable-diffusion-v1-4", {{"skip", "safety_checker"}}));
  REQUIRE(got.code == HUBCACHE_OK);
  const auto folder = u.snapshot("CompVis", "stable-diffusion-v1-4");
  CHECK(got.result->path == folder);
  std::map<std::string, const hubcache_component*> components;
  for (std::size_t i = 0; i < got.result->component_count; ++i) {
    components[got.result->components[i]->name] = got.result->components[i];
  }
  CHECK(components.count("safety_checker") == 0);
  REQUIRE(components.count("vae") == 1);
  const auto& vae = *components["vae"];
  CHECK(vae.dir == folder + "/vae");
  REQUIRE(vae.file_count == 2);
  CHECK(vae.files[0] == folder + "/vae/config.json");
  CHECK(vae.files[1] == folder + "/vae/diffusion_pytorch_model.safetensors");
  const auto* weights = find(got.result, "vae/diffusion_pytorch_model.safetensors");
  REQUIRE(weights != nullptr);
  CHECK(weights->outcome == HUBCACHE_OUTCOME_LINKED);
  CHECK(weights->link != std::string());
  CHECK(fs::exists(weights->source));
  CHECK(weights->role == std::string("component:vae"));
}

TEST_CASE("an assembled pipeline is what to open, and its small files have a sha256") {
  user u;
  const auto cache = user::open();
  const auto dir = u.home / "assembled";
  const auto got = make(hubcache_pipeline, cache,
                        ask("CompVis/stable-diffusion-v1-4", {{"assemble", dir}, {"select", "minimal"}}));
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(got.result->path == dir);
  CHECK(got.result->snapshot == u.snapshot("CompVis", "stable-diffusion-v1-4"));
  CHECK(fs::exists(dir + "/model_index.json"));
  CHECK(fs::exists(dir + "/hubcache-assembly.json"));
  const auto* index = find(got.result, "model_index.json");
  REQUIRE(index != nullptr);
  CHECK(index->sha256 ==
        u.hub.get("CompVis/stable-diffusion-v1-4").files().at("model_index.json").content.sha256());
}

TEST_CASE(
    "files of a mapping are not fetched, and the result tells where every content is and what was wrong") {
  user u;
  const auto weights = embedded::tiny().files().at("model.safetensors").content;
  const auto adapter = embedded::tiny().files().at("weights/adapter.bin").content;
  const auto mine = u.home.write("mine.safetensors", weights.text());
  const auto other = u.home.write("other.bin", "something else");
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  REQUIRE(hubcache_request_map(asked.get(), weights.sha256().c_str(), mine.c_str(), nullptr) == HUBCACHE_OK);
  REQUIRE(hubcache_request_map(asked.get(), adapter.sha256().c_str(), other.c_str(), nullptr) == HUBCACHE_OK);
  const auto got = make(hubcache_download, cache, asked);
  REQUIRE(got.code == HUBCACHE_OK);
  const auto* file = find(got.result, "model.safetensors");
  CHECK(file->outcome == HUBCACHE_OUTCOME_LINKED);
  CHECK(file->source == mine);
  REQUIRE(got.result->stale_count == 1);
  CHECK(got.result->stale[0]->sha256 == adapter.sha256());
  CHECK(got.result->stale[0]->path == other);
  std::map<std::string, std::string> mapping;
  for (std::size_t i = 0; i < got.result->mapping_count; ++i) {
    mapping[got.result->mapping[i]->sha256] = got.result->mapping[i]->path;
  }
  CHECK(mapping[weights.sha256()] == mine);
  for (const auto& one : embedded::tiny().files()) {
    const auto& content = one.second.content;
    CHECK_MESSAGE(test::read_file(mapping[content.sha256()]) == content.text(), one.first);
  }
}

TEST_CASE("a mapping file is read before and completed after") {
  user u;
  const auto weights = embedded::tiny().files().at("model.safetensors").content;
  const auto mine = u.home.write("mine.safetensors", weights.text());
  const auto file = u.home.write("map.json", "{\"" + weights.sha256() + "\": \"" + mine + "\"}");
  const auto cache = user::open();
  const auto got = make(hubcache_download, cache, ask("acme/tiny", {{"mapping_file", file}}));
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(find(got.result, "model.safetensors")->source == mine);
  CHECK(test::read_file(file).find(embedded::tiny().files().at("config.json").content.sha256()) !=
        std::string::npos);
  const auto gguf = make(hubcache_gguf, cache, ask("acme/m-GGUF", {{"mapping_file", file}}));
  REQUIRE(gguf.code == HUBCACHE_OK);
  CHECK(test::read_file(file).find(find(gguf.result, "m-Q8_0.gguf")->sha256) != std::string::npos);
}

TEST_CASE("two caches of one process are two: each has its own files") {
  user u;
  const auto one = user::open({{"cache_dir", u.home / "one"}});
  const auto two = user::open({{"cache_dir", u.home / "two"}});
  c_user::outcome first;
  std::thread other([&] { first = make(hubcache_download, one, ask("acme/tiny")); });
  const auto second = make(hubcache_download, two, ask("acme/m-GGUF"));
  other.join();
  REQUIRE(first.code == HUBCACHE_OK);
  REQUIRE(second.code == HUBCACHE_OK);
  CHECK(std::string(first.result->path).starts_with(u.home / "one/models--acme--tiny/"));
  CHECK(std::string(second.result->path).starts_with(u.home / "two/models--acme--m-GGUF/"));
}

TEST_CASE("two threads on one cache and one request bring every content once") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  c_user::outcome first;
  std::thread other([&] { first = make(hubcache_download, cache, asked); });
  const auto second = make(hubcache_download, cache, asked);
  other.join();
  REQUIRE(first.code == HUBCACHE_OK);
  REQUIRE(second.code == HUBCACHE_OK);
  CHECK(std::strcmp(first.result->path, second.result->path) == 0);
  std::map<std::string, std::uint64_t> contents;
  for (const auto& [name, file] : embedded::tiny().files())
    contents[file.etag()] = file.content.text().size();
  std::uint64_t bytes = 0;
  for (const auto& [name, size] : contents) bytes += size;
  CHECK(u.hub.log().content_bytes_sent() == bytes);
}
