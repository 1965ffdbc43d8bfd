#include <hubcache/recipe.hpp>

#include <doctest/doctest.h>

#include <set>
#include <support/machine.hpp>

using embedded::file_content;
using hubcache::bundle;
using hubcache::errc;
using hubcache::lock_file;
using hubcache::parse_recipe;
using hubcache::recipe;
using hubcache::role_path;
using hubcache::snapshot_options;
using test::machine;

namespace {

const auto shared_weights = file_content::generated(1, 70'000);

embedded::repo_model models() {
  embedded::repo_model repo("acme/models-gguf");
  embedded::file_map files;
  files["m-Q4_K_S-00001-of-00002.gguf"] = embedded::lfs(file_content::generated(2, 50'000));
  files["m-Q4_K_S-00002-of-00002.gguf"] = embedded::lfs(file_content::generated(3, 40'000));
  files["m-Q8_0.gguf"] = embedded::lfs(file_content::generated(4, 90'000));
  files["mmproj-F16.gguf"] = embedded::lfs(file_content::generated(5, 20'000));
  repo.commit(std::move(files));
  return repo;
}

embedded::repo_model autoencoder() {
  embedded::repo_model repo("acme/autoencoder");
  embedded::file_map files;
  files["ae.safetensors"] = embedded::lfs(shared_weights);
  files["config.json"] = embedded::regular("{\"of\": \"ae\"}");
  repo.commit(std::move(files));
  return repo;
}

/// Has the weights of the autoencoder, too, and twice the same vocabulary.
embedded::repo_model encoders() {
  embedded::repo_model repo("acme/encoders", embedded::repo_type::dataset);
  embedded::file_map files;
  files["t5.safetensors"] = embedded::lfs(file_content::generated(6, 60'000));
  files["taken-along/vae.safetensors"] = embedded::lfs(shared_weights);
  files["tokenizer/vocab.json"] = embedded::regular("{\"a\": 1}");
  files["tokenizer/old/vocab.json"] = embedded::regular("{\"a\": 1}");
  files["README.md"] = embedded::regular("Encoders.");
  repo.commit(std::move(files));
  return repo;
}

constexpr std::string_view text = R"TOML(
[roles.model]
repo = "acme/models-gguf"
quant = "Q4_K_S"
[roles.vae]
repo = "acme/autoencoder"
file = "ae.safetensors"
[roles.t5]
repo = "datasets/acme/encoders"
file = "t5.safetensors"
[roles.tokenizer]
repo = "datasets/acme/encoders"
file = "tokenizer/"
[roles.spare-vae]
repo = "datasets/acme/encoders"
file = "taken-along/vae.safetensors"
)TOML";

struct scene {
  scene() {
    hub.put(models());
    hub.put(autoencoder());
    hub.put(encoders());
  }
  bundle fetch(const recipe& what, std::optional<lock_file> lock = std::nullopt) {
    hubcache::cache cache(here.config);
    return cache.run(cache.plan_recipe(what, snapshot_options(), std::move(lock)));
  }
  /// The lock of `what`, made on another machine.
  lock_file lock(const recipe& what) {
    machine elsewhere(hub);
    hubcache::cache cache(elsewhere.config);
    auto result = cache.lock(cache.plan_recipe(what));
    hub.log().clear();
    return result;
  }
  std::optional<hubcache::error> failure(const recipe& what, std::optional<lock_file> lock = std::nullopt) {
    try {
      fetch(what, std::move(lock));
    } catch (const hubcache::error& e) {
      return e;
    }
    return std::nullopt;
  }
  /// Another commit of acme/autoencoder, with other weights.
  void move_branch() {
    auto moved = hub.get("acme/autoencoder");
    embedded::file_map files;
    files["ae.safetensors"] = embedded::lfs(file_content::generated(7, 70'000));
    moved.commit(std::move(files));
    hub.put(moved);
  }
  embedded::hub hub;
  machine here{hub};
};

hubcache::locked_file& entry(lock_file& lock, const std::string& path) {
  for (auto& repo : lock.repos) {
    for (auto& file : repo.files) {
      if (file.path == path) return file;
    }
  }
  throw std::logic_error("no file " + path);
}

recipe one_role(std::string_view lines) { return parse_recipe("[roles.x]\n" + std::string(lines)); }

}  // namespace

TEST_CASE("a recipe of three repos comes in one plan, every content once") {
  scene s;
  const auto got = s.fetch(parse_recipe(text));
  CHECK(got.parts.size() == 3);
  std::set<std::string> seen;
  std::uint64_t bytes = 0;
  for (const auto& file : got.files) {
    CAPTURE(file.file.path);
    CHECK_FALSE(file.role.empty());
    CHECK(file.sha256 ==
          hubcache::digest::parse(file_content::of(test::read_file(got.path_of(file))).sha256()));
    if (seen.insert(file.sha256->hex()).second) bytes += file.file.what.size;
  }
  CHECK(got.files.size() == 8);
  CHECK(seen.size() == 6);
  CHECK(got.totals.bytes_fetched == bytes);
  CHECK(s.hub.log().content_bytes_sent() == bytes);
}

TEST_CASE("every role leads to what an engine opens: a file, the first part of a model, a folder") {
  scene s;
  const auto what = parse_recipe(text);
  const auto got = s.fetch(what);
  const auto folder = [&](const std::string& role) { return got.parts[got.find(role)->part].path; };
  CHECK(paths_of(what, got) ==
        std::vector{role_path("model", folder("model") + "/m-Q4_K_S-00001-of-00002.gguf"),
                    role_path("model.mmproj", folder("model") + "/mmproj-F16.gguf"),
                    role_path("vae", folder("vae") + "/ae.safetensors"),
                    role_path("t5", folder("t5") + "/t5.safetensors"),
                    role_path("tokenizer", folder("t5") + "/tokenizer"),
                    role_path("spare-vae", folder("t5") + "/taken-along/vae.safetensors")});
  for (const auto& one : paths_of(what, got)) CHECK(std::filesystem::exists(one.path));
}

TEST_CASE("a split model is opened by its part 00001, also where there is a part 00000") {
  scene s;
  auto models = s.hub.get("acme/models-gguf");
  auto files = models.files();
  files["m-Q4_K_S-00000-of-00002.gguf"] = embedded::lfs(file_content::generated(8, 10'000));
  models.commit(files);
  s.hub.put(models);
  const auto what = one_role("repo = \"acme/models-gguf\"\nquant = \"Q4_K_S\"");
  const auto got = s.fetch(what);
  CHECK(got.files.size() == 4);
  CHECK(paths_of(what, got).front().path.ends_with("/m-Q4_K_S-00001-of-00002.gguf"));
}

TEST_CASE("a plan warns of parts that a repo lacks") {
  scene s;
  auto models = s.hub.get("acme/models-gguf");
  auto files = models.files();
  files.erase("m-Q4_K_S-00002-of-00002.gguf");
  models.commit(files);
  s.hub.put(models);
  hubcache::cache cache(s.here.config);
  const auto plan = cache.plan_recipe(one_role("repo = \"acme/models-gguf\"\nquant = \"Q4_K_S\""));
  REQUIRE(plan.parts.front().what.warnings.size() == 1);
  CHECK(plan.parts.front().what.warnings[0].find("lacks 1 of the 2 parts") != std::string::npos);
}

TEST_CASE("a plan of a recipe changes nothing on disk and tells where everything will be") {
  scene s;
  const auto what = parse_recipe(text);
  hubcache::cache cache(s.here.config);
  const auto planned = preview(cache.plan_recipe(what));
  CHECK(s.hub.log().content_gets() == 0);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
  CHECK(paths_of(what, planned) == paths_of(what, s.fetch(what)));
}

TEST_CASE("a file may play two roles") {
  scene s;
  const auto what = parse_recipe(
      "[roles.a]\nrepo = \"acme/autoencoder\"\nfile = \"config.json\"\n"
      "[roles.b]\nrepo = \"acme/autoencoder\"\nfile = \"config.json\"\n");
  const auto got = s.fetch(what);
  const auto paths = paths_of(what, got);
  REQUIRE(paths.size() == 2);
  CHECK(paths[0].path == paths[1].path);
  CHECK(s.hub.log().content_gets() == 1);
  CHECK(lock_of(got).repos.front().files.size() == 1);
}

TEST_CASE("a file that is not there ends the plan with its role, its repo and what is near") {
  scene s;
  const auto failure = s.failure(one_role("repo = \"datasets/acme/encoders\"\nfile = \"vae.safetensors\""));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::file_not_found);
  CHECK(failure->context().repo == "datasets/acme/encoders");
  CHECK(failure->context().file == "vae.safetensors");
  CHECK(failure->detail().find("role 'x'") == 0);
  CHECK(failure->detail().find("it has taken-along/vae.safetensors, t5.safetensors") != std::string::npos);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("a tag that nothing has ends the plan, a repo that is not there, too") {
  scene s;
  const auto tag = s.failure(one_role("repo = \"acme/models-gguf\"\nquant = \"Q2_K\""));
  REQUIRE(tag);
  CHECK(tag->reason() == errc::file_not_found);
  CHECK(tag->context().repo == "acme/models-gguf");
  const auto repo = s.failure(one_role("repo = \"acme/nothing\"\nfile = \"x\""));
  REQUIRE(repo);
  CHECK(repo->context().repo == "acme/nothing");
}

TEST_CASE("if one of the repos is gated, nothing of any is fetched") {
  scene s;
  auto gated = autoencoder();
  gated.gated = embedded::gate::manual;
  gated.grants = {"hf_member"};
  s.hub.put(gated);
  const auto failure = s.failure(parse_recipe(text));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);
  CHECK(failure->context().repo == "acme/autoencoder");
  CHECK(s.hub.log().content_bytes_sent() == 0);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
  s.here.config.token = hubcache::secret("hf_member");
  CHECK(s.fetch(parse_recipe(text)).parts.size() == 3);
}

TEST_CASE("one repo at two revisions is two parts, and cannot be locked") {
  scene s;
  const auto first = s.hub.get("acme/autoencoder").find("main")->id;
  s.move_branch();
  const auto what =
      parse_recipe("[roles.old]\nrepo = \"acme/autoencoder\"\nfile = \"ae.safetensors\"\nrevision = \"" +
                   first + "\"\n[roles.new]\nrepo = \"acme/autoencoder\"\nfile = \"ae.safetensors\"\n");
  const auto got = s.fetch(what);
  const auto paths = paths_of(what, got);
  REQUIRE(paths.size() == 2);
  CHECK(test::read_file(paths[0].path) == shared_weights.text());
  CHECK(test::read_file(paths[1].path) == file_content::generated(7, 70'000).text());
  CHECK_THROWS_AS(static_cast<void>(lock_of(got)), hubcache::error);
  CHECK(s.failure(what, s.lock(parse_recipe(text)))->reason() == errc::invalid_argument);
}

TEST_CASE("a lock is made of the listings and the small files alone, and says what a run would") {
  scene s;
  hubcache::cache cache(s.here.config);
  const auto lock = cache.lock(cache.plan_recipe(parse_recipe(text)));
  CHECK(s.hub.log().content_bytes_sent() == std::string_view("{\"a\": 1}").size());
  CHECK(lock == lock_of(s.fetch(parse_recipe(text))));
  REQUIRE(lock.repos.size() == 3);
  CHECK(lock.repos.front().repo == hubcache::repo("acme/encoders", hubcache::repo_type::dataset));
  CHECK(lock.repos.front().files.size() == 4);
  CHECK(hubcache::parse_lock_file(format_lock_file(lock)) == lock);
}

TEST_CASE("a preview with small files is no ground for a lock") {
  scene s;
  hubcache::cache cache(s.here.config);
  const auto planned = preview(cache.plan_recipe(parse_recipe(text)));
  CHECK_THROWS_AS(static_cast<void>(lock_of(planned)), hubcache::error);
}

TEST_CASE("with a lock a branch that moved is ignored") {
  scene s;
  const auto lock = s.lock(parse_recipe(text));
  s.move_branch();
  const auto got = s.fetch(parse_recipe(text), lock);
  CHECK(got.parts[got.find("vae")->part].commit == autoencoder().find("main")->id);
  CHECK(test::read_file(got.path_of(*got.find("vae"))) == shared_weights.text());
  CHECK(lock_of(got) == lock);
}

TEST_CASE("what was fetched with a lock is found again offline; what was not is not") {
  scene s;
  const auto lock = s.lock(parse_recipe(text));
  const auto got = s.fetch(parse_recipe(text), lock);
  s.hub.stop();
  s.here.config.offline = true;
  const auto again = s.fetch(parse_recipe(text), lock);
  CHECK(paths_of(parse_recipe(text), again) == paths_of(parse_recipe(text), got));
  CHECK(again.totals.bytes_fetched == 0);
  CHECK(s.failure(one_role("repo = \"acme/models-gguf\"\nquant = \"Q8_0\""))->reason() == errc::not_cached);
  CHECK(s.failure(one_role("repo = \"acme/nothing\"\nfile = \"x\""))->reason() == errc::not_cached);
}

TEST_CASE("content that is not as locked is refused, of LFS files before a byte of them") {
  scene s;
  auto lock = s.lock(parse_recipe(text));
  entry(lock, "ae.safetensors").sha256 = {};
  auto failure = s.failure(parse_recipe(text), lock);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->context().repo == "acme/autoencoder");
  CHECK(failure->context().file == "ae.safetensors");
  CHECK(s.hub.log().content_bytes_sent() == 0);

  lock = s.lock(parse_recipe(text));
  entry(lock, "tokenizer/vocab.json").sha256 = {};
  entry(lock, "tokenizer/old/vocab.json").sha256 = {};
  failure = s.failure(parse_recipe(text), lock);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
}

TEST_CASE("a lock that lacks a repo or a file of a role, or has another commit, is refused") {
  scene s;
  auto lock = s.lock(parse_recipe(text));
  std::erase_if(lock.repos, [](const auto& one) { return one.repo == hubcache::repo("acme/autoencoder"); });
  auto failure = s.failure(parse_recipe(text), lock);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->context().repo == "acme/autoencoder");
  CHECK(failure->detail().find("role 'vae'") == 0);

  lock = s.lock(parse_recipe(text));
  failure = s.failure(one_role("repo = \"acme/models-gguf\"\nquant = \"Q8_0\""), lock);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->context().file == "m-Q8_0.gguf");

  const auto other = std::string(40, 'a');
  failure = s.failure(
      one_role("repo = \"acme/autoencoder\"\nfile = \"config.json\"\nrevision = \"" + other + "\""), lock);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->detail().find(other) != std::string::npos);
  CHECK(s.hub.log().content_bytes_sent() == 0);
}

TEST_CASE("options that a recipe decides itself are refused, and so is a recipe that cannot be read") {
  scene s;
  hubcache::cache cache(s.here.config);
  const auto refuses = [&](const recipe& what, snapshot_options options) {
    CHECK_THROWS_AS(static_cast<void>(cache.plan_recipe(what, std::move(options))), hubcache::error);
  };
  refuses(parse_recipe(text), snapshot_options().with_revision("v1.0"));
  refuses(parse_recipe(text), snapshot_options().with_allow({"*"}));
  refuses(parse_recipe(text), snapshot_options().with_local_dir("here"));
  refuses(recipe(), snapshot_options());
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a recipe is read from a file, which errors name") {
  const test::temp_folder folder;
  CHECK(hubcache::read_recipe(folder.write("good.toml", text)) == parse_recipe(text));
  const auto path = folder.write("bad.toml", "nom = \"x\"");
  try {
    static_cast<void>(hubcache::read_recipe(path));
    FAIL("it was read");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    CHECK(e.context().file == path);
    CHECK(e.detail().find("line 1") == 0);
  }
  CHECK_THROWS_AS(static_cast<void>(hubcache::read_recipe(folder / "none.toml")), hubcache::error);
}
