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

/// acme/pipe with `vae` for its VAE, and acme/vae.
struct linked_scene : pipeline_scene {
  explicit linked_scene(const std::string& vae) {
    hub.put(test::vae_repo());
    hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, vae)));
  }
};

std::string class_of(const hubcache::planned_component* component) {
  return component == nullptr ? "" : component->said.library + "." + component->said.class_name;
}

std::string vae_commit(std::string_view revision) { return test::vae_repo().find(revision)->id; }

}  // namespace

TEST_CASE("a component lies where its link leads: host, repo, revision and folder") {
  linked_scene s(R"("https://huggingface.co/acme/vae/tree/v1/fine")");
  const auto got = s.fetch("acme/pipe");
  const auto& vae = got.all[0].components.at("vae");
  CHECK(vae.dir == (s.here.repo_dir("acme/vae") / "snapshots" / vae_commit("v1") / "fine").string());
  CHECK(names_in(vae) == texts{"config.json", "diffusion_pytorch_model.safetensors"});
  CHECK(test::read_file(vae.files[1]) == test::weights(101).content.text());
  CHECK(got.all[0].components.size() == 4);
}

TEST_CASE("a link may name the repo alone, or give revision, folder and class") {
  SUBCASE("the repo alone") {
    linked_scene s(R"("hf://acme/vae")");
    const auto got = s.fetch("acme/pipe");
    const auto& vae = got.all[0].components.at("vae");
    CHECK(vae.dir == (s.here.repo_dir("acme/vae") / "snapshots" / vae_commit("main")).string());
    CHECK(names_in(vae) == texts{"config.json", "diffusion_pytorch_model.safetensors"});
  }
  SUBCASE("everything") {
    linked_scene s(R"(["diffusers", "AutoencoderTiny", "hf://acme/vae@v1/fine"])");
    const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
    const auto* vae = test::find(plan.pipelines[0], "vae");
    REQUIRE(vae != nullptr);
    CHECK(class_of(vae) == "diffusers.AutoencoderTiny");
    CHECK(plan.bundle.parts[vae->part].what.listing.commit == vae_commit("v1"));
    CHECK(vae->folder == "fine");
    CHECK(s.asked_for("fine/config.json") == 0);  // its class is told
  }
}

TEST_CASE("a component of the pipeline's own repo gives way to a link") {
  linked_scene s(R"("hf://acme/vae")");
  auto files = test::small_pipeline(10);
  files["model_index.json"] = test::small_index(R"("hf://acme/vae")");
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto got = s.fetch("acme/pipe");
  CHECK(!std::filesystem::exists(got.all[0].path + "/vae"));
}

TEST_CASE("a link to another host is refused, and nobody is asked") {
  embedded::hub stranger;
  stranger.put(test::vae_repo());
  pipeline_scene s;
  const auto host = stranger.endpoint().substr(stranger.endpoint().find("//") + 2);
  s.hub.put(
      test::repo_of("acme/pipe", test::linking_pipeline(10, "\"https://" + host + "/acme/vae/tree/main\"")));
  const auto failure = s.failure("acme/pipe");
  CHECK(failure.reason() == errc::refused);
  CHECK(failure.context().repo == "acme/pipe");
  CHECK(contains(failure.detail(), "'vae'"));
  CHECK(contains(failure.detail(), host));
  CHECK(stranger.log().count() == 0);
  CHECK(stranger.connections(embedded::listener::endpoint) == 0);
  CHECK(s.hub.log().count() == 4);  // commit, listing and, by a redirect, index of acme/pipe
}

TEST_CASE("an address on another host is no component, with a warning") {
  pipeline_scene s;
  auto files = test::small_pipeline(10);
  auto text = files["model_index.json"].content.text();
  text.insert(text.rfind('}'), R"(, "homepage": "https://elsewhere.example/acme/home")");
  files["model_index.json"] = test::json(text);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  REQUIRE(plan.bundle.warnings.size() == 1);
  CHECK(contains(plan.bundle.warnings[0], "'homepage'"));
  CHECK(contains(plan.bundle.warnings[0], "elsewhere.example"));
  CHECK(test::find(plan.pipelines[0], "homepage") == nullptr);
  CHECK(plan.pipelines[0].components.size() == 4);
}

TEST_CASE("an address on another host is a link if it takes a component's place or names a revision") {
  std::string value;
  auto files = test::small_pipeline(10);
  SUBCASE("a folder has its name") { value = R"("https://elsewhere.example/acme/vae")"; }
  SUBCASE("it names a revision") {
    std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
    value = R"("https://elsewhere.example/acme/vae/tree/main")";
  }
  SUBCASE("it stands in a list") {
    std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
    value = R"([null, null, "https://elsewhere.example/acme/vae"])";
  }
  files["model_index.json"] = test::small_index(value);
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", files));
  CHECK(s.failure("acme/pipe").reason() == errc::refused);
}

TEST_CASE("no link is followed if one of them is refused") {
  pipeline_scene s;
  s.hub.put(test::vae_repo());
  auto files = test::linking_pipeline(10, R"("hf://acme/vae")");
  auto text = files["model_index.json"].content.text();
  text.insert(text.rfind('}'), R"(, "z": "https://elsewhere.example/acme/vae/tree/main")");
  files["model_index.json"] = test::json(text);
  s.hub.put(test::repo_of("acme/pipe", files));
  CHECK(s.failure("acme/pipe").reason() == errc::refused);
  CHECK(s.asked_for("acme/vae/revision/main") == 0);
}

TEST_CASE("a link may name the endpoint's own host") {
  pipeline_scene s;
  s.hub.put(test::vae_repo());
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, "\"" + s.hub.endpoint() + "/acme/vae\"")));
  CHECK(s.fetch("acme/pipe").all[0].components.contains("vae"));
}

TEST_CASE("a linked repo that cannot be read is named with who wants it, and nothing is fetched") {
  linked_scene s(R"("hf://acme/vae")");
  auto want = errc::unauthorized;
  SUBCASE("missing") { s.hub.remove("acme/vae"); }
  SUBCASE("private") {
    auto hidden = test::vae_repo();
    hidden.is_private = true;
    s.hub.put(hidden);
  }
  SUBCASE("gated") {
    auto gated = test::vae_repo();
    gated.gated = embedded::gate::manual;
    s.hub.put(gated);
    want = errc::gated;
  }
  const auto failure = s.failure("acme/pipe");
  CHECK(failure.reason() == want);
  CHECK(failure.context().repo == "acme/vae");
  CHECK(contains(failure.what(), "the component 'vae' of acme/pipe"));
  CHECK(s.untouched());
}

TEST_CASE("a link to a folder that is not there is named with who wants it") {
  linked_scene s(R"("hf://acme/vae@main/coarse")");
  const auto failure = s.failure("acme/pipe");
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(failure.context().repo == "acme/vae");
  CHECK(contains(failure.what(), "the component 'vae' of acme/pipe"));
  CHECK(s.untouched());
}

TEST_CASE("a skipped link is not followed") {
  linked_scene s(R"("hf://acme/vae")");
  diffusers_wish wish;
  wish.skip = {"vae"};
  const auto got = s.fetch("acme/pipe", wish);
  CHECK(got.all[0].components.size() == 3);
  CHECK(s.asked_for("acme/vae/revision/main") == 0);
}

TEST_CASE("the class of a linked component is told by its repo's index, else by its configuration") {
  pipeline_scene s;
  auto vae = test::vae_repo();
  auto files = vae.files();
  files["model_index.json"] = test::json(R"({"_class_name": "X", "fine": ["my_module", "MyVae"]})");
  files["fine/my_module.py"] = embedded::regular("class MyVae: pass\n");
  vae.commit(files);
  s.hub.put(vae);
  s.hub.put(test::repo_of("acme/pipe", test::linking_pipeline(10, R"("hf://acme/vae@main/fine")")));
  s.hub.put(test::repo_of("acme/root", test::linking_pipeline(10, R"("hf://acme/vae")")));
  const auto by_index = s.plan(pipeline_scene::one("acme/pipe"));
  CHECK(class_of(test::find(by_index.pipelines[0], "vae")) == "my_module.MyVae");
  const auto by_config = s.plan(pipeline_scene::one("acme/root"));
  CHECK(class_of(test::find(by_config.pipelines[0], "vae")) == "diffusers.AutoencoderKL");
  SUBCASE("offline as well, after a run") {
    const auto got = s.run(by_index);
    CHECK(
        names_in(got.all[0].components.at("vae")) ==  // the index is no file of the component, the module is
        texts{"config.json", "diffusion_pytorch_model.safetensors", "my_module.py"});
    s.here.config.offline = true;
    const auto again = s.plan(pipeline_scene::one("acme/pipe"));
    CHECK(class_of(test::find(again.pipelines[0], "vae")) == "my_module.MyVae");
    CHECK(again.bundle.bytes_to_fetch() == 0);
  }
}

TEST_CASE("a tokenizer is taken from a model's repo without the model") {
  pipeline_scene s;
  embedded::file_map clip;
  clip["config.json"] = test::json(R"({"architectures": ["CLIPModel"]})");
  clip["model.safetensors"] = test::weights(90);
  clip["preprocessor_config.json"] = test::json(R"({"processor_class": "CLIPProcessor"})");
  clip["tokenizer_config.json"] = test::json(R"({"tokenizer_class": "CLIPTokenizer"})");
  s.hub.put(test::repo_of("acme/clip", clip));
  embedded::file_map files;
  files["model_index.json"] = test::json(R"({"_class_name": "X", "feature_extractor": "hf://acme/clip",
    "scheduler": "hf://acme/clip", "text_encoder": "hf://acme/clip", "tokenizer": "hf://acme/clip",
    "tokenizer_2": ["transformers", "CLIPTokenizer", "hf://acme/clip"]})");
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  const auto& pipe = plan.pipelines[0];
  const texts configuration{"config.json", "preprocessor_config.json", "tokenizer_config.json"};
  for (const auto* name : {"feature_extractor", "scheduler", "tokenizer", "tokenizer_2"}) {
    CAPTURE(std::string(name));
    CHECK(test::find(pipe, name)->files == configuration);
  }
  CHECK(class_of(test::find(pipe, "tokenizer")) == "transformers.CLIPTokenizer");
  CHECK(class_of(test::find(pipe, "feature_extractor")) == "transformers.CLIPProcessor");
  CHECK(class_of(test::find(pipe, "scheduler")) == ".");  // no file tells it
  CHECK(class_of(test::find(pipe, "text_encoder")) == "transformers.CLIPModel");
  CHECK(test::find(pipe, "text_encoder")->files.size() == 4);
}

TEST_CASE("links to very many repos are refused") {
  pipeline_scene s;
  const auto link_to = [&s](int count) {
    std::string text = R"({"_class_name": "X")";
    for (int k = 0; k < count; ++k) {
      const auto number = std::to_string(k);
      text.append(", \"c" + number + "\": \"hf://acme/r" + number + "\"");
      s.hub.put(test::repo_of("acme/r" + number, {{"config.json", test::json("{}")}}));
    }
    s.hub.put(test::repo_of("acme/pipe", {{"model_index.json", test::json(text + "}")}}));
  };
  link_to(64);
  CHECK(s.plan(pipeline_scene::one("acme/pipe")).pipelines[0].components.size() == 64);
  link_to(65);
  CHECK(s.failure("acme/pipe").reason() == errc::refused);
}

TEST_CASE("a linked component has the variant asked for where there is one") {
  linked_scene s(R"("hf://acme/vae@main/fine")");
  auto files = test::linking_pipeline(10, R"("hf://acme/vae@main/fine")");
  SUBCASE("with the own components") {
    files["unet/diffusion_pytorch_model.fp16.safetensors"] = test::weights(70);
    s.hub.put(test::repo_of("acme/pipe", files));
  }
  SUBCASE("alone") {}
  const auto got = s.fetch("acme/pipe", test::wish_variant("fp16"));
  CHECK(names_in(got.all[0].components.at("vae")) ==
        texts{"config.json", "diffusion_pytorch_model.fp16.safetensors"});
  CHECK(names_in(got.all[0].components.at("text_encoder")) == texts{"config.json", "model.safetensors"});
}

TEST_CASE("a linked component without the variant is plain, with a warning") {
  linked_scene s("");
  auto files = test::linking_pipeline(10, R"("hf://acme/vae")");
  files["unet/diffusion_pytorch_model.fp16.safetensors"] = test::weights(70);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe", test::wish_variant("fp16")));
  const auto* vae = test::find(plan.pipelines[0], "vae");
  REQUIRE(vae != nullptr);
  CHECK(vae->files == texts{"config.json", "diffusion_pytorch_model.safetensors"});
  const auto& warnings = plan.bundle.warnings;
  CHECK(std::any_of(warnings.begin(), warnings.end(),
                    [](const auto& w) { return contains(w, "'vae'") && contains(w, "fp16"); }));
}

TEST_CASE("a variant in a format or a depth that is not taken is not there") {
  linked_scene s("");
  auto vae = test::vae_repo();
  auto there = vae.files();
  there["diffusion_pytorch_model.bin"] = test::weights(104);
  there["fine/diffusion_pytorch_model.fp16.bin"] = test::weights(105);
  vae.commit(there);
  s.hub.put(vae);
  auto files = test::linking_pipeline(10, R"("hf://acme/vae")");
  auto wish = test::wish_variant("fp16");
  SUBCASE("of a linked component") {
    files["unet/diffusion_pytorch_model.fp16.safetensors"] = test::weights(70);
  }
  SUBCASE("of the own ones") {
    files["model_index.json"] = test::small_index(R"("hf://acme/vae/fine")");
    files["unet/diffusion_pytorch_model.fp16.safetensors"] = test::weights(70);
    files["unet/diffusion_pytorch_model.bin"] = test::weights(71);
    files["text_encoder/pytorch_model.bin"] = test::weights(72);
    wish.use_safetensors = false;
  }
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe", wish));
  CHECK(plan.pipelines[0].components.size() == 4);
  const auto& warnings = plan.bundle.warnings;
  CHECK(std::any_of(warnings.begin(), warnings.end(), [](const auto& w) { return contains(w, "fp16"); }));
}

TEST_CASE("a variant that neither the own components nor the linked ones have is told with those of both") {
  linked_scene s("");
  auto files = test::linking_pipeline(10, R"("hf://acme/vae/fine")");
  files["unet/diffusion_pytorch_model.bf16.safetensors"] = test::weights(70);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto failure = s.failure("acme/pipe", test::wish_variant("int4"));
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(contains(failure.detail(), "'int4'"));
  CHECK(contains(failure.detail(), "bf16"));
  CHECK(contains(failure.detail(), "other repos have fp16"));
}

TEST_CASE("safetensors may be demanded of a repo that only links") {
  pipeline_scene s;
  s.hub.put(test::vae_repo());
  embedded::file_map files;
  files["model_index.json"] = test::json(R"({"_class_name": "X", "vae": "hf://acme/vae"})");
  s.hub.put(test::repo_of("acme/pipe", files));
  diffusers_wish wish;
  wish.use_safetensors = true;
  CHECK(s.fetch("acme/pipe", wish).all[0].components.size() == 1);
}

TEST_CASE("a link into the own repo that names no revision stays in the pipeline's commit") {
  pipeline_scene s;
  auto repo = test::repo_of("acme/pipe", test::small_pipeline(10));
  auto files = test::small_pipeline(10);
  files["model_index.json"] = test::small_index(R"("hf://acme/pipe/fine")");
  files["fine/config.json"] = test::json(R"({"_class_name": "AutoencoderTiny"})");
  files["fine/diffusion_pytorch_model.safetensors"] = test::weights(80);
  repo.tag("linked", repo.commit(files));
  repo.commit(test::small_pipeline(20));
  s.hub.put(repo);
  const auto got = s.run(s.plan({pipeline_request(
      "acme/pipe", pipeline_options().with_snapshot(snapshot_options().with_revision("linked")))}));
  CHECK(got.bundle.parts.size() == 1);
  CHECK(got.all[0].components.at("vae").dir == got.all[0].path + "/fine");
}

TEST_CASE("a repo that several pipelines link to is asked for once, and fetched once") {
  linked_scene s(R"("hf://acme/vae")");
  s.hub.put(test::repo_of("acme/other", test::linking_pipeline(30, R"("hf://acme/vae")")));
  const auto plan = s.plan({pipeline_request("acme/pipe", pipeline_options()),
                            pipeline_request("acme/other", pipeline_options())});
  CHECK(s.asked_for("acme/vae/revision/main") == 1);
  CHECK(plan.bundle.parts.size() == 3);
  CHECK(test::find(plan.pipelines[0], "vae")->part == test::find(plan.pipelines[1], "vae")->part);
}

TEST_CASE("a local folder takes no components from elsewhere") {
  linked_scene s(R"("hf://acme/vae")");
  auto options = snapshot_options().with_local_dir(s.here.home / "out");
  const auto failure =
      s.failure({pipeline_request("acme/pipe", pipeline_options().with_snapshot(std::move(options)))});
  CHECK(failure.reason() == errc::invalid_argument);
  CHECK(contains(failure.detail(), "acme/vae (the component 'vae' of acme/pipe)"));
  CHECK(contains(failure.detail(), "an assembly makes one directory of them all"));
  CHECK(!std::filesystem::exists(s.here.home / "out"));
}

TEST_CASE("a pipeline with links is complete offline") {
  linked_scene s(R"("hf://acme/vae@main/fine")");
  const auto got = s.fetch("acme/pipe");
  s.hub.stop();
  s.here.config.offline = true;
  const auto again = s.fetch("acme/pipe");
  CHECK(again.all[0].components.at("vae").files == got.all[0].components.at("vae").files);
  CHECK(again.bundle.totals.requests == 0);
}

TEST_CASE("a minimal pipeline leaves no listing of the repos that it links to") {
  linked_scene s(R"("hf://acme/vae@main/fine")");
  const auto tree = s.here.repo_dir("acme/vae") / "trees" / (vae_commit("main") + ".json");
  diffusers_wish wish;
  wish.select = hubcache::pipeline_selection::minimal;
  s.fetch("acme/pipe", wish);
  CHECK(!std::filesystem::exists(tree));
  s.fetch("acme/pipe");
  CHECK(std::filesystem::exists(tree));
}
