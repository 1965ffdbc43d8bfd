#include <hubcache/error.hpp>
#include <hubcache/select/recipe.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using hubcache::errc;
using hubcache::file_role;
using hubcache::recipe_role;

namespace {

hubcache::listing listing_of(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  hubcache::listing result;
  result.commit = std::string(40, 'c');
  for (auto& path : paths) result.files.emplace_back().path = std::move(path);
  return result;
}

recipe_role role(std::string file) {
  recipe_role result;
  result.name = "vae";
  result.repo = "acme/vae";
  result.file = std::move(file);
  return result;
}

recipe_role model(std::string tag) {
  auto result = role("");
  result.quant = std::move(tag);
  return result;
}

std::vector<file_role> files_of(const recipe_role& wanted, const hubcache::listing& files) {
  return select_role(wanted, files).files;
}

/// What is said if `wanted` is not there; the reason is that.
std::string complaint(const recipe_role& wanted, const hubcache::listing& files) {
  try {
    static_cast<void>(select_role(wanted, files));
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::file_not_found);
    CHECK(e.detail().starts_with("role 'vae': "));
    return e.detail();
  }
  return {};
}

}  // namespace

TEST_CASE("A file plays the role alone, a folder with all its files") {
  const auto files = listing_of({"vae/b", "vae/sub/a", "vae.json", "vaex/c"});
  CHECK(files_of(role("vae.json"), files) == std::vector{file_role("vae.json", "vae")});
  CHECK(files_of(role("vae/"), files) ==
        std::vector{file_role("vae/b", "vae"), file_role("vae/sub/a", "vae")});
}

TEST_CASE("A missing file is told with those that could be meant, nearest first, five at most") {
  const auto files = listing_of({"AE.safetensors", "a.safetensors", "b.safetensors", "c.bin", "readme",
                                 "sub/ae.safetensors", "sub/d.safetensors", "sub/e.bin"});
  const auto commit = std::string(40, 'c');
  CHECK(complaint(role("ae.safetensors"), files) ==
        "role 'vae': commit " + commit +
            " has no file of this name; it has AE.safetensors, sub/ae.safetensors, a.safetensors, "
            "b.safetensors, sub/d.safetensors");
  CHECK(complaint(role("sub/x.onnx"), files)
            .ends_with("; it has sub/ae.safetensors, sub/d.safetensors, sub/e.bin"));
  CHECK(complaint(role("far/x.onnx"), files).ends_with("has no file of this name"));
  CHECK(complaint(role("vae/"), listing_of({"x/vae/a", "x/vae/b", "y/a"}))
            .ends_with("has no folder of this name; it has x/vae/, x/, y/"));
}

TEST_CASE("A tag picks the whole split set and the projector beside it") {
  const auto files = listing_of(
      {"m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf"});
  CHECK(files_of(model("Q4_K_M"), files) == std::vector{file_role("m-Q4_K_M-00001-of-00002.gguf", "vae"),
                                                        file_role("m-Q4_K_M-00002-of-00002.gguf", "vae"),
                                                        file_role("mmproj-F16.gguf", "vae.mmproj")});
  CHECK(files_of(model(""), listing_of({"m-Q8_0.gguf"})) == std::vector{file_role("m-Q8_0.gguf", "vae")});
}

TEST_CASE("A preset does not replace the model that a recipe asks for") {
  const auto files = listing_of({"m-Q8_0.gguf", "preset.ini"});
  CHECK(files_of(model("Q8_0"), files) == std::vector{file_role("m-Q8_0.gguf", "vae")});
}

TEST_CASE("A tag that nothing has is told with the role and the models that are there") {
  const auto told = complaint(model("Q2_K"), listing_of({"m-Q8_0.gguf"}));
  CHECK(told.find("m-Q8_0.gguf") != told.npos);
}

TEST_CASE("Of two models with the tag the one that the Hub reports first plays the role") {
  auto files = listing_of({"m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf"});
  files.files[0].position = 1;
  CHECK(files_of(model("Q4_K_M"), files) == std::vector{file_role("m-UD-Q4_K_M.gguf", "vae")});
}

TEST_CASE("Parts that the repo lacks are told") {
  const auto chosen = select_role(model("Q8_0"), listing_of({"m-Q8_0-00001-of-00003.gguf"}));
  REQUIRE(chosen.warnings.size() == 1);
  CHECK(chosen.warnings[0].find("lacks 2 of the 3 parts") != std::string::npos);
  CHECK(select_role(model("Q8_0"), listing_of({"m-Q8_0.gguf"})).warnings.empty());
}
