#include <hubcache/run.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>

using hubcache::file_action;
using hubcache::snapshot_options;
using test::machine;

TEST_CASE("a first snapshot fetches every content once and shows all files") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto got = here.snapshot("acme/tiny");
  CHECK(test::holds(got, embedded::tiny().files()));
  CHECK(got.commit == hub.get("acme/tiny").find("main")->id);
  // Two pairs of files share their content.
  CHECK(test::count(got, file_action::fetched) == 7);
  CHECK(test::count(got, file_action::present) == 2);
  CHECK(got.totals.bytes_wire == hub.log().content_bytes_sent());
  CHECK(got.totals.requests == hub.log().count());
  CHECK(got.totals.bytes_total ==
        got.totals.bytes_present + got.totals.bytes_linked + got.totals.bytes_fetched);
}

TEST_CASE("the cache has exactly the layout of huggingface_hub") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto got = here.snapshot("acme/tiny");
  const auto repo = here.repo_dir("acme/tiny");
  CHECK(got.path == (repo / "snapshots" / got.commit).string());
  CHECK(test::read_file(repo / "refs/main") == got.commit);
  CHECK(std::filesystem::exists(repo / "trees" / (got.commit + ".json")));
  const auto config = embedded::tiny().files().at("config.json");
  const auto weights = embedded::tiny().files().at("model.safetensors");
  CHECK(std::filesystem::read_symlink(got.path_of("config.json")) == "../../blobs/" + config.etag());
  CHECK(std::filesystem::read_symlink(got.path_of("nested/copy-of-model.safetensors")) ==
        "../../../blobs/" + weights.etag());
  CHECK(std::filesystem::exists(std::filesystem::path(here.config.cache_dir) / "CACHEDIR.TAG"));
  CHECK(std::filesystem::exists(std::filesystem::path(here.config.cache_dir) / ".locks/models--acme--tiny" /
                                (weights.etag() + ".lock")));
  CHECK(test::names_ending(here.home.path(), ".incomplete").empty());
  std::vector<std::string> top;
  for (const auto& e : std::filesystem::directory_iterator(here.config.cache_dir)) {
    top.push_back(e.path().filename().string());
  }
  std::sort(top.begin(), top.end());
  CHECK(top == std::vector<std::string>{".locks", "CACHEDIR.TAG", "models--acme--tiny"});
}

TEST_CASE("no token ever reaches the CDN, and every request asks for plain bytes") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  here.snapshot("acme/tiny");
  for (const auto& asked : hub.log().records()) {
    CHECK(asked.has_auth == (asked.where == embedded::listener::endpoint));
    CHECK(asked.accept_encoding == "identity");
  }
  CHECK(hub.log().count([](const auto& r) { return r.where == embedded::listener::cdn; }) == 2);
}

TEST_CASE("a second repo with the same content transfers metadata only") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  hub.put(embedded::twin_of(embedded::tiny()));
  machine here(hub);
  here.snapshot("acme/tiny");
  hub.log().clear();
  const auto got = here.snapshot("other/twin");
  CHECK(test::holds(got, embedded::tiny().files()));
  CHECK(got.totals.bytes_fetched == 0);
  CHECK(got.totals.bytes_linked > 0);
  CHECK(hub.log().content_gets() == 0);
  CHECK(got.totals.requests == 2);
  for (const auto& file : got.files) {
    if (file.action == file_action::linked)
      CHECK(file.source.starts_with(here.repo_dir("acme/tiny").string()));
  }
}

TEST_CASE("a third run costs one request by branch and none by commit or offline") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto first = here.snapshot("acme/tiny");
  hub.log().clear();

  const auto by_branch = here.snapshot("acme/tiny");
  CHECK(by_branch.totals.requests == 1);
  CHECK(hub.log().count() == 1);
  hub.log().clear();

  const auto by_commit = here.snapshot("acme/tiny", snapshot_options().with_revision(first.commit));
  CHECK(by_commit.totals.requests == 0);
  here.config.offline = true;
  const auto offline = here.snapshot("acme/tiny");
  CHECK(offline.path == first.path);
  CHECK(offline.totals.bytes_present == offline.totals.bytes_total);
  CHECK(hub.log().count() == 0);
}

