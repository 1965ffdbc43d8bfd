// `hubcache inspect` and `hubcache compare`, as their users meet them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <support/weight_files.hpp>
#include <utility>
#include <vector>

using test::gguf_text;
using test::safetensors_text;

namespace {

embedded::repo_file lfs(std::string bytes) {
  return embedded::lfs(embedded::file_content::of(std::move(bytes)));
}

/// A pipeline: its vae holds what every one of them holds.
embedded::repo_model pipeline(const std::string& id, const std::vector<std::uint64_t>& shape) {
  embedded::repo_model repo(id);
  repo.commit(
      {{"model_index.json", embedded::regular("{\"of\": \"" + id + "\"}")},
       {"unet/model.safetensors", lfs(safetensors_text(R"({"format":"pt"})").tensor("w", shape).bytes())},
       {"vae/model.safetensors", lfs(safetensors_text().tensor("v", {500}, "BF16").bytes())}});
  return repo;
}

/// A user's shell and a Hub with two pipelines, and one repo of files as bad as can be.
struct shell {
  shell() {
    hub.put(pipeline("acme/sd", {1000, 10}));
    hub.put(pipeline("acme/tuned", {1000, 20}));
    embedded::repo_model bad("acme/bad");
    bad.commit({{"cut.safetensors", lfs("12345678{")},
                {"names.safetensors", lfs(safetensors_text().tensor(R"(\u001b[31m\"red\\)", {3}).bytes())}});
    hub.put(bad);
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }
  test::outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }

  embedded::hub hub;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

std::string commit_of(const std::string& id, const std::vector<std::uint64_t>& shape) {
  return pipeline(id, shape).find("main")->id;
}

}  // namespace

TEST_CASE("inspect tells files, folders, types and cost, and writes nothing") {
  shell s;
  const auto got = s.run({"inspect", "acme/sd"});
  CHECK(got.code == 0);
  CHECK(got.err.empty());
  CHECK(got.tells("acme/sd at " + commit_of("acme/sd", {1000, 10}).substr(0, 12) +
                  ": 3 files, 41.2K, 10.5K parameters\n"));
  CHECK(got.tells("unet/model.safetensors 40.1K download       1      10.0K F32\n"));
  CHECK(got.tells("vae/model.safetensors   1.1K download       1        500 BF16\n"));
  CHECK(got.tells("\nFOLDER FILES  SIZE TO DOWNLOAD PARAMETERS\n"));
  CHECK(got.tells("\nunet       1 40.1K       40.1K      10.0K\n"));
  CHECK(got.tells("\nBF16       1        500  1.0K\n"));
  CHECK(got.tells("\nHere: 0.0 present, 0.0 to link; 41.2K to download\n"));
  CHECK_FALSE(std::filesystem::exists(s.home / "hf"));
}

TEST_CASE("inspect tells what is here") {
  shell s;
  CHECK(s.run({"download", "acme/tuned", "-q"}).code == 0);
  const auto got = s.run({"inspect", "acme/sd"});
  CHECK(got.tells("vae/model.safetensors   1.1K link"));
  CHECK(s.run({"inspect", "acme/tuned"}).tells(" present, 0.0 to link; 0.0 to download\n"));
}

TEST_CASE("one file, or a folder, is named behind the repo, as in an hf:// reference") {
  shell s;
  for (const std::string name :
       {"acme/sd/unet/model.safetensors", "hf://acme/sd@main/unet/model.safetensors"}) {
    const auto got = s.run({"inspect", name, "--tensors"});
    CHECK(got.code == 0);
    CHECK(got.tells(": 1 file, "));
    CHECK(got.tells("\nKEY    VALUE\n------ -----\nformat pt\n"));
    CHECK(got.tells("\nw      F32  [1000, 10] 40.0K unet/model.safetensors\n"));
  }
  CHECK(s.run({"inspect", "acme/sd/vae/", "-q"}).out == "vae/model.safetensors\n");
  CHECK(s.run({"inspect", "acme/sd", "--exclude", "unet/*", "-q"}).out ==
        "model_index.json\nvae/model.safetensors\n");
}

TEST_CASE("inspect --json prints one object with every tensor") {
  shell s;
  const auto got = s.run({"inspect", "acme/sd/unet/model.safetensors", "--json"});
  CHECK(got.code == 0);
  CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 1);
  const auto files = pipeline("acme/sd", {1000, 10}).files();
  const auto& file = files.at("unet/model.safetensors").content;
  const auto size = std::to_string(file.size());
  const auto header = std::to_string(file.size() - 40'000);
  CHECK(got.tells(
      R"({"repo_id": "acme/sd", "repo_type": "model", "revision": "main", "commit": ")" +
      commit_of("acme/sd", {1000, 10}) + R"(", "files": [{"path": "unet/model.safetensors", "size": )" +
      size + R"(, "digest": ")" + file.sha256() +
      R"(", "action": "fetched", "format": "safetensors", "parameters": 10000, "header_bytes": )" + size +
      R"(, "metadata": {"format": "pt"}, "tensors": [{"name": "w", "dtype": "F32", "shape": [1000, 10], )" +
      R"("offset": )" + header + R"(, "size": 40000}], "problem": null}], )" +
      R"("folders": [{"name": "unet", "files": 1, "bytes": )" + size + R"(, "bytes_to_fetch": )" + size +
      R"(, "parameters": 10000}], "parameters": 10000, "bytes_total": )" + size +
      R"(, "bytes_present": 0, "bytes_linked": 0, "bytes_fetched": )" + size + R"(, "requests": )"));
}

