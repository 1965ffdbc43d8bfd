#include <hubcache/index/memory_index.hpp>
#include <hubcache/upkeep/clean_up.hpp>

#include <doctest/doctest.h>

#include <map>

#include "run/pipelines.hpp"

using hubcache::diffusers_wish;
using hubcache::errc;
using test::contains;
using test::pipeline_scene;

namespace {

using texts = std::vector<std::string>;

/// A pipeline that is fetched and assembled.
struct assembling_scene : pipeline_scene {
  hubcache::assembly show(diffusers_wish wish = diffusers_wish(), bool plain_names = false,
                          const hubcache::repo& which = "acme/pipe") {
    const auto planned = plan(one(which, std::move(wish)));
    return assembly_of(planned, run(planned), 0, dir, plain_names);
  }
  void assemble(hubcache::assembly what) {
    hubcache::cache cache(here.config);
    cache.assemble(std::move(what));
  }
  hubcache::error failure_to_show(bool plain_names) {
    try {
      (void)show(diffusers_wish(), plain_names);
    } catch (const hubcache::error& e) {
      return e;
    }
    return {errc::internal, "no failure"};
  }
  /// All that the directory shows but its manifest, by path.
  [[nodiscard]] std::map<std::string, std::string> shown() const {
    std::map<std::string, std::string> files;
    for (const auto& at : std::filesystem::recursive_directory_iterator(dir)) {
      const auto path = at.path().lexically_relative(dir).string();
      if (!at.is_directory() && path != hubcache::assembly_manifest) files[path] = test::read_file(at.path());
    }
    return files;
  }
  std::string dir = here.home / "shown";
};

std::map<std::string, std::string> bytes_of(const embedded::file_map& files) {
  std::map<std::string, std::string> bytes;
  for (const auto& [path, file] : files) bytes[path] = file.content.text();
  return bytes;
}

texts paths_of(const hubcache::assembly& what) {
  texts paths;
  for (const auto& file : what.files) paths.push_back(file.path);
  for (const auto& text : what.texts) paths.push_back(text.path + " (text)");
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// What the assembled index of small_pipeline() says of the VAE.
std::string index_with(const std::string& vae) { return test::small_index(vae).content.text(); }

/// The small pipeline with an fp16 variant of two shards in the place of its unet, and an index `map` of them.
embedded::file_map sharded_pipeline(const std::string& map) {
  auto files = test::small_pipeline(10);
  files.erase("unet/diffusion_pytorch_model.safetensors");
  files["unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors"] = test::weights(71);
  files["unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors"] = test::weights(72);
  files["unet/diffusion_pytorch_model.safetensors.index.fp16.json"] =
      test::json(R"({"metadata": {"total_size": 4e4}, "weight_map": )" + map + "}\n");
  files["vae/diffusion_pytorch_model.fp16.safetensors"] = test::weights(73);
  return files;
}

}  // namespace

TEST_CASE("an assembled pipeline with a VAE from another repo is what a loader opens") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae@v1/fine")")));
  s.assemble(s.show());
  auto want = bytes_of(test::small_pipeline(10));
  want.erase("README.md");
  want["model_index.json"] = index_with(R"(["diffusers", "AutoencoderTiny"])");
  want["vae/config.json"] = R"({"_class_name": "AutoencoderTiny"})";
  want["vae/diffusion_pytorch_model.safetensors"] = test::weights(101).content.text();
  CHECK(s.shown() == want);
}

TEST_CASE("an assembled pipeline tells where its files are from") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae@v1/fine")")));
  s.assemble(s.show());
  const auto manifest = hubcache::parse_assembly_manifest(
      test::read_file(s.dir + "/" + std::string(hubcache::assembly_manifest)));
  const auto at = std::find_if(manifest.begin(), manifest.end(), [](const auto& f) {
    return f.path == "vae/diffusion_pytorch_model.safetensors";
  });
  REQUIRE(at != manifest.end());
  CHECK(at->repo == hubcache::repo("acme/vae"));
  CHECK(at->commit == test::vae_repo().find("v1")->id);
  CHECK(at->source == "fine/diffusion_pytorch_model.safetensors");
  CHECK(at->sha256.hex() == test::weights(101).content.sha256());
}

