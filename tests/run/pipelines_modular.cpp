#include <doctest/doctest.h>

#include "run/pipelines.hpp"

using hubcache::diffusers_wish;
using hubcache::errc;
using hubcache::pipeline_options;
using hubcache::pipeline_request;
using hubcache::snapshot_options;
using test::contains;
using test::names_in;
using test::pipeline_scene;

namespace {

using texts = std::vector<std::string>;

/// A modular index that has `vae` with this value beside a unet in acme/parts and a guider that names no repo.
std::string modular_index(const std::string& vae) {
  return R"({"_class_name": "ModularPipeline", "_blocks_class_name": "Blocks",
 "guider": [null, null, {"pretrained_model_name_or_path": null, "type_hint": ["diffusers", "Guider"]}],
 "unet": [null, null, {"pretrained_model_name_or_path": "acme/parts", "subfolder": "unet", "variant": null,
          "revision": null, "type_hint": ["diffusers", "UNet2DConditionModel"]}],
 "vae": )" +
         vae + "}\n";
}

std::string vae_spec(const std::string& variant) {
  return R"([null, null, {"pretrained_model_name_or_path": "acme/vae", "subfolder": "fine", "variant": )" +
         variant + R"(, "revision": "main", "type_hint": ["diffusers", "AutoencoderTiny"]}])";
}

struct modular_scene : pipeline_scene {
  explicit modular_scene(const std::string& vae = vae_spec("null")) {
    hub.put(test::vae_repo());
    hub.put(test::repo_of("acme/parts", test::small_pipeline(40)));
    embedded::file_map files;
    files["README.md"] = embedded::regular("# modular\n");
    files["blocks.py"] = embedded::regular("class Blocks: pass\n");
    files["modular_config.json"] = test::json("{}");
    files["modular_model_index.json"] = test::json(modular_index(vae));
    hub.put(test::repo_of("acme/modular", files));
  }
};

/// acme/NAME: a pipeline of a class that connects to `priors`.
embedded::repo_model connecting(const std::string& name, const texts& priors, std::uint64_t seed) {
  auto files = test::small_pipeline(seed);
  auto text = files["model_index.json"].content.text();
  const std::string old = "SmallPipeline";
  text.replace(text.find(old), old.size(), "KandinskyV22CombinedPipeline");
  files["model_index.json"] = test::json(text);
  std::string card = "---\nprior:\n";
  for (const auto& prior : priors) card += "- acme/" + prior + "\n";
  files["README.md"] = embedded::regular(card + "---\n# " + name + "\n");
  return test::repo_of("acme/" + name, files);
}

/// The names of the repos of `plan`, in the order of its pipelines.
texts repos_of(const hubcache::pipeline_plan& plan) {
  texts ids;
  for (const auto& one : plan.pipelines) ids.push_back(plan.bundle.parts[one.part].what.repo.id());
  return ids;
}

}  // namespace

TEST_CASE("a modular pipeline is its components, wherever they lie, and its own code") {
  modular_scene s;
  const auto plan = s.plan(pipeline_scene::one("acme/modular"));
  CHECK(plan.pipelines[0].index_file == "modular_model_index.json");
  CHECK(plan.pipelines[0].files == texts{"blocks.py", "modular_config.json", "modular_model_index.json"});
  const auto got = s.run(plan);
  REQUIRE(got.all[0].components.size() == 2);
  CHECK(got.bundle.parts.size() == 3);
  const auto& vae = got.all[0].components.at("vae");
  CHECK(vae.dir ==
        (s.here.repo_dir("acme/vae") / "snapshots" / test::vae_repo().find("main")->id / "fine").string());
  CHECK(names_in(got.all[0].components.at("unet")) ==
        texts{"config.json", "diffusion_pytorch_model.safetensors"});
}

