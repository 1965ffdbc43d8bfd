// `hubcache pipeline` as its users meet it: whole pipelines, several at once, and from several repos.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <vector>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

constexpr auto v1_5 = "runwayml/stable-diffusion-v1-5";
constexpr auto v1_4 = "CompVis/stable-diffusion-v1-4";

/// acme/remix: v1-5 with the VAE of v1-4, which its index names by `link`.
embedded::repo_model remix(const embedded::repo_model& of, const std::string& link) {
  auto files = of.files();
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
  auto text = files.at("model_index.json").content.text();
  const std::string local = "[\"diffusers\", \"AutoencoderKL\"]";
  text.replace(text.find(local), local.size(), "\"" + link + "\"");
  files.insert_or_assign("model_index.json", embedded::regular(text));
  embedded::repo_model repo("acme/remix");
  repo.commit(std::move(files));
  return repo;
}

/// A user's shell, and a Hub with two Stable Diffusions, a mix of both and a repo that is no pipeline.
struct shell {
  shell() {
    const auto pair = embedded::stable_diffusion_pair(2'000'000);
    for (const auto& one : pair) hub.put(one);
    hub.put(remix(pair.front(), "https://huggingface.co/" + std::string(v1_4) + "/tree/main/vae"));
    hub.put(embedded::tiny());
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }
  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "pipeline"});
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  /// All names below the home, sorted.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& e : fs::recursive_directory_iterator(home.path())) found.push_back(e.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  /// The snapshot folder of the repo's main.
  [[nodiscard]] std::string snapshot(const std::string& owner, const std::string& name) const {
    return home / ("hf/hub/models--" + owner + "--" + name + "/snapshots/" +
                   hub.get(owner + "/" + name).find("main")->id);
  }

  embedded::hub hub;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Paths of all files below `folder`, relative to it.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& e : fs::recursive_directory_iterator(folder)) {
    if (!e.is_directory()) found.insert(e.path().lexically_relative(folder));
  }
  return found;
}

/// What diffusers loads of the pair's repos, in safetensors.
const std::set<std::string> loaded{"feature_extractor/preprocessor_config.json",
                                   "model_index.json",
                                   "safety_checker/config.json",
                                   "safety_checker/model.safetensors",
                                   "scheduler/scheduler_config.json",
                                   "text_encoder/config.json",
                                   "text_encoder/model.safetensors",
                                   "tokenizer/merges.txt",
                                   "tokenizer/special_tokens_map.json",
                                   "tokenizer/tokenizer_config.json",
                                   "tokenizer/vocab.json",
                                   "unet/config.json",
                                   "unet/diffusion_pytorch_model.safetensors",
                                   "vae/config.json",
                                   "vae/diffusion_pytorch_model.safetensors"};

}  // namespace

TEST_CASE("the last line of stdout is the pipeline's folder, which has the files that diffusers loads") {
  shell s;
  const auto got = s.run({v1_5});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out == s.snapshot("runwayml", "stable-diffusion-v1-5") + "\n");
  CHECK(files_in(lines_of(got.out).back()) == loaded);
  const auto quiet = s.run({v1_5, "-q"});
  CHECK(quiet.out == got.out);
  CHECK(quiet.err.empty());
}

