#include <hubcache/gguf_model.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>

using hubcache::errc;
using hubcache::file_action;
using hubcache::gguf_wish;
using hubcache::snapshot_options;
using test::machine;

namespace {

embedded::repo_file weights(std::uint64_t seed, std::uint64_t size = 20'000) {
  return embedded::lfs(embedded::file_content::generated(seed, size));
}

/// Two quantizations, one in a folder and split, with a projector and a draft head beside them.
embedded::file_map vision_model() {
  return {{"README.md", embedded::regular("# a model\n")},
          {"Q8_0/vl-Q8_0-00001-of-00002.gguf", weights(1)},
          {"Q8_0/vl-Q8_0-00002-of-00002.gguf", weights(2)},
          {"mmproj-F16.gguf", weights(3, 30'000)},
          {"mtp-vl-Q8_0.gguf", weights(4)},
          {"vl-Q2_K.gguf", weights(5, 10'000)}};
}

embedded::repo_model repo_of(std::string id, embedded::file_map files) {
  embedded::repo_model result(std::move(id));
  result.commit(std::move(files));
  return result;
}

hubcache::bundle_plan plan_of(const machine& here, const hubcache::repo& which,
                              const gguf_wish& wish = gguf_wish(),
                              const snapshot_options& options = snapshot_options()) {
  hubcache::cache cache(here.config);
  return cache.plan_gguf(which, wish, options);
}

hubcache::bundle fetch(const machine& here, const hubcache::repo& which, const gguf_wish& wish = gguf_wish(),
                       const snapshot_options& options = snapshot_options()) {
  hubcache::cache cache(here.config);
  return cache.run(cache.plan_gguf(which, wish, options));
}

/// The error of planning; none if it succeeds.
std::optional<hubcache::error> failure(const machine& here, const hubcache::repo& which,
                                       const gguf_wish& wish = gguf_wish(),
                                       const snapshot_options& options = snapshot_options()) {
  try {
    static_cast<void>(plan_of(here, which, wish, options));
  } catch (const hubcache::error& e) {
    return e;
  }
  return std::nullopt;
}

std::vector<hubcache::file_role> roles_of(const hubcache::bundle& got) {
  std::vector<hubcache::file_role> result;
  for (const auto& one : got.files) result.emplace_back(one.file.path, one.role);
  return result;
}

}  // namespace

TEST_CASE("a split model comes whole with its projector, and nothing else of the repo") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto got = fetch(here, "acme/vl-GGUF", gguf_wish("q8_0"));
  CHECK(roles_of(got) == std::vector<hubcache::file_role>{{"Q8_0/vl-Q8_0-00001-of-00002.gguf", "model"},
                                                          {"Q8_0/vl-Q8_0-00002-of-00002.gguf", "split"},
                                                          {"mmproj-F16.gguf", "mmproj"}});
  const auto all = vision_model();
  for (const auto& one : got.files)
    CHECK(test::read_file(got.path_of(one)) == all.at(one.file.path).content.text());
  CHECK(got.totals.bytes_fetched == 70'000);
  CHECK(hub.log().content_bytes_sent() == 70'000);
  CHECK(got.totals.requests == hub.log().count());
}

TEST_CASE("the entries are those of an ordinary snapshot, where llama.cpp looks for them") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto got = fetch(here, "acme/vl-GGUF", gguf_wish("Q2_K"));
  const auto commit = hub.get("acme/vl-GGUF").find("main")->id;
  const auto repo = here.repo_dir("acme/vl-GGUF");
  CHECK(test::read_file(repo / "refs/main") == commit);
  CHECK(got.path_of(*got.find("model")) == (repo / "snapshots" / commit / "vl-Q2_K.gguf").string());
  CHECK(std::filesystem::read_symlink(got.path_of(*got.find("mmproj"))) ==
        "../../blobs/" + vision_model().at("mmproj-F16.gguf").etag());
}

TEST_CASE("without a tag the default order decides") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto plan = plan_of(here, "acme/vl-GGUF");
  CHECK(hubcache::preview(plan).find("model")->file.path == "Q8_0/vl-Q8_0-00001-of-00002.gguf");
  CHECK(plan.bytes_to_fetch() == 70'000);
}

TEST_CASE("draft heads come if they are asked for") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  gguf_wish wish;
  wish.drafts = true;
  const auto got = fetch(here, "acme/vl-GGUF", wish);
  REQUIRE(got.find("draft") != nullptr);
  CHECK(got.find("draft")->file.path == "mtp-vl-Q8_0.gguf");
  CHECK(got.files.size() == 4);
}

TEST_CASE("a tag that nothing has lists the choices with the sizes of whole sets, and fetches nothing") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto error = failure(here, "acme/vl-GGUF", gguf_wish("IQ1_S"));
  REQUIRE(error);
  CHECK(error->reason() == errc::file_not_found);
  CHECK(error->context().repo == "acme/vl-GGUF");
  CHECK(error->detail() ==
        "no GGUF model has the tag 'IQ1_S' before a '.' or '-' in its path; there are:\n"
        "Q8_0/vl-Q8_0-00001-of-00002.gguf (2 files, 40.0K)\nvl-Q2_K.gguf (10.0K)\nchoose one by another tag");
  CHECK(hub.log().content_gets() == 0);
}

TEST_CASE("a repo without GGUF files is told as such") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto error = failure(here, "acme/tiny");
  REQUIRE(error);
  CHECK(error->reason() == errc::file_not_found);
  CHECK(error->detail() == "there is no .gguf file");
}

TEST_CASE("a second repo with the same projector fetches only its own model") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  hub.put(repo_of("acme/vl-instruct-GGUF",
                  {{"mmproj-F16.gguf", weights(3, 30'000)}, {"i-Q4_K_M.gguf", weights(9, 15'000)}}));
  machine here(hub);
  fetch(here, "acme/vl-GGUF");
  hub.log().clear();
  const auto got = fetch(here, "acme/vl-instruct-GGUF");
  CHECK(got.find("mmproj")->file.action == file_action::linked);
  CHECK(got.totals.bytes_fetched == 15'000);
  CHECK(hub.log().content_bytes_sent() == 15'000);
}

TEST_CASE("by commit and offline a model that is there costs no request") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto first = fetch(here, "acme/vl-GGUF");
  hub.log().clear();
  const auto pinned =
      fetch(here, "acme/vl-GGUF", gguf_wish(), snapshot_options().with_revision(first.parts.front().commit));
  CHECK(roles_of(pinned) == roles_of(first));
  here.config.offline = true;
  const auto offline = fetch(here, "acme/vl-GGUF", gguf_wish("Q8_0"));
  CHECK(roles_of(offline) == roles_of(first));
  CHECK(offline.totals.bytes_present == 70'000);
  CHECK(hub.log().count() == 0);
}

TEST_CASE(
    "offline a model that was never fetched is not in the cache, and a tag that nothing has is not in the "
    "repo") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  fetch(here, "acme/vl-GGUF");
  here.config.offline = true;
  const auto other = failure(here, "acme/vl-GGUF", gguf_wish("Q2_K"));
  REQUIRE(other);
  CHECK(other->reason() == errc::not_cached);
  CHECK(other->context().file == "vl-Q2_K.gguf");
  const auto none = failure(here, "acme/vl-GGUF", gguf_wish("IQ1_S"));
  REQUIRE(none);
  CHECK(none->reason() == errc::file_not_found);
  CHECK(none->detail().find("vl-Q2_K.gguf (10.0K)") != std::string::npos);
}

TEST_CASE("offline and without the listing, a tag that the snapshot does not have may be in the repo") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  fetch(here, "acme/vl-GGUF");
  std::filesystem::remove_all(here.repo_dir("acme/vl-GGUF") / "trees");
  here.config.offline = true;
  const auto none = failure(here, "acme/vl-GGUF", gguf_wish("Q2_K"));
  REQUIRE(none);
  CHECK(none->reason() == errc::not_cached);
}

TEST_CASE("of two models with the tag the one that the Hub reports first is taken, offline again") {
  embedded::hub hub;
  auto repo = repo_of("acme/m-GGUF", {{"README.md", embedded::regular("# a model\n")},
                                      {"model-Q4_K_M.gguf", weights(1)},
                                      {"model-UD-Q4_K_M.gguf", weights(2)}});
  repo.listed_first = {"model-UD-Q4_K_M.gguf"};
  hub.put(repo);
  machine here(hub);
  const auto first = fetch(here, "acme/m-GGUF", gguf_wish("Q4_K_M"));
  CHECK(first.find("model")->file.path == "model-UD-Q4_K_M.gguf");
  here.config.offline = true;
  CHECK(roles_of(fetch(here, "acme/m-GGUF", gguf_wish("Q4_K_M"))) == roles_of(first));
}

TEST_CASE("if the Hub is out of reach the model comes from the cache, with a warning") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto first = fetch(here, "acme/vl-GGUF");
  hub.inject(embedded::fault(embedded::status(503)).repeated(embedded::fault::always));
  const auto again = plan_of(here, "acme/vl-GGUF");
  CHECK(again.bytes_to_fetch() == 0);
  CHECK(again.parts.front().what.warnings.size() == 1);
  const auto other = failure(here, "acme/vl-GGUF", gguf_wish("IQ1_S"));
  REQUIRE(other);
  CHECK(other->reason() == errc::server_failed);
}