TEST_CASE("without links the index is linked as it is") {
  assembling_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  const auto what = s.show();
  CHECK(what.texts.empty());
  s.assemble(what);
  auto want = bytes_of(test::small_pipeline(10));
  want.erase("README.md");
  CHECK(s.shown() == want);
}

TEST_CASE("an address on another host stays in the index as it is") {
  assembling_scene s;
  auto files = test::linking_pipeline(10, R"("hf://acme/vae")");
  const auto add_address = [](std::string text) {
    return text.insert(text.rfind('}'), R"(, "homepage": "https://elsewhere.example/acme/home")");
  };
  files["model_index.json"] = test::json(add_address(files["model_index.json"].content.text()));
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", files));
  s.assemble(s.show());
  CHECK(s.shown().at("model_index.json") == add_address(index_with(R"(["diffusers", "AutoencoderKL"])")));
}

TEST_CASE("a skipped link is shown as a component that was not given") {
  assembling_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae")")));
  diffusers_wish wish;
  wish.skip = {"vae"};
  const auto what = s.show(wish);
  REQUIRE(what.texts.size() == 1);
  CHECK(what.texts[0].text == index_with("[null, null]"));
}

TEST_CASE("a component whose class nothing tells cannot be shown") {
  assembling_scene s;
  auto vae = test::vae_repo();
  auto files = vae.files();
  files["config.json"] = test::json("{}");
  vae.commit(files);
  s.hub.put(vae);
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae")")));
  const auto failure = s.failure_to_show(false);
  CHECK(failure.reason() == errc::malformed_file);
  CHECK(failure.context().repo == "acme/vae");
  CHECK(contains(failure.detail(), "'vae'"));
}

TEST_CASE("a modular pipeline is shown with an index that ordinary loaders read") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  embedded::file_map files;
  const std::string spec =
      R"([null, null, {"pretrained_model_name_or_path": "acme/vae", "subfolder": "fine"}])";
  const std::string none = R"(["diffusers", "Guider", {"pretrained_model_name_or_path": null}])";
  const auto index = [](const std::string& vae, const std::string& guider) {
    return R"({"_class_name": "Modular", "guider": )" + guider + ",\n \"vae\" : " + vae + ", \"steps\": 1e1}";
  };
  files["modular_model_index.json"] = test::json(index(spec, none));
  s.hub.put(test::repo_of("acme/pipe", files));
  s.assemble(s.show());
  const auto shown = s.shown();
  CHECK(shown.at("modular_model_index.json") == index(spec, none));
  CHECK(shown.at("model_index.json") == index(R"(["diffusers", "AutoencoderTiny"])", "[null, null]"));
  CHECK(shown.contains("vae/config.json"));
}

TEST_CASE("plain names drop the variant, in indexes of shards as well") {
  assembling_scene s;
  s.hub.put(test::repo_of("acme/pipe", sharded_pipeline(R"({
  "a": "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
  "b": "diffusion_pytorch_model.fp16-00002-of-00002.safetensors"})")));
  s.assemble(s.show(test::wish_variant("fp16"), true));
  auto want = bytes_of(test::small_pipeline(10));
  want.erase("README.md");
  want.erase("unet/diffusion_pytorch_model.safetensors");
  want["unet/diffusion_pytorch_model-00001-of-00002.safetensors"] = test::weights(71).content.text();
  want["unet/diffusion_pytorch_model-00002-of-00002.safetensors"] = test::weights(72).content.text();
  want["unet/diffusion_pytorch_model.safetensors.index.json"] =
      R"({"metadata": {"total_size": 4e4}, "weight_map": {
  "a": "diffusion_pytorch_model-00001-of-00002.safetensors",
  "b": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
)";
  want["vae/diffusion_pytorch_model.safetensors"] = test::weights(73).content.text();
  CHECK(s.shown() == want);
}

TEST_CASE("without plain names a variant keeps its names") {
  assembling_scene s;
  s.hub.put(test::repo_of("acme/pipe", sharded_pipeline("{}")));
  const auto paths = paths_of(s.show(test::wish_variant("fp16")));
  CHECK(std::find(paths.begin(), paths.end(), "vae/diffusion_pytorch_model.fp16.safetensors") != paths.end());
}