TEST_CASE("a modular component without a repo is left out with a warning, unless it is skipped") {
  modular_scene s;
  const auto warned = [&s](const diffusers_wish& wish) {
    const auto plan = s.plan(pipeline_scene::one("acme/modular", wish));
    const auto& all = plan.bundle.warnings;
    return std::any_of(all.begin(), all.end(),
                       [](const auto& w) { return contains(w, "'guider' of acme/modular"); });
  };
  CHECK(warned(diffusers_wish()));
  diffusers_wish wish;
  wish.skip = {"guider"};
  CHECK(!warned(wish));
}

TEST_CASE("a modular component has the variant that its spec demands") {
  modular_scene s(vae_spec(R"("fp16")"));
  const auto got = s.fetch("acme/modular");
  CHECK(names_in(got.all[0].components.at("vae")) ==
        texts{"config.json", "diffusion_pytorch_model.fp16.safetensors"});
}

TEST_CASE("a variant that no modular component has is an error that names those that are there") {
  modular_scene s;
  const auto failure = s.failure("acme/modular", test::wish_variant("int4"));
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(failure.context().repo == "acme/modular");
  CHECK(contains(failure.detail(), "fp16"));
  CHECK(s.untouched());
}

TEST_CASE("a modular index adds to a plain one what that leaves open") {
  pipeline_scene s;
  s.hub.put(test::vae_repo());
  auto files = test::small_pipeline(10);
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
  files["model_index.json"] = test::small_index("[null, null]");
  files["modular_model_index.json"] = test::json(modular_index(vae_spec("null")));
  s.hub.put(test::repo_of("acme/both", files));
  const auto got = s.fetch("acme/both");
  CHECK(got.bundle.parts.size() == 2);  // its own unet is the one
  CHECK(got.all[0].components.at("unet").dir == got.all[0].path + "/unet");
  CHECK(got.all[0].components.at("vae").dir.ends_with("/fine"));
  s.here.config.offline = true;
  CHECK(s.fetch("acme/both").all[0].components.size() == 4);
}

TEST_CASE("a modular index is not read beside a plain one that leaves nothing open") {
  pipeline_scene s;
  auto files = test::small_pipeline(10);
  files["modular_model_index.json"] = test::json("[");
  s.hub.put(test::repo_of("acme/both", files));
  CHECK(s.plan(pipeline_scene::one("acme/both")).pipelines[0].files == texts{"model_index.json"});
}

TEST_CASE("a link that is none is a problem of its component alone") {
  modular_scene s(R"([null, null, {"pretrained_model_name_or_path": "/home/me/vae"}])");
  const auto failure = s.failure("acme/modular");
  CHECK(failure.reason() == errc::malformed_file);
  CHECK(failure.context().repo == "acme/modular");
  CHECK(failure.context().file == "modular_model_index.json");
  CHECK(contains(failure.detail(), "'vae'"));
  diffusers_wish wish;
  wish.skip = {"vae"};
  CHECK(s.fetch("acme/modular", wish).all[0].components.size() == 1);
  // Beside a plain index it fills nothing.
  auto files = test::linking_pipeline(10, "[null, null]");
  files["modular_model_index.json"] =
      test::json(modular_index(R"([null, null, {"pretrained_model_name_or_path": "./vae"}])"));
  s.hub.put(test::repo_of("acme/both", files));
  CHECK(s.fetch("acme/both").all[0].components.size() == 3);
}

TEST_CASE("a connected pipeline comes along, with what diffusers hands on") {
  pipeline_scene s;
  s.hub.put(connecting("decoder", {"prior"}, 10));
  s.hub.put(test::repo_of("acme/prior", test::small_pipeline(20)));
  diffusers_wish wish;
  wish.skip = {"vae"};
  const auto plan = s.plan(pipeline_scene::one("acme/decoder", wish));
  CHECK(plan.asked == 1);
  CHECK(repos_of(plan) == texts{"acme/decoder", "acme/prior"});
  CHECK(plan.pipelines[0].connected == std::vector<std::size_t>{1});
  const auto got = s.run(plan);
  CHECK(!got.all[0].components.contains("vae"));
  CHECK(got.all[1].components.contains("vae"));
  s.here.config.offline = true;
  CHECK(s.fetch("acme/decoder", wish).all.size() == 2);
}