TEST_CASE("a preset.ini at the root is fetched alone, and a warning says so") {
  embedded::hub hub;
  auto files = vision_model();
  files["preset.ini"] = embedded::regular("[vl]\n");
  hub.put(repo_of("acme/presets", files));
  machine here(hub);
  const auto plan = plan_of(here, "acme/presets");
  const auto& warnings = plan.parts.front().what.warnings;
  CHECK(std::count_if(warnings.begin(), warnings.end(),
                      [](const auto& text) { return text.find("preset.ini") != text.npos; }) == 1);
  const auto got = fetch(here, "acme/presets");
  CHECK(roles_of(got) == std::vector<hubcache::file_role>{{"preset.ini", "preset"}});
}

TEST_CASE("a tag that is none, and options that choose files, are refused before any request") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto refused = [&](const gguf_wish& wish, const snapshot_options& options) {
    const auto error = failure(here, "acme/vl-GGUF", wish, options);
    return error && error->reason() == errc::invalid_argument;
  };
  CHECK(refused(gguf_wish("Q4*"), snapshot_options()));
  CHECK(refused(gguf_wish(), snapshot_options().with_allow({"*.gguf"})));
  CHECK(refused(gguf_wish(), snapshot_options().with_ignore({"*.md"})));
  CHECK(refused(gguf_wish(), snapshot_options().with_files({"vl-Q2_K.gguf"})));
  CHECK(hub.log().count() == 0);
}

TEST_CASE("a gated repo's models are listed to everybody, and fetched by those let in") {
  embedded::hub hub;
  auto gated = repo_of("acme/vl-GGUF", vision_model());
  gated.gated = embedded::gate::manual;
  gated.grants = {"hf_reader"};
  hub.put(gated);
  machine here(hub);
  const auto shut = failure(here, "acme/vl-GGUF");
  REQUIRE(shut);
  CHECK(shut->reason() == errc::gated);
  here.config.token = hubcache::secret("hf_reader");
  CHECK(fetch(here, "acme/vl-GGUF").totals.bytes_fetched == 70'000);
}

TEST_CASE("a local folder gets the model as plain files") {
  embedded::hub hub;
  hub.put(repo_of("acme/vl-GGUF", vision_model()));
  machine here(hub);
  const auto folder = here.home / "models";
  const auto got = fetch(here, "acme/vl-GGUF", gguf_wish("Q2_K"), snapshot_options().with_local_dir(folder));
  CHECK(got.path_of(*got.find("model")) == folder + "/vl-Q2_K.gguf");
  CHECK(test::read_file(folder + "/vl-Q2_K.gguf") == vision_model().at("vl-Q2_K.gguf").content.text());
}