TEST_CASE("every form of revision leads to its commit") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto repo = hub.get("acme/tiny");
  const auto newest = repo.find("main")->id;
  const auto oldest = repo.find("v1.0")->id;
  CHECK(here.snapshot("acme/tiny", snapshot_options().with_revision("v1.0")).commit == oldest);
  CHECK(here.snapshot("acme/tiny", snapshot_options().with_revision("release/2024")).commit == newest);
  CHECK(here.snapshot("acme/tiny", snapshot_options().with_revision("refs/pr/1")).commit == newest);
  CHECK(here.snapshot("acme/tiny", snapshot_options().with_revision(oldest.substr(0, 8))).commit == oldest);
  CHECK(here.snapshot("acme/tiny", snapshot_options().with_revision(oldest)).commit == oldest);
  CHECK(test::read_file(here.repo_dir("acme/tiny") / "refs/refs/pr/1") == newest);
}

TEST_CASE("datasets and spaces have their own API and folder") {
  embedded::hub hub;
  embedded::repo_model data("acme/data", embedded::repo_type::dataset);
  data.commit(embedded::tiny().files());
  hub.put(data);
  machine here(hub);
  const auto got = here.snapshot(hubcache::repo("acme/data", hubcache::repo_type::dataset));
  CHECK(got.path.find("/datasets--acme--data/") != std::string::npos);
  CHECK(test::holds(got, data.files()));
}

TEST_CASE("a renamed repo is found under its old name, and its contents are linked, not fetched") {
  embedded::hub hub;
  auto repo = embedded::tiny();
  repo.aliases = {"old-name"};
  hub.put(repo);
  machine here(hub);
  here.snapshot("acme/tiny");
  const auto got = here.snapshot("old-name");
  CHECK(got.path.find("/models--old-name/") != std::string::npos);
  CHECK(got.totals.bytes_fetched == 0);
  CHECK(here.warnings().size() == 1);
}

TEST_CASE("patterns and named files select what is fetched") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto texts =
      here.snapshot("acme/tiny", snapshot_options().with_allow({"*.json", "*.md"}).with_ignore({"nested/*"}));
  CHECK(texts.files.size() == 2);
  const auto one = here.snapshot("acme/tiny", snapshot_options().with_files({"nested/deep/notes.txt"}));
  CHECK(one.files.size() == 1);
  const auto folder = here.snapshot("acme/tiny", snapshot_options().with_files({"nested/"}));
  CHECK(folder.files.size() == 3);
  const auto missing = here.failure("acme/tiny", snapshot_options().with_files({"nope.bin"}));
  REQUIRE(missing);
  CHECK(missing->reason() == hubcache::errc::file_not_found);
  CHECK(missing->context().file == "nope.bin");
}

TEST_CASE("a listing of several pages is read whole") {
  embedded::hub_options options;
  options.site.page_size = 7;
  embedded::hub hub(options);
  hub.put(embedded::many_files(40));
  machine here(hub);
  const auto got = here.snapshot("acme/many");
  CHECK(test::holds(got, embedded::many_files(40).files()));
}

TEST_CASE("many small files need no HEAD, and three requests each at the most") {
  embedded::hub hub;
  hub.put(embedded::many_files(300));
  machine here(hub);
  const auto got = here.snapshot("acme/many");
  CHECK(hub.log().count([](const auto& r) { return r.method == "HEAD"; }) == 0);
  CHECK(got.totals.requests <= 2 + 2 * got.files.size());
}