TEST_CASE("a pipeline that connects and does not say to which is planned with a warning") {
  pipeline_scene s;
  s.hub.put(connecting("decoder", {}, 10));
  const auto plan = s.plan(pipeline_scene::one("acme/decoder"));
  REQUIRE(plan.bundle.warnings.size() == 1);
  CHECK(contains(plan.bundle.warnings[0], "names none under 'prior'"));
}

TEST_CASE("a connected pipeline must have safetensors, as of diffusers") {
  pipeline_scene s;
  s.hub.put(connecting("decoder", {"prior"}, 10));
  auto files = test::small_pipeline(20);
  files.erase("unet/diffusion_pytorch_model.safetensors");
  files["unet/diffusion_pytorch_model.bin"] = test::weights(90);
  s.hub.put(test::repo_of("acme/prior", files));
  const auto failure = s.failure("acme/decoder");
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(failure.context().repo == "acme/prior");
  CHECK(contains(failure.what(), "acme/decoder, which connects to it"));
  CHECK(s.untouched());
}

TEST_CASE("a pipeline that two connect to comes once") {
  pipeline_scene s;
  s.hub.put(connecting("one", {"prior"}, 10));
  s.hub.put(connecting("two", {"prior", "prior"}, 20));
  s.hub.put(test::repo_of("acme/prior", test::small_pipeline(30)));
  const auto plan = s.plan(
      {pipeline_request("acme/one", pipeline_options()), pipeline_request("acme/two", pipeline_options())});
  CHECK(plan.asked == 2);
  CHECK(repos_of(plan) == texts{"acme/one", "acme/two", "acme/prior"});
  CHECK(plan.pipelines[1].connected == std::vector<std::size_t>{2});
  CHECK(s.asked_for("acme/prior/revision/main") == 1);
}

TEST_CASE("pipelines that connect in a circle are refused, and the circle is named") {
  pipeline_scene s;
  s.hub.put(connecting("a", {"b"}, 10));
  SUBCASE("of three") {
    s.hub.put(connecting("b", {"c"}, 20));
    s.hub.put(connecting("c", {"b"}, 30));
    const auto failure = s.failure("acme/a");
    CHECK(failure.reason() == errc::refused);
    CHECK(contains(failure.detail(), "acme/b -> acme/c -> acme/b"));
  }
  SUBCASE("of one") {
    s.hub.put(connecting("b", {"b"}, 20));
    CHECK(contains(s.failure("acme/a").detail(), "acme/b -> acme/b"));
  }
  CHECK(s.untouched());
}

TEST_CASE("pipelines that connect without end are refused") {
  pipeline_scene s;
  texts many;
  for (int k = 0; k < 17; ++k) {
    many.push_back("prior-" + std::to_string(k));
    s.hub.put(test::repo_of("acme/" + many.back(), test::small_pipeline(20)));
  }
  s.hub.put(connecting("decoder", many, 10));
  CHECK(s.failure("acme/decoder").reason() == errc::refused);
  many.pop_back();
  s.hub.put(connecting("decoder", many, 10));
  CHECK(s.plan(pipeline_scene::one("acme/decoder")).pipelines.size() == 17);
}

TEST_CASE("a local folder takes no connected pipelines") {
  pipeline_scene s;
  s.hub.put(connecting("decoder", {"prior"}, 10));
  s.hub.put(test::repo_of("acme/prior", test::small_pipeline(20)));
  const auto failure = s.failure({pipeline_request(
      "acme/decoder",
      pipeline_options().with_snapshot(snapshot_options().with_local_dir(s.here.home / "out")))});
  INFO(failure.what());
  CHECK(failure.reason() == errc::invalid_argument);
  CHECK(contains(failure.detail(), "acme/prior (acme/decoder, which connects to it)"));
  CHECK(contains(failure.detail(), "fetch each pipeline by itself"));
  CHECK(!contains(failure.detail(), "--assemble"));  // which leaves them out
}
