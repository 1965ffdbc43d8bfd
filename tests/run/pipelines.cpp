#include "run/pipelines.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <concepts>

using hubcache::diffusers_wish;
using hubcache::errc;
using hubcache::file_action;
using hubcache::pipeline_options;
using hubcache::pipeline_request;
using hubcache::snapshot_options;
using test::contains;
using test::names_in;
using test::pipeline_scene;

static_assert(std::regular<hubcache::pipeline_plan> && std::regular<hubcache::pipelines> &&
              std::regular<pipeline_request> && std::regular<hubcache::assembly>);

namespace {

using texts = std::vector<std::string>;

pipeline_request with_options(const hubcache::repo& which, snapshot_options options) {
  return {which, pipeline_options().with_snapshot(std::move(options))};
}

diffusers_wish minimal() {
  diffusers_wish wish;
  wish.select = hubcache::pipeline_selection::minimal;
  return wish;
}

std::filesystem::path tree_of(const pipeline_scene& s, const hubcache::repo& which,
                              const std::string& commit) {
  return s.here.repo_dir(which) / "trees" / (commit + ".json");
}

}  // namespace

TEST_CASE("a pipeline is its components, each in a folder with its files") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  const auto got = s.fetch("acme/pipe");
  REQUIRE(got.all.size() == 1);
  const auto& pipe = got.all[0];
  CHECK(pipe.path == got.bundle.parts[pipe.part].path);
  REQUIRE(pipe.components.size() == 4);
  const auto& vae = pipe.components.at("vae");
  CHECK(vae.dir == pipe.path + "/vae");
  CHECK(names_in(vae) == texts{"config.json", "diffusion_pytorch_model.safetensors"});
  for (const auto& file : vae.files) CHECK(std::filesystem::exists(file));
  CHECK(names_in(pipe.components.at("tokenizer")) == texts{"tokenizer_config.json"});
  const auto* weights = got.bundle.find("component:vae");
  REQUIRE(weights != nullptr);
  CHECK(
      std::all_of(got.bundle.files.begin(), got.bundle.files.end(), [](const auto& f) { return f.sha256; }));
  CHECK(!std::filesystem::exists(pipe.path + "/README.md"));
}

TEST_CASE("a preview says where everything would be and changes nothing") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  const auto seen = hubcache::preview(plan);
  CHECK(s.untouched());
  CHECK(seen.bundle.dry_run);
  const auto got = s.run(plan);
  CHECK(!got.bundle.dry_run);
  CHECK(seen.all[0].path == got.all[0].path);
  CHECK(seen.all[0].components.at("unet").files == got.all[0].components.at("unet").files);
}

TEST_CASE("of two pipelines in one plan the second costs what it does not share") {
  pipeline_scene s;
  for (auto& repo : embedded::stable_diffusion_pair(3'000'000)) s.hub.put(std::move(repo));
  const auto plan = s.plan({pipeline_request("runwayml/stable-diffusion-v1-5", pipeline_options()),
                            pipeline_request("CompVis/stable-diffusion-v1-4", pipeline_options())});
  REQUIRE(plan.bundle.parts.size() == 2);
  const auto& second = plan.bundle.parts[1].what;
  texts fetched;
  for (const auto& step : second.steps) {
    if (step.action == file_action::fetched &&
        step.what.name.algorithm() == hubcache::digest_algorithm::sha256) {
      fetched.push_back(step.file);
    }
  }
  CHECK(fetched == texts{"unet/diffusion_pytorch_model.safetensors"});
  s.hub.log().clear();
  const auto got = s.run(plan);
  CHECK(got.bundle.totals.bytes_fetched == plan.bundle.bytes_to_fetch());
  const auto sent = s.hub.log().content_bytes_sent();
  CHECK(sent == got.bundle.totals.bytes_fetched);
  for (const auto& one : got.all) CHECK(one.components.size() == 7);
}

TEST_CASE("a skipped component is left to the caller") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  diffusers_wish wish;
  wish.skip = {"vae"};
  const auto got = s.fetch("acme/pipe", wish);
  CHECK(got.all[0].components.size() == 3);
  CHECK(!got.all[0].components.contains("vae"));
  CHECK(!std::filesystem::exists(got.all[0].path + "/vae"));
}