TEST_CASE("a header that cannot be read is a warning and exit code 1; names from files do no harm") {
  shell s;
  const auto got = s.run({"inspect", "acme/bad", "--tensors"});
  CHECK(got.code == 1);
  CHECK(got.warns("acme/bad: cut.safetensors: the header would have "));
  CHECK(got.tells("names.safetensors"));
  CHECK(got.tells("\n [31m\"red\\ F32  [3]"));
  CHECK(got.out.find('\x1B') == got.out.npos);
  const auto json = s.run({"inspect", "acme/bad", "--json"});
  CHECK(json.code == 1);
  CHECK(json.tells(R"("name": "\u001b[31m\"red\\", "dtype")"));
  CHECK(json.tells(R"("problem": "the header would have )"));
}

TEST_CASE("inspect and compare fail with the exit codes of a download") {
  shell s;
  CHECK(s.run({"inspect", "acme/sd/nope.gguf"}).code == 5);
  CHECK(s.run({"inspect", "acme/sd", "--revision", "nope"}).code == 5);
  CHECK(s.run({"inspect", "acme/none", "--token", "hf_reader"}).code == 5);
  CHECK(s.run({"inspect", "acme/sd", "--offline"}).code == 8);
  CHECK(s.run({"inspect", "acme/sd/../x"}).code == 2);
  CHECK(s.run({"inspect", "acme/sd:Q4_K_M"}).code == 2);
  CHECK(s.run({"compare", "acme/sd"}).code == 2);
  s.hub.log().clear();
  CHECK(s.run({"compare", "acme/sd", "a/b/../c"}).code == 2);
  CHECK(s.hub.log().count() == 0);
  const auto json = s.run({"compare", "acme/sd", "acme/none", "--token", "hf_reader", "--json"});
  CHECK(json.code == 5);
  CHECK(json.out.starts_with("{\"error\": "));
}

TEST_CASE("compare tells shared files and tensors, and what that does not mean") {
  shell s;
  const auto got = s.run({"compare", "acme/sd", "hf://acme/tuned@main"});
  CHECK(got.code == 0);
  CHECK(got.tells("A: acme/sd at "));
  CHECK(got.tells("\nThe same content: 1.1K (2.6% of A, 1.3% of B)\nOnly in A: 40.1K\nOnly in B: 80.1K\n"));
  CHECK(got.tells("\n1.1K vae/model.safetensors vae/model.safetensors\n"));
  CHECK(got.tells("\nTensors of equal name, type and shape: 1 (50.0% of A, 50.0% of B)\n"));
  CHECK(got.tells("\nOf equal name, but other type or shape: 1\n  unet/w\n"));
  CHECK(got.tells("do not mean equal numbers"));
  CHECK_FALSE(got.tells("vae/v"));
  CHECK(s.run({"compare", "acme/sd", "acme/tuned", "--tensors"}).tells("\n  vae/v\n"));
  CHECK(s.run({"compare", "acme/sd", "acme/tuned", "-q"}).out == "vae/model.safetensors\n");
}

TEST_CASE("inspect and compare offer no options of writing") {
  shell s;
  for (const auto* const name : {"inspect", "compare"}) {
    const auto help = s.run({name, "--help"});
    CHECK(help.tells("--offline"));
    CHECK_FALSE(help.tells("--fsync"));
  }
}

TEST_CASE("compare --json prints one object") {
  shell s;
  const auto got = s.run({"compare", "acme/sd/vae/", "acme/tuned", "--json"});
  CHECK(got.code == 0);
  const auto tuned = pipeline("acme/tuned", {1000, 20}).files();
  const auto vae = tuned.at("vae/model.safetensors").content.size();
  CHECK(
      got.out ==
      R"({"a": {"repo_id": "acme/sd", "repo_type": "model", "revision": "main", "commit": ")" +
          commit_of("acme/sd", {1000, 10}) +
          R"("}, "b": {"repo_id": "acme/tuned", "repo_type": "model", "revision": "main", "commit": ")" +
          commit_of("acme/tuned", {1000, 20}) +
          R"("}, "files": [{"a": "vae/model.safetensors", "b": "vae/model.safetensors"}], "bytes_shared": )" +
          std::to_string(vae) + R"(, "bytes_only_a": 0, "bytes_only_b": )" +
          std::to_string(embedded::total_bytes(tuned) - vae) +
          R"(, "tensors_shared": ["vae/v"], "tensors_differ": [], "tensors_only_a": 0, "tensors_only_b": 1})"
          "\n");
}

TEST_CASE("a GGUF model of one file is told with its metadata") {
  shell s;
  gguf_text text(1, 2);
  text.key("general.architecture", hubcache::gguf_type::string).text("llama");
  text.key("tokens", hubcache::gguf_type::array).array(hubcache::gguf_type::string, 1).text("<s>");
  text.tensor("output.weight", {256}, 12, 0).data(144);
  embedded::repo_model repo("acme/gguf");
  repo.commit({{"model-Q4_K_M.gguf", lfs(text.bytes)}});
  s.hub.put(repo);
  const auto got = s.run({"inspect", "acme/gguf"});
  CHECK(got.tells("\ngeneral.architecture llama\n"));
  CHECK(got.tells("\ntokens               [string x 1]\n"));
  CHECK(got.tells("\nQ4_K       1        256 144.0\n"));
}