TEST_CASE("an index of shards that leads out of its folder is refused") {
  assembling_scene s;
  for (const auto* map :
       {R"({"a": "../vae/config.json"})", R"({"a": "/etc/passwd"})", R"({"a": "gone.safetensors"})"}) {
    s.hub.put(test::repo_of("acme/pipe", sharded_pipeline(map)));
    hubcache::error failure(errc::internal, "no failure");
    try {
      (void)s.show(test::wish_variant("fp16"), true);
    } catch (const hubcache::error& e) {
      failure = e;
    }
    CHECK(failure.reason() == errc::malformed_file);
    CHECK(failure.context().repo == "acme/pipe");
    CHECK(failure.context().file == "unet/diffusion_pytorch_model.safetensors.index.fp16.json");
  }
  CHECK(!std::filesystem::exists(s.dir));
}

TEST_CASE("two files that would get one name are refused, and both are named") {
  assembling_scene s;
  auto files = test::small_pipeline(10);
  files["unet/diffusion_pytorch_model.fp16.safetensors"] = test::weights(74);
  s.hub.put(test::repo_of("acme/pipe", files));
  auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  auto& both = plan.pipelines[0].components;
  const auto unet =
      std::find_if(both.begin(), both.end(), [](const auto& c) { return c.said.name == "unet"; });
  REQUIRE(unet != both.end());
  // No selection takes both, so the plan is told to.
  unet->files.insert(unet->files.begin() + 1, "unet/diffusion_pytorch_model.fp16.safetensors");
  auto ran = s.run(plan);
  auto twin = *std::find_if(ran.bundle.files.begin(), ran.bundle.files.end(),
                            [](const auto& f) { return f.file.path.ends_with("model.safetensors"); });
  twin.file.path = "unet/diffusion_pytorch_model.fp16.safetensors";
  ran.bundle.files.push_back(twin);
  hubcache::error failure(errc::internal, "no failure");
  try {
    (void)assembly_of(plan, ran, 0, s.dir, true);
  } catch (const hubcache::error& e) {
    failure = e;
  }
  CHECK(failure.reason() == errc::refused);
  CHECK(contains(failure.detail(), "unet/diffusion_pytorch_model.safetensors"));
  CHECK(contains(failure.detail(), "unet/diffusion_pytorch_model.fp16.safetensors"));
}

TEST_CASE("names that cannot stand in the directory are told of a preview") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  auto files = test::small_pipeline(10);
  auto text = files["model_index.json"].content.text();
  text.insert(text.rfind('}'), R"(, ".hubcache-assembly": "hf://acme/vae")");
  files["model_index.json"] = test::json(text);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  try {
    (void)assembly_of(plan, preview(plan), 0, s.dir, false);
    FAIL("it was not refused");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::malformed_file);
    CHECK(e.context().repo == "acme/pipe");
    CHECK(e.context().file.starts_with(".hubcache-assembly/"));
  }
}

TEST_CASE("a preview tells the files of the directory, and nothing can be assembled of it") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae@v1/fine")")));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  const auto seen = assembly_of(plan, preview(plan), 0, s.dir, false);
  CHECK(paths_of(seen) == paths_of(s.show()));
  std::filesystem::remove_all(s.here.config.cache_dir);
  CHECK_THROWS_AS(s.assemble(seen), hubcache::error);
  CHECK(!std::filesystem::exists(s.dir + "/vae"));
}

TEST_CASE("an assembled pipeline stays whole whatever becomes of its repos") {
  assembling_scene s;
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae@v1/fine")")));
  s.assemble(s.show());
  const auto before = s.shown();
  hubcache::workers pool{1};
  hubcache::memory_index index;
  const auto seen = hubcache::take_census(s.here.config.cache_dir, pool);
  const hubcache::ledger book(s.here.config.state_dir);
  const auto view = view_ledger(book, book.pins(s.here.config.cache_dir), seen);
  const auto map = map_disk(seen, pool);
  for (const auto* which : {"acme/pipe", "acme/vae"}) {
    const auto planned = plan_named_removal(seen, map, view, find_targets(seen, {which}).chosen);
    const auto done = carry_out(planned, s.here.config.state_dir, index);
    CHECK(done.failures.empty());
    CHECK(std::filesystem::exists(s.here.repo_dir(which)) == !planned.withheld.empty());
  }
  CHECK(s.shown() == before);
}
