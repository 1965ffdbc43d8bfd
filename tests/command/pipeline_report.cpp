#include "pipeline_report.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace hubcache;

namespace {

/// A preview of a/p, whose VAE is in the folder deep/vae of b/v. Nothing of it is here.
command::pipelines_outcome make_outcome() {
  command::pipelines_outcome result;
  const auto add_part = [&result](const char* id, const std::string& path, const char* role, char letter) {
    bundle_part part;
    part.what.repo = repo(id);
    part.what.revision = "main";
    part.what.view = "/c/" + std::string(id);
    part.what.listing.commit = std::string(40, letter);
    part.what.entries.emplace_back().path = path;
    part.what.steps.emplace_back().what = content(*digest::parse(std::string(64, letter)), 1500);
    part.roles.emplace_back(path, role);
    result.plan.bundle.parts.push_back(std::move(part));
  };
  add_part("a/p", "model_index.json", "pipeline", '1');
  add_part("b/v", "deep/vae/w.safetensors", "component:vae", '2');
  planned_component vae;
  vae.said.name = "vae";
  vae.part = 1;
  vae.folder = "deep/vae";
  vae.files = {"deep/vae/w.safetensors"};
  planned_pipeline one;
  one.files = {"model_index.json"};
  one.components.push_back(std::move(vae));
  result.plan.pipelines.push_back(std::move(one));
  result.plan.asked = 1;
  result.done = preview(result.plan);
  return result;
}

/// The directory /d of it.
assembly make_assembly() {
  assembly shown;
  shown.dir = "/d";
  auto& weights = shown.files.emplace_back();
  weights.path = "vae/w.safetensors";
  weights.repo = repo("b/v");
  weights.source = "deep/vae/w.safetensors";
  shown.texts.emplace_back("model_index.json", "{}");
  return shown;
}

/// The members from `key` on.
std::string from(const std::string& json, const std::string& key) {
  const auto at = json.find("\"" + key + "\": ");
  return at == json.npos ? "" : json.substr(at);
}

}  // namespace

TEST_CASE("components stand in the JSON at the folders that they are in") {
  const auto text = command::json_of(make_outcome());
  CHECK(text.starts_with(R"({"path": "/c/a/p", "repos": [)"));
  CHECK(from(text, "components") ==
        R"("components": {"vae": {"dir": "/c/b/v/deep/vae", "files": ["/c/b/v/deep/vae/w.safetensors"]}}})");
}

TEST_CASE("a component's name cannot leave its JSON string") {
  auto result = make_outcome();
  auto& name = result.plan.pipelines[0].components[0].said.name;
  name = "v\",\"x\":\"";
  result.done = preview(result.plan);
  CHECK(
      from(command::json_of(result), "components").starts_with(R"("components": {"v\",\"x\":\"": {"dir": )"));
}

TEST_CASE("an assembled directory takes the place of the snapshots in the JSON") {
  auto result = make_outcome();
  result.shown = make_assembly();
  const auto dry = command::json_of(result);
  CHECK(dry.starts_with(R"({"path": "/d", "repos": [)"));
  CHECK(from(dry, "components") ==
        R"("components": {"vae": {"dir": "/d/vae", "files": ["/d/vae/w.safetensors"]}}, )"
        R"("assembled": [{"path": "vae/w.safetensors", "link": null}, )"
        R"({"path": "model_index.json", "link": null}]})");
  auto& linked = result.assembled.files.emplace_back();
  linked.path = "vae/w.safetensors";
  linked.link = link_kind::hard_link;
  result.assembled.files.emplace_back().path = "model_index.json";
  CHECK(from(command::json_of(result), "assembled") ==
        R"("assembled": [{"path": "vae/w.safetensors", "link": "hardlink"}, )"
        R"({"path": "model_index.json", "link": null}]})");
}

TEST_CASE("a pipeline that connects to another one has both in its JSON, and its own path") {
  auto result = make_outcome();
  auto prior = result.plan.pipelines[0];
  prior.part = 1;
  prior.files.clear();
  result.plan.pipelines.push_back(std::move(prior));
  result.done = preview(result.plan);
  const auto text = command::json_of(result);
  CHECK(text.starts_with(R"({"path": "/c/a/p", )"));
  CHECK(from(text, "components").starts_with(R"("components": {"vae": )"));
  const auto list = from(text, "pipelines");
  CHECK(list.starts_with(R"("pipelines": [{"repo_id": "a/p", "revision": "main", "commit": "1111)"));
  CHECK(list.find(R"({"repo_id": "b/v", )") != list.npos);
  CHECK(list.ends_with(R"("bytes_shared": 1500, "bytes_alone": 0, "bytes_to_fetch": 0}]})"));
  CHECK(command::paths_of(result) == std::vector<std::string>{"/c/a/p"});
}

TEST_CASE("several pipelines have no path of their own in the JSON") {
  auto result = make_outcome();
  result.plan.pipelines.push_back(result.plan.pipelines[0]);
  result.plan.asked = 2;
  result.done = preview(result.plan);
  const auto text = command::json_of(result);
  CHECK(text.starts_with(R"({"path": null, "repos": [)"));
  CHECK(from(text, "pipelines").find(R"("components": {"vae": )") != text.npos);
  CHECK(command::paths_of(result).size() == 2);
}

TEST_CASE("several pipelines of one commit have the JSON of several") {
  auto result = make_outcome();
  result.plan.bundle.parts.pop_back();
  result.plan.pipelines[0].components.clear();
  result.plan.pipelines.push_back(result.plan.pipelines[0]);
  result.plan.asked = 2;
  result.done = preview(result.plan);
  const auto text = command::json_of(result);
  CHECK(text.starts_with(R"({"path": null, "repos": [{"path": "/c/a/p", )"));
  CHECK(from(text, "pipelines").starts_with(R"("pipelines": [{"repo_id": "a/p")"));
}

TEST_CASE("the table of a dry run tells where each component comes from and what it costs") {
  auto result = make_outcome();
  result.plan.bundle.parts[1].what.revision = "v2";
  result.shown = make_assembly();
  CHECK(command::preview_of(result) ==
        "[dry-run] Will download 2 files (out of 2) totalling 3.0K.\n"
        "\n"
        "COMPONENT  FROM            FILES SIZE PRESENT LINK DOWNLOAD\n"
        "---------- --------------- ----- ---- ------- ---- --------\n"
        "(pipeline) a/p                 1 1.5K       -    -     1.5K\n"
        "vae        b/v@v2/deep/vae     1 1.5K       -    -     1.5K\n"
        "\n"
        "/d\n"
        "\n"
        "FILE              FROM\n"
        "----------------- --------------------------\n"
        "vae/w.safetensors b/v/deep/vae/w.safetensors\n"
        "model_index.json  written\n");
}

TEST_CASE("a line tells how the files of a directory came, what went, and what is pinned") {
  assembly_report done;
  done.files.emplace_back().link = link_kind::symlink;
  done.files.emplace_back().link = link_kind::symlink;
  done.files.back().kept = true;
  done.files.emplace_back();
  done.removed = {"old"};
  done.pins.emplace_back("/c", "model/b/v", std::string(40, 'a'));
  CHECK(command::summary_of(done) ==
        "3 files: symlink (1), there already (1), written (1); 1 file of before removed; "
        "pinned model/b/v at aaaaaaaaaaaa");
}
