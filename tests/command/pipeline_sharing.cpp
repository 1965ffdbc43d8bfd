#include "pipeline_sharing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace hubcache;

namespace {

/// A path's content: a letter, which its digest consists of, and a size.
using files = std::map<std::string, std::pair<char, std::uint64_t>>;

content make_content(const std::pair<char, std::uint64_t>& of) {
  return {*digest::parse(std::string(64, of.first)), of.second};
}

/// A repo with these files, all of them to fetch.
bundle_part make_part(const std::string& id, const files& all) {
  bundle_part part;
  part.what.repo = repo(id);
  part.what.revision = "main";
  for (const auto& [path, of] : all) {
    file_entry entry;
    entry.path = path;
    entry.size = of.second;
    entry.lfs = true;
    entry.sha256 = make_content(of).name;
    part.what.listing.files.push_back(std::move(entry));
    plan_entry shown;
    shown.path = path;
    shown.step = part.what.steps.size();
    part.what.entries.push_back(std::move(shown));
    part.what.steps.emplace_back().what = make_content(of);
  }
  return part;
}

planned_component make_component(const std::string& name, std::size_t part, const std::string& folder,
                                 const bundle_part& of) {
  planned_component one;
  one.said.name = name;
  one.part = part;
  one.folder = folder;
  for (const auto& entry : of.what.entries) {
    if (entry.path.starts_with(folder + "/")) one.files.push_back(entry.path);
  }
  return one;
}

/// Adds a pipeline with a repo of its own, whose folders are its components.
void add(pipeline_plan& plan, const std::string& id, const files& all,
         const std::vector<std::string>& folders) {
  planned_pipeline one;
  one.part = plan.bundle.parts.size();
  one.files = {"index.json"};
  plan.bundle.parts.push_back(make_part(id, all));
  for (const auto& folder : folders) {
    one.components.push_back(make_component(folder, one.part, folder, plan.bundle.parts[one.part]));
  }
  plan.pipelines.push_back(std::move(one));
  plan.asked = plan.pipelines.size();
}

/// a/one and b/two have their VAE in common, but for its configuration.
pipeline_plan two_pipelines() {
  pipeline_plan plan;
  add(plan, "a/one",
      {{"index.json", {'1', 10}},
       {"unet/w", {'2', 5000}},
       {"vae/config.json", {'3', 7}},
       {"vae/w", {'4', 900}}},
      {"unet", "vae"});
  add(plan, "b/two",
      {{"index.json", {'5', 20}},
       {"unet/w", {'6', 6000}},
       {"vae/config.json", {'7', 8}},
       {"vae/w", {'4', 900}}},
      {"unet", "vae"});
  return plan;
}

}  // namespace

TEST_CASE("a component is shared if its largest file is, and what differs is told") {
  const auto shared = command::shared_components(two_pipelines());
  REQUIRE(shared.size() == 1);
  CHECK(shared[0].name == "vae");
  CHECK(shared[0].pipelines == std::vector<std::size_t>{0, 1});
  CHECK(shared[0].size == 900);
  CHECK(shared[0].differing == std::vector<std::string>{"config.json"});
}

TEST_CASE("components are compared by what is in their folders, wherever those lie") {
  auto plan = two_pipelines();
  plan.bundle.parts.push_back(make_part("c/vae", {{"deep/vae/w", {'4', 900}}, {"deep/vae/x", {'8', 1}}}));
  plan.pipelines[1].components[1] = make_component("vae", 2, "deep/vae", plan.bundle.parts[2]);
  plan.pipelines[0].components[1].files = {"vae/w"};
  const auto shared = command::shared_components(plan);
  REQUIRE(shared.size() == 1);
  CHECK(shared[0].size == 900);
  CHECK(shared[0].differing == std::vector<std::string>{"x"});
}

TEST_CASE("a content that pipelines share is fetched by the first of them, and alone in none") {
  const auto costs = command::costs_of(two_pipelines());
  REQUIRE(costs.size() == 2);
  CHECK(costs[0].bytes_total == 5917);
  CHECK(costs[0].bytes_shared == 900);
  CHECK(costs[0].bytes_alone == 5017);
  CHECK(costs[0].bytes_to_fetch == 5917);
  CHECK(costs[1].bytes_total == 6928);
  CHECK(costs[1].bytes_shared == 900);
  CHECK(costs[1].bytes_to_fetch == 6028);
}

TEST_CASE("a pipeline costs what its components from other repos cost, each content once") {
  auto plan = two_pipelines();
  plan.bundle.parts.push_back(make_part("c/vae", {{"vae/u", {'2', 5000}}, {"vae/w", {'9', 30}}}));
  plan.pipelines[0].components[1] = make_component("vae", 2, "vae", plan.bundle.parts[2]);
  const auto costs = command::costs_of(plan);
  CHECK(costs[0].bytes_total == 10 + 5000 + 30);
  CHECK(costs[0].bytes_shared == 0);
}

TEST_CASE("the tables name who shares what") {
  auto plan = two_pipelines();
  CHECK(command::sharing_of(plan) ==
        "COMPONENT  SIZE THE SAME IN BUT FOR\n"
        "--------- ----- ----------- -----------\n"
        "vae       900.0 all         config.json\n"
        "\n"
        "PIPELINE SIZE SHARED ALONE DOWNLOAD\n"
        "-------- ---- ------ ----- --------\n"
        "a/one    5.9K  900.0  5.0K     5.9K\n"
        "b/two    6.9K  900.0  6.0K     6.0K\n");
  add(plan, "c/three", {{"index.json", {'8', 20}}, {"unet/w", {'9', 6000}}}, {"unet"});
  plan.bundle.parts.back().what.revision = "v2";
  const auto text = command::sharing_of(plan);
  CAPTURE(text);
  CHECK(text.find("a/one, b/two") != text.npos);
  CHECK(text.find("c/three@v2") != text.npos);
}

TEST_CASE("one pipeline shares nothing") {
  auto plan = two_pipelines();
  plan.pipelines.pop_back();
  CHECK(command::sharing_of(plan).empty());
}