TEST_CASE("to skip what the pipeline does not have is an error that names what it has") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  diffusers_wish wish;
  wish.skip = {"vaee"};
  const auto failure = s.failure("acme/pipe", wish);
  CHECK(failure.reason() == errc::invalid_argument);
  CHECK(failure.context().repo == "acme/pipe");
  CHECK(contains(failure.detail(), "'vaee'"));
  CHECK(contains(failure.detail(), "text_encoder, tokenizer, unet, vae"));
  CHECK(s.untouched());
}

TEST_CASE("of several pipelines one has what is to be skipped") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  auto files = test::small_pipeline(20);
  auto text = files["model_index.json"].content.text();
  files["model_index.json"] = test::json(text.replace(text.find("\"vae\""), 5, "\"coder\""));
  s.hub.put(test::repo_of("acme/other", files));
  diffusers_wish wish;
  const auto both = [&wish] {
    auto asked = pipeline_scene::one("acme/pipe", wish);
    asked.push_back(pipeline_scene::one("acme/other", wish).front());
    return asked;
  };
  wish.skip = {"vae"};
  CHECK(s.plan(both()).pipelines.size() == 2);
  wish.skip = {"vae", "vaee"};
  CHECK(s.failure(both()).reason() == errc::invalid_argument);
}

TEST_CASE("a component that the index gives, and has no files, is told") {
  pipeline_scene s;
  auto files = test::small_pipeline(10);
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto plan = s.plan(pipeline_scene::one("acme/pipe"));
  REQUIRE(plan.bundle.warnings.size() == 1);
  CHECK(contains(plan.bundle.warnings[0], "'vae' of acme/pipe"));
}

TEST_CASE("a repo without an index is no pipeline") {
  pipeline_scene s;
  s.hub.put(embedded::tiny());
  const auto failure = s.failure("acme/tiny");
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(failure.context().repo == "acme/tiny");
  CHECK(contains(failure.detail(), "no diffusers pipeline"));
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("an index that is none is malformed, whatever its size") {
  pipeline_scene s;
  for (const auto& text : {std::string("[]"), std::string("{"), std::string(2 << 20, ' ')}) {
    auto files = test::small_pipeline(10);
    files["model_index.json"] = test::json(text);
    s.hub.put(test::repo_of("acme/pipe", files));
    const auto failure = s.failure("acme/pipe");
    CHECK(failure.reason() == errc::malformed_file);
    CHECK(failure.context().repo == "acme/pipe");
    CHECK(failure.context().file == "model_index.json");
  }
  CHECK(s.untouched());
}

TEST_CASE("a variant that is not there is an error that names those that are, and nothing is fetched") {
  pipeline_scene s;
  auto files = test::small_pipeline(10);
  files["unet/diffusion_pytorch_model.bf16.safetensors"] = test::weights(50);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto failure = s.failure("acme/pipe", test::wish_variant("fp16"));
  CHECK(failure.reason() == errc::file_not_found);
  CHECK(failure.context().repo == "acme/pipe");
  CHECK(contains(failure.what(), "bf16"));
  CHECK(s.untouched());
  CHECK(s.hub.log().content_gets() == 1);  // the index
}

TEST_CASE("what the index does not decide cannot be asked") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  snapshot_options mapped;
  mapped.mapping.emplace();
  snapshot_options locked;
  locked.lock.emplace();
  for (const auto& options : {snapshot_options().with_allow({"*"}), snapshot_options().with_ignore({"*.bin"}),
                              snapshot_options().with_files({"model_index.json"}), mapped, locked}) {
    CHECK(s.failure({with_options("acme/pipe", options)}).reason() == errc::invalid_argument);
  }
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a minimal pipeline leaves no listing that other clients would measure it by") {
  pipeline_scene s;
  auto files = test::small_pipeline(10);
  files["old/diffusion_pytorch_model.safetensors"] = test::weights(60);
  s.hub.put(test::repo_of("acme/pipe", files));
  const auto got = s.fetch("acme/pipe", minimal());
  CHECK(!std::filesystem::exists(got.all[0].path + "/old"));
  const auto& commit = got.bundle.parts[0].commit;
  CHECK(!std::filesystem::exists(tree_of(s, "acme/pipe", commit)));
  s.here.config.offline = true;
  const auto again = s.fetch("acme/pipe", minimal());
  CHECK(again.all[0].components.at("vae").files == got.all[0].components.at("vae").files);
  CHECK(again.bundle.totals.bytes_present == got.bundle.totals.bytes_total);
}