TEST_CASE("a pipeline of one repo is download's JSON with roles and components") {
  shell s;
  const auto got = s.run({v1_5, "--json"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  const auto path = s.snapshot("runwayml", "stable-diffusion-v1-5");
  CHECK(got.out.starts_with("{\"path\": \"" + path + "\", \"repo_id\": \"" + v1_5 + "\""));
  CHECK(lines_of(got.out).size() == 1);
  CHECK(got.tells("\"role\": \"component:vae\""));
  CHECK(got.tells("\"role\": \"pipeline\""));
  CHECK(got.tells("\"vae\": {\"dir\": \"" + path + "/vae\", \"files\": [\"" + path +
                  "/vae/config.json\", \"" + path + "/vae/diffusion_pytorch_model.safetensors\"]}"));
  CHECK_FALSE(got.tells("\"pipelines\""));
  CHECK_FALSE(got.tells("\"assembled\""));
}

TEST_CASE("a second pipeline costs only what is its own") {
  shell s;
  const auto both = s.run({v1_5, v1_4});
  CAPTURE(both.err);
  CHECK(both.code == 0);
  CHECK(lines_of(both.out) == std::vector<std::string>{s.snapshot("runwayml", "stable-diffusion-v1-5"),
                                                       s.snapshot("CompVis", "stable-diffusion-v1-4")});
  CHECK(both.warns("text_encoder"));
  CHECK(both.warns("THE SAME IN"));

  std::map<std::string, std::uint64_t> contents;
  for (const auto* id : {v1_5, v1_4}) {
    const auto& files = s.hub.get(id).files();
    for (const auto& path : loaded) contents[files.at(path).etag()] = files.at(path).content.size();
  }
  std::uint64_t once = 0;
  for (const auto& [name, size] : contents) once += size;
  // Both indexes were read to plan, and then fetched.
  std::uint64_t indexes = 0;
  for (const auto* id : {v1_5, v1_4}) indexes += s.hub.get(id).files().at("model_index.json").content.size();
  const auto sent = s.hub.log().content_bytes_sent();
  CHECK(sent >= once);
  CHECK(sent <= once + indexes);
}

TEST_CASE("several pipelines are one JSON object that tells what each costs beyond the others") {
  shell s;
  const auto got = s.run({v1_5, v1_4, "--json", "--dry-run"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(lines_of(got.out).size() == 1);
  CHECK(got.tells("\"repos\": ["));
  const auto from = got.out.find("\"pipelines\": [");
  REQUIRE(from != std::string::npos);
  const auto text = got.out.substr(from);
  for (const auto* id : {v1_5, v1_4}) CHECK(text.find("\"repo_id\": \"" + std::string(id)) != text.npos);
  for (const auto* key :
       {"revision", "commit", "path", "components", "bytes_shared", "bytes_alone", "bytes_to_fetch"})
    CHECK(text.find("\"" + std::string(key) + "\": ") != text.npos);
  std::uint64_t shared = 0;
  const auto& one = s.hub.get(v1_5).files();
  const auto& other = s.hub.get(v1_4).files();
  for (const auto& path : loaded) {
    if (one.at(path).etag() == other.at(path).etag()) shared += one.at(path).content.size();
  }
  CHECK(text.find("\"bytes_shared\": " + std::to_string(shared) + ",") != text.npos);
  CHECK(text.find("\"components\"") < text.find("\"bytes_shared\""));
}

TEST_CASE("a dry run shows where each component would come from, and changes nothing") {
  shell s;
  const auto before = s.names();
  const auto got = s.run({"acme/remix", "--dry-run"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(s.names() == before);
  const auto lines = lines_of(got.out);
  const auto row = [&lines](const std::string& name) {
    const auto at = std::find_if(lines.begin(), lines.end(),
                                 [&name](const std::string& line) { return line.starts_with(name + " "); });
    return at == lines.end() ? std::string() : *at;
  };
  CHECK(row("COMPONENT").find("DOWNLOAD") != std::string::npos);
  CHECK(row("(pipeline)").find("acme/remix") != std::string::npos);
  CHECK(row("unet").find("acme/remix") != std::string::npos);
  CHECK(row("vae").find(std::string(v1_4) + "/vae") != std::string::npos);
  CHECK(lines.back() == s.snapshot("acme", "remix"));
  const auto quiet = s.run({"acme/remix", "--plan", "-q"});
  CHECK(lines_of(quiet.out) == std::vector<std::string>{lines.back()});
}

TEST_CASE("variant, skip and formats choose among a pipeline's files") {
  shell s;
  const auto files = [&s](std::vector<std::string> options) {
    fs::remove_all(s.home / "hf");
    options.insert(options.begin(), {v1_5, "-q"});
    const auto got = s.run(std::move(options));
    CAPTURE(got.err);
    CHECK(got.code == 0);
    return files_in(lines_of(got.out).back());
  };
  const auto fp16 = files({"--variant", "fp16"});
  CHECK(fp16.contains("unet/diffusion_pytorch_model.fp16.safetensors"));
  CHECK_FALSE(fp16.contains("unet/diffusion_pytorch_model.safetensors"));
  const auto skipped = files({"--skip", "vae,safety_checker"});
  CHECK(std::none_of(skipped.begin(), skipped.end(), [](const std::string& path) {
    return path.starts_with("vae/") || path.starts_with("safety_checker/");
  }));
  CHECK(skipped.contains("unet/diffusion_pytorch_model.safetensors"));
  const auto pickles = files({"--no-safetensors"});
  CHECK(pickles.contains("unet/diffusion_pytorch_model.bin"));
  CHECK_FALSE(pickles.contains("unet/diffusion_pytorch_model.safetensors"));
}

TEST_CASE("minimal leaves out what loading never reads") {
  shell s;
  auto more = s.hub.get(v1_5).files();
  more.emplace("vae_1_0/diffusion_pytorch_model.safetensors",
               embedded::lfs(embedded::file_content::generated(99, 5000)));
  embedded::repo_model repo("acme/two-vaes");
  repo.commit(std::move(more));
  s.hub.put(repo);
  const auto minimal = s.run({"acme/two-vaes", "--select", "minimal", "-q"});
  CHECK(minimal.code == 0);
  CHECK(files_in(lines_of(minimal.out).back()) == loaded);
  const auto all = s.run({"acme/two-vaes", "-q"});
  CHECK(files_in(lines_of(all.out).back()).contains("vae_1_0/diffusion_pytorch_model.safetensors"));
}

TEST_CASE("a component from another repo is told where it lies") {
  shell s;
  const auto got = s.run({"acme/remix", "--json"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  const auto vae = s.snapshot("CompVis", "stable-diffusion-v1-4") + "/vae";
  CHECK(got.tells("\"path\": \"" + s.snapshot("acme", "remix") + "\""));
  CHECK(got.tells("\"vae\": {\"dir\": \"" + vae + "\", \"files\": [\"" + vae + "/config.json\", "));
  CHECK(got.tells("\"unet\": {\"dir\": \"" + s.snapshot("acme", "remix") + "/unet\""));
  CHECK(got.tells("\"repos\": ["));
}

TEST_CASE("--assemble makes one directory of all repos, and a dry run only tells of it") {
  shell s;
  const auto dir = s.home / "out/remix";
  const auto dry = s.run({"acme/remix", "--assemble", dir, "--dry-run"});
  CAPTURE(dry.err);
  CHECK(dry.code == 0);
  CHECK_FALSE(fs::exists(dir));
  CHECK(dry.tells(std::string(v1_4) + "/vae/diffusion_pytorch_model.safetensors"));
  CHECK(lines_of(dry.out).back() == dir);

  const auto got = s.run({"acme/remix", "--assemble", dir, "--json"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("{\"path\": \"" + dir + "\""));
  CHECK(got.tells("\"vae\": {\"dir\": \"" + dir + "/vae\", \"files\": [\"" + dir + "/vae/config.json\", "));
  CHECK(got.tells("{\"path\": \"model_index.json\", \"link\": null}"));
  auto expected = loaded;
  expected.insert("hubcache-assembly.json");
  CHECK(files_in(dir) == expected);
  const auto vae = s.hub.get(v1_4).files().at("vae/diffusion_pytorch_model.safetensors");
  CHECK(test::read_file(dir + "/vae/diffusion_pytorch_model.safetensors") == vae.content.text());
  CHECK(test::read_file(dir + "/model_index.json").find("https://") == std::string::npos);

  const auto again = s.run({"acme/remix", "--assemble", dir});
  CHECK(again.out == dir + "\n");
  CHECK(again.warns("there already"));
}

TEST_CASE("--plain-names gives the files of a variant the names that engines know") {
  shell s;
  const auto dir = s.home / "plain";
  const auto got = s.run({v1_5, "--variant", "fp16", "--assemble", dir, "--plain-names", "-q"});
  CAPTURE(got.err);
  CHECK(got.out == dir + "\n");
  const auto unet = s.hub.get(v1_5).files().at("unet/diffusion_pytorch_model.fp16.safetensors");
  CHECK(test::read_file(dir + "/unet/diffusion_pytorch_model.safetensors") == unet.content.text());
}

TEST_CASE("a pipeline that is here needs no network") {
  shell s;
  for (const auto* id : {v1_5, "acme/remix"}) {
    const auto first = s.run({id, "-q"});
    s.hub.log().clear();
    const auto again = s.run({id, "-q", "--offline"});
    CAPTURE(again.err);
    CHECK(again.code == 0);
    CHECK(again.out == first.out);
    CHECK(s.hub.log().count() == 0);
  }
}

TEST_CASE("every way in which a pipeline cannot be had has its exit code, and nothing is fetched") {
  shell s;
  s.environment["HF_TOKEN"] = "hf_reader";
  auto elsewhere = remix(s.hub.get(v1_5), "https://example.invalid/acme/vae");
  elsewhere.id = "acme/elsewhere";
  s.hub.put(elsewhere);
  auto gone = remix(s.hub.get(v1_5), "hf://acme/no-such-vae");
  gone.id = "acme/gone";
  s.hub.put(gone);
  auto closed = remix(s.hub.get(v1_5), "hf://acme/gated");
  closed.id = "acme/closed";
  s.hub.put(closed);
  embedded::repo_model gated("acme/gated");
  gated.gated = embedded::gate::manual;
  gated.commit(
      {{"config.json", embedded::regular("{}")},
       {"diffusion_pytorch_model.safetensors", embedded::lfs(embedded::file_content::generated(98, 3000))}});
  s.hub.put(gated);
  const auto taken = s.home / "taken";
  s.home.write("taken/mine.txt", "mine");
  const auto expect = [&s](int code, std::vector<std::string> arguments, const std::string& names) {
    const auto got = s.run(arguments);
    CAPTURE(got.err);
    CHECK(got.code == code);
    CHECK(got.out.empty());
    CHECK(got.warns("error: "));
    CHECK(got.warns(names));
    arguments.push_back("--json");
    CHECK(s.run(arguments).out.starts_with("{\"error\": {"));
  };
  expect(2, {v1_5, v1_4, "--assemble", s.home / "d"}, "one REPO");
  expect(2, {v1_5, "--plain-names"}, "--assemble");
  expect(2, {v1_5, "--skip", "va"}, "va");
  expect(2, {"acme/remix", "--local-dir", s.home / "d"}, "vae");
  expect(4, {"acme/closed"}, "acme/gated");
  expect(5, {"acme/tiny"}, "model_index.json");
  expect(5, {v1_5, "--variant", "bf16"}, "fp16");
  expect(5, {"no/such"}, "no/such");
  expect(5, {"acme/gone"}, "acme/no-such-vae");
  expect(8, {v1_5, "--offline"}, v1_5);
  expect(9, {"acme/elsewhere"}, "example.invalid");
  expect(9, {v1_5, "--assemble", taken}, taken);
  expect(9, {v1_5, "--assemble", s.home / "hf/hub/d", "--dry-run"}, "hf/hub");
  for (const auto& name : s.names()) {
    CAPTURE(name);
    CHECK_FALSE(name.ends_with(".safetensors"));
  }
  CHECK(files_in(taken) == std::set<std::string>{"mine.txt"});
}

TEST_CASE("a pipeline brings those that it connects to, and tells of both") {
  shell s;
  auto files = s.hub.get(v1_4).files();
  auto text = files.at("model_index.json").content.text();
  const std::string plain = "StableDiffusionPipeline";
  text.replace(text.find(plain), plain.size(), "KandinskyCombinedPipeline");
  files.insert_or_assign("model_index.json", embedded::regular(text));
  files.insert_or_assign("README.md",
                         embedded::regular("---\nprior:\n  - " + std::string(v1_5) + "\n---\n# Combined\n"));
  embedded::repo_model combined("acme/combined");
  combined.commit(std::move(files));
  s.hub.put(combined);
  const auto got = s.run({"acme/combined"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out == s.snapshot("acme", "combined") + "\n");
  CHECK(fs::exists(s.snapshot("runwayml", "stable-diffusion-v1-5") + "/unet/config.json"));
  const auto json = s.run({"acme/combined", "--json"});
  CHECK(json.out.starts_with("{\"path\": \"" + s.snapshot("acme", "combined") + "\""));
  const auto list = json.out.find("\"pipelines\": [{\"repo_id\": \"acme/combined\"");
  CHECK(list != std::string::npos);
  CHECK(json.out.find("{\"repo_id\": \"" + std::string(v1_5) + "\"", list) != std::string::npos);
}

TEST_CASE("a folder of one's own holds plain files") {
  shell s;
  const auto got = s.run({v1_5, "--local-dir", s.home / "d", "-q"});
  CAPTURE(got.err);
  CHECK(got.out == s.home / "d" + "\n");
  CHECK(fs::is_regular_file(fs::symlink_status(s.home / "d/unet/diffusion_pytorch_model.safetensors")));
}

TEST_CASE("what keeps a directory from being assembled is told before anything is fetched") {
  shell s;
  embedded::repo_model blank("acme/blank");
  blank.commit(
      {{"config.json", embedded::regular("{}")},
       {"diffusion_pytorch_model.safetensors", embedded::lfs(embedded::file_content::generated(98, 3000))}});
  s.hub.put(blank);
  auto vague = remix(s.hub.get(v1_5), "hf://acme/blank");
  vague.id = "acme/vague";
  s.hub.put(vague);
  const auto got = s.run({"acme/vague", "--assemble", s.home / "d"});
  CAPTURE(got.err);
  CHECK(got.code == 1);
  CHECK(got.warns("the class of the component 'vae'"));
  CHECK_FALSE(fs::exists(s.home / "hf/hub"));
}

TEST_CASE("a pipeline that the assembled one connects to is told to be no part of it") {
  shell s;
  auto files = s.hub.get(v1_5).files();
  auto text = files.at("model_index.json").content.text();
  const std::string plain = "StableDiffusionPipeline";
  text.replace(text.find(plain), plain.size(), "StableCascadeCombinedPipeline");
  files.insert_or_assign("model_index.json", embedded::regular(text));
  files.insert_or_assign("README.md", embedded::regular("---\nprior: [" + std::string(v1_4) + "]\n---\n"));
  embedded::repo_model combined("acme/combined");
  combined.commit(std::move(files));
  s.hub.put(combined);
  const auto got = s.run({"acme/combined", "--assemble", s.home / "d"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.warns(std::string(v1_4) + ", which is fetched, but is no part of the assembled directory"));
}
