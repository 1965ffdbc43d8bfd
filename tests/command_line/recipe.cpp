// `hubcache recipe`, as its users meet it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;
using embedded::file_content;
using result = test::outcome;

namespace {

const auto model = file_content::generated(1, 90'000);
const auto autoencoder = file_content::generated(2, 40'000);
const auto clip = file_content::generated(3, 30'000);
const auto t5 = file_content::generated(4, 80'000);

void put(embedded::hub& hub, const std::string& id, embedded::file_map files) {
  embedded::repo_model repo(id);
  repo.commit(std::move(files));
  hub.put(repo);
}

/// A user's shell, and a Hub with the repos of examples/recipes/flux-dev.toml.
struct shell {
  shell() {
    embedded::file_map files;
    files["flux1-dev-Q4_K_S.gguf"] = embedded::lfs(model);
    files["flux1-dev-Q8_0.gguf"] = embedded::lfs(file_content::generated(5, 120'000));
    files["README.md"] = embedded::regular("Quantised.");
    put(hub, "city96/FLUX.1-dev-gguf", std::move(files));
    files.clear();
    files["ae.safetensors"] = embedded::lfs(autoencoder);
    files["vae/config.json"] = embedded::regular("{\"of\": \"vae\"}");
    put(hub, "black-forest-labs/FLUX.1-dev", std::move(files));
    files.clear();
    files["clip_l.safetensors"] = embedded::lfs(clip);
    files["t5xxl_fp16.safetensors"] = embedded::lfs(t5);
    put(hub, "comfyanonymous/flux_text_encoders", std::move(files));
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }
  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  /// Another commit of the autoencoder's repo, with other weights.
  void move_branch() {
    auto repo = hub.get("black-forest-labs/FLUX.1-dev");
    auto files = repo.files();
    files["ae.safetensors"] = embedded::lfs(file_content::generated(6, 40'000));
    repo.commit(std::move(files));
    hub.put(repo);
  }

  embedded::hub hub;
  test::temp_folder home;
  std::string flux = HUBCACHE_EXAMPLES_FOLDER "/recipes/flux-dev.toml";
  /// Has a small file, whose sha256 the Hub does not tell.
  std::string mixed =
      home.write("mixed.toml",
                 "[roles.vae]\nrepo = \"black-forest-labs/FLUX.1-dev\"\nfile = \"ae.safetensors\"\n"
                 "[roles.config]\nrepo = \"black-forest-labs/FLUX.1-dev\"\nfile = \"vae/\"\n");
  std::string lock = home / "flux.lock.json";
  std::map<std::string, std::string> environment;
};

/// The lines of `text` as role -> path.
std::map<std::string, std::string> roles_in(const std::string& text) {
  std::map<std::string, std::string> roles;
  for (std::size_t at = 0; at < text.size();) {
    const auto tab = text.find('\t', at);
    const auto end = text.find('\n', at);
    REQUIRE(tab < end);
    REQUIRE(end < text.size());
    roles[text.substr(at, tab - at)] = text.substr(tab + 1, end - tab - 1);
    at = end + 1;
  }
  return roles;
}

}  // namespace

TEST_CASE("recipe fetch prints role and path of each role of the example recipe") {
  shell s;
  const auto got = s.run({"recipe", "fetch", s.flux});
  CHECK(got.code == 0);
  CHECK(got.warns("3 repos: 4 files"));
  CHECK(got.out.starts_with("diffusion-model\t"));
  auto roles = roles_in(got.out);
  REQUIRE(roles.size() == 4);
  CHECK(test::read_file(roles["diffusion-model"]) == model.text());
  CHECK(test::read_file(roles["vae"]) == autoencoder.text());
  CHECK(test::read_file(roles["clip_l"]) == clip.text());
  CHECK(test::read_file(roles["t5xxl"]) == t5.text());
  CHECK(s.hub.log().content_bytes_sent() == model.size() + autoencoder.size() + clip.size() + t5.size());
  s.hub.log().clear();
  CHECK(s.run({"recipe", "fetch", s.flux, "-q"}).out == got.out);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("recipe fetch --json tells each role with repo, commit, size and sha256") {
  shell s;
  const auto got = s.run({"recipe", "fetch", s.flux, "--json"});
  CHECK(got.code == 0);
  CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 1);
  const auto commit = s.hub.get("black-forest-labs/FLUX.1-dev").find("main")->id;
  const auto path =
      s.home / ("hf/hub/models--black-forest-labs--FLUX.1-dev/snapshots/" + commit + "/ae.safetensors");
  const auto file = "\"path\": \"" + path + "\", ";
  const auto facts = "\"size\": 40000, \"sha256\": \"" + autoencoder.sha256() + "\"";
  CHECK(got.tells("\"vae\": {" + file +
                  "\"repo_id\": \"black-forest-labs/FLUX.1-dev\", \"repo_type\": \"model\", \"commit\": \"" +
                  commit + "\", \"file\": \"ae.safetensors\", " + facts + ", \"files\": [{" + file +
                  "\"file\": \"ae.safetensors\", " + facts + "}]}"));
  CHECK(got.tells("\"bytes_fetched\": 240000"));
  CHECK(got.tells("\"repos\": [{"));
}

TEST_CASE("recipe fetch --dry-run tells sizes, roles and paths, and fetches nothing") {
  shell s;
  const auto plan = s.run({"recipe", "fetch", s.flux, "--dry-run"});
  CHECK(plan.code == 0);
  CHECK(plan.tells("[dry-run] Will download 4 files (out of 4) totalling 240.0K."));
  CHECK(plan.tells("\nvae\t"));
  CHECK(s.hub.log().content_gets() == 0);
  CHECK_FALSE(fs::exists(s.home / "hf/hub"));
  const auto paths = s.run({"recipe", "fetch", s.flux, "--dry-run", "-q"}).out;
  CHECK(paths == s.run({"recipe", "fetch", s.flux, "-q"}).out);
}

TEST_CASE("recipe lock fetches nothing but small files; fetch --lock brings the same bytes, offline again") {
  shell s;
  const auto wrote = s.run({"recipe", "lock", s.mixed});
  CHECK(wrote.code == 0);
  CHECK(wrote.out == s.home / "mixed.lock.json\n");
  CHECK(wrote.warns("locked 2 files of 1 repo"));
  CHECK(s.hub.log().content_gets() == 1);
  s.move_branch();
  const auto got = s.run({"recipe", "fetch", s.mixed, "--lock", s.home / "mixed.lock.json"});
  CHECK(got.code == 0);
  CHECK(test::read_file(roles_in(got.out)["vae"]) == autoencoder.text());
  CHECK(test::read_file(roles_in(got.out)["config"] + "/config.json") == "{\"of\": \"vae\"}");
  s.hub.stop();
  const auto again =
      s.run({"recipe", "fetch", s.mixed, "--lock", s.home / "mixed.lock.json", "--offline", "-q"});
  CHECK(again.code == 0);
  CHECK(again.out == got.out);
}

TEST_CASE("recipe lock of LFS files alone fetches no content, and tells as JSON what it locked") {
  shell s;
  const auto wrote = s.run({"recipe", "lock", s.flux, "-o", s.lock, "--json"});
  CHECK(wrote.code == 0);
  CHECK(wrote.out.starts_with("{\"path\": \"" + s.lock +
                              "\", \"repos\": [{\"repo_id\": \"black-forest-labs/FLUX.1-dev\""));
  CHECK(s.hub.log().content_gets() == 0);
  const auto text = test::read_file(s.lock);
  CHECK(text.find(model.sha256()) != text.npos);
  CHECK(text.find(t5.sha256()) != text.npos);
}

TEST_CASE("recipe lock replaces lock files and nothing else") {
  shell s;
  REQUIRE(s.run({"recipe", "lock", s.flux, "-o", s.lock}).code == 0);
  const auto before = test::read_file(s.lock);
  s.move_branch();
  CHECK(s.run({"recipe", "lock", s.flux, "-o", s.lock}).code == 0);
  CHECK(test::read_file(s.lock) != before);
  const auto notes = s.home.write("notes.json", "{\"mine\": 1}");
  s.hub.log().clear();
  const auto refused = s.run({"recipe", "lock", s.flux, "-o", notes});
  CHECK(refused.code == 9);
  CHECK(refused.warns(notes));
  CHECK(test::read_file(notes) == "{\"mine\": 1}");
  CHECK(s.run({"recipe", "lock", s.flux, "-o", s.home / "missing/x.json"}).code == 7);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a lock of other content or of other repos ends the command with 6") {
  shell s;
  REQUIRE(s.run({"recipe", "lock", s.mixed, "-o", s.lock}).code == 0);
  auto text = test::read_file(s.lock);
  text.replace(text.find(autoencoder.sha256()), 64, std::string(64, '0'));
  const auto other = s.run({"recipe", "fetch", s.mixed, "--lock", s.home.write("other.json", text)});
  CHECK(other.code == 6);
  CHECK(other.warns(autoencoder.sha256()));
  const auto lacking = s.run({"recipe", "fetch", s.flux, "--lock", s.lock});
  CHECK(lacking.code == 6);
  CHECK(lacking.warns("diffusion-model"));
}

TEST_CASE("each kind of trouble has its code, and names what it is about") {
  shell s;
  const auto missing = s.run({"recipe", "fetch", s.home / "none.toml"});
  CHECK(missing.code == 7);
  CHECK(missing.warns("none.toml"));
  const auto bad = s.run({"recipe", "fetch", s.home.write("bad.toml", "name = \"x\"\nroles = {}\n")});
  CHECK(bad.code == 2);
  CHECK(bad.warns("bad.toml"));
  CHECK(bad.warns("line 2"));
  const auto wrong =
      s.run({"recipe", "fetch",
             s.home.write(
                 "wrong.toml",
                 "[roles.vae]\nrepo = \"black-forest-labs/FLUX.1-dev\"\nfile = \"vae/ae.safetensors\"\n")});
  CHECK(wrong.code == 5);
  CHECK(wrong.warns("role 'vae'"));
  CHECK(wrong.warns("it has ae.safetensors"));
  const auto json = s.run({"recipe", "fetch", s.home / "wrong.toml", "--json"});
  CHECK(json.tells("\"code\": \"file_not_found\""));
  CHECK(json.tells("\"repo\": \"black-forest-labs/FLUX.1-dev\""));
  const auto twice =
      s.run({"recipe", "lock",
             s.home.write("twice.toml",
                          "[roles.a]\nrepo = \"acme/x\"\nfile = \"a\"\n[roles.b]\nrepo = \"acme/x\"\n"
                          "file = \"a\"\nrevision = \"v1\"\n")});
  CHECK(twice.code == 2);
  CHECK(twice.warns("acme/x"));
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("HUBCACHE_REQUIRE binds recipes, too; a lock meets sha256") {
  shell s;
  s.environment["HUBCACHE_REQUIRE"] = "sha256";
  CHECK(s.run({"recipe", "fetch", s.mixed}).code == 10);
  CHECK(s.run({"recipe", "lock", s.mixed, "-o", s.lock}).code == 0);
  CHECK(s.run({"recipe", "fetch", s.mixed, "--lock", s.lock}).code == 0);
}