TEST_CASE("what another client put into the cache is reused without a content request") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto blobs = here.repo_dir("someone/else") / "blobs";
  for (const auto& [path, file] : embedded::tiny().files()) {
    std::filesystem::create_directories(blobs);
    std::ofstream(blobs / file.etag(), std::ios::binary) << file.content.text();
  }
  const auto got = here.snapshot("acme/tiny");
  CHECK(got.totals.bytes_fetched == 0);
  CHECK(hub.log().content_gets() == 0);
  CHECK(test::holds(got, embedded::tiny().files()));
}

TEST_CASE("a blob that lies about its name is never linked") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto weights = embedded::tiny().files().at("model.safetensors");
  const auto blobs = here.repo_dir("someone/else") / "blobs";
  std::filesystem::create_directories(blobs);
  std::ofstream(blobs / weights.etag(), std::ios::binary) << std::string(weights.content.size(), 'x');
  const auto got = here.snapshot("acme/tiny");
  CHECK(test::holds(got, embedded::tiny().files()));
  CHECK(test::read_file(here.blob("acme/tiny", weights.etag())) == weights.content.text());
}

TEST_CASE("without the smart cache nothing is linked across repos, and a mapping is refused") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  hub.put(embedded::twin_of(embedded::tiny()));
  machine here(hub);
  here.snapshot("acme/tiny");
  snapshot_options plain;
  plain.smart_cache = false;
  const auto got = here.snapshot("other/twin", plain);
  CHECK(got.totals.bytes_linked == 0);
  CHECK(got.totals.bytes_fetched > 0);
  plain.mapping.emplace();
  CHECK(here.failure("other/twin", plain)->reason() == hubcache::errc::invalid_argument);
}

TEST_CASE("a plan tells the cost and changes nothing on disk") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  hubcache::cache cache(here.config);
  const auto plan = cache.plan("acme/tiny");
  CHECK(plan.bytes_to_fetch() > 140'000);
  CHECK(std::filesystem::is_empty(here.home.path()));
  const auto got = cache.run(plan);
  CHECK(got.totals.bytes_fetched == plan.bytes_to_fetch());
}

TEST_CASE("forced downloads fetch again and replace what is there") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  here.snapshot("acme/tiny");
  hub.log().clear();
  snapshot_options options;
  options.force_download = true;
  const auto got = here.snapshot("acme/tiny", options);
  CHECK(got.totals.bytes_fetched > 140'000);
  CHECK(hub.log().content_gets() == 6);
  CHECK(test::holds(got, embedded::tiny().files()));
}

TEST_CASE("verify finds a damaged blob and fetches it again") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  here.snapshot("acme/tiny");
  const auto weights = embedded::tiny().files().at("model.safetensors");
  const auto path = here.blob("acme/tiny", weights.etag());
  std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(5).put('!');
  snapshot_options options;
  options.verify = true;
  const auto got = here.snapshot("acme/tiny", options);
  CHECK(got.totals.bytes_fetched == weights.content.size());
  CHECK(test::holds(got, embedded::tiny().files()));
}

TEST_CASE("published blobs are read-only") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  here.snapshot("acme/tiny");
  for (const auto& entry : std::filesystem::directory_iterator(here.repo_dir("acme/tiny") / "blobs")) {
    CHECK((entry.status().permissions() & std::filesystem::perms(0222)) == std::filesystem::perms::none);
  }
}

TEST_CASE("settings that nobody filled are refused before anything is made of them") {
  hubcache::cache cache{hubcache::settings()};
  try {
    (void)cache.plan("acme/tiny");
    FAIL("no error");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == hubcache::errc::invalid_argument);
    CHECK(e.detail().find("environment_settings()") != std::string::npos);
  }
}

TEST_CASE("options that make no sense are refused by the name of their repo") {
  embedded::hub hub;
  const auto failure = machine(hub).failure("acme/tiny", snapshot_options().with_revision("../main"));
  REQUIRE(failure);
  CHECK(failure->reason() == hubcache::errc::invalid_argument);
  CHECK(failure->context().repo == "acme/tiny");
  CHECK(hub.log().count() == 0);
}