TEST_CASE("offline, a minimal pipeline is not whole without a component that was skipped") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  auto wish = minimal();
  wish.skip = {"vae"};
  s.fetch("acme/pipe", wish);
  s.here.config.offline = true;
  CHECK(s.fetch("acme/pipe", wish).all[0].components.size() == 3);
  const auto failure = s.failure("acme/pipe", minimal());
  CHECK(failure.reason() == errc::not_cached);
  CHECK(failure.context().repo == "acme/pipe");
  CHECK(contains(failure.detail(), "'vae'"));
}

TEST_CASE("a pipeline as diffusers chooses it leaves the listing that diffusers asks for") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  const auto got = s.fetch("acme/pipe");
  CHECK(std::filesystem::exists(tree_of(s, "acme/pipe", got.bundle.parts[0].commit)));
  s.hub.log().clear();
  s.here.config.offline = true;
  const auto again = s.fetch("acme/pipe");
  CHECK(again.all[0].path == got.all[0].path);
  CHECK(again.bundle.totals.bytes_fetched == 0);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("offline, a pipeline that was never fetched is not in the cache") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  s.here.snapshot("acme/pipe", snapshot_options().with_files({"README.md"}));
  s.here.config.offline = true;
  const auto failure = s.failure("acme/pipe");
  CHECK(failure.reason() == errc::not_cached);
  CHECK(failure.context().repo == "acme/pipe");
}

TEST_CASE("a pipeline asked for twice is asked of the Hub once") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  auto asked = pipeline_scene::one("acme/pipe");
  diffusers_wish wish;
  wish.skip = {"unet"};
  asked.emplace_back("acme/pipe", pipeline_options().with_wish(wish));
  const auto plan = s.plan(std::move(asked));
  CHECK(s.hub.log().count() == 4);  // commit, listing, the index by a redirect
  CHECK(plan.bundle.parts.size() == 1);
  REQUIRE(plan.pipelines.size() == 2);
  CHECK(plan.pipelines[0].components.size() == 4);
  CHECK(plan.pipelines[1].components.size() == 3);
}

TEST_CASE("a pipeline in a local folder is plain files there") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  const auto folder = s.here.home / "out";
  const auto got = s.run(s.plan({with_options("acme/pipe", snapshot_options().with_local_dir(folder))}));
  CHECK(got.all[0].path == folder);
  CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(folder + "/vae/config.json")));
}

TEST_CASE("a local folder takes one pipeline") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/one", test::small_pipeline(10)));
  s.hub.put(test::repo_of("acme/two", test::small_pipeline(20)));
  const auto options = snapshot_options().with_local_dir(s.here.home / "out");
  const auto failure = s.failure({with_options("acme/one", options), with_options("acme/two", options)});
  CHECK(failure.reason() == errc::invalid_argument);
  CHECK(failure.context().repo == "acme/one");
  CHECK(contains(failure.detail(), "acme/two"));
  CHECK(!std::filesystem::exists(s.here.home / "out"));
}

TEST_CASE("a coroutine plans and runs a pipeline on the embedder's executor") {
  pipeline_scene s;
  s.hub.put(test::repo_of("acme/pipe", test::small_pipeline(10)));
  asio::io_context context{1};
  hubcache::workers pool{1};
  hubcache::cache cache(context.get_executor(), pool, s.here.config);
  hubcache::pipelines got;
  auto work = [&]() -> asio::awaitable<void> {
    auto plan = co_await cache.async_plan_pipelines(pipeline_scene::one("acme/pipe"), asio::use_awaitable);
    got = co_await cache.async_run(std::move(plan), asio::use_awaitable);
  };
  auto done = asio::co_spawn(context, work, asio::use_future);
  context.run();
  done.get();
  CHECK(got.all.at(0).components.size() == 4);
}
