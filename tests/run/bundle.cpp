#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <run/planner.hpp>
#include <string>
#include <vector>

using hubcache::errc;
using hubcache::file_action;
using hubcache::snapshot_options;
using test::machine;
using test::planner;
using test::wanted_files;

namespace {

constexpr std::uint64_t vae_size = 300'000;

embedded::file_content generated(std::uint64_t seed, std::uint64_t size) {
  return embedded::file_content::generated(seed, size);
}

/// A pipeline: its own unet, and the VAE and configuration that all of them have.
embedded::repo_model pipeline(const std::string& id, std::uint64_t seed) {
  embedded::file_map files;
  files["config.json"] = embedded::regular("{\"same\": true}");
  files["unet/weights.bin"] = embedded::lfs(generated(seed, 100'000));
  files["vae/weights.bin"] = embedded::lfs(generated(7, vae_size));
  embedded::repo_model repo(id);
  repo.commit(std::move(files));
  return repo;
}

wanted_files all_of(const std::string& id) {
  wanted_files one;
  one.repo = id;
  one.files = {
      {"config.json", ""}, {"unet/weights.bin", "component:unet"}, {"vae/weights.bin", "component:vae"}};
  return one;
}

/// A Hub with two pipelines, and a machine with nothing.
struct scene {
  scene() { put(pipeline("b/two", 2)); }
  void put(const embedded::repo_model& second) {
    hub.put(pipeline("a/one", 1));
    hub.put(second);
    hub.log().clear();
  }
  [[nodiscard]] bool holds(const hubcache::bundle& got) const {
    return std::all_of(got.files.begin(), got.files.end(), [&](const auto& file) {
      const auto& repo = got.parts[file.part].repo;
      return test::read_file(got.path_of(file)) ==
             hub.get(repo.id()).files().at(file.file.path).content.text();
    });
  }
  [[nodiscard]] std::size_t links() const { return here.news.all<hubcache::events::linked>().size(); }

  embedded::hub hub;
  machine here{hub};
  planner with{here};
};

file_action action_of(const hubcache::bundle& what, std::size_t part, const std::string& path) {
  const auto& files = what.parts.at(part).files;
  return std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.path == path; })->action;
}

std::optional<hubcache::error> failure_of(planner& with, std::vector<wanted_files> all) {
  try {
    with.fetch(std::move(all));
  } catch (const hubcache::error& e) {
    return e;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("what two repos share crosses once: the second part links it from the first") {
  scene s;
  const auto got = s.with.fetch({all_of("a/one"), all_of("b/two")});
  CHECK(s.holds(got));
  CHECK(action_of(got, 0, "vae/weights.bin") == file_action::fetched);
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::linked);
  CHECK(action_of(got, 1, "config.json") == file_action::linked);
  CHECK(action_of(got, 1, "unet/weights.bin") == file_action::fetched);
  CHECK(s.hub.log().content_bytes_sent() == got.totals.bytes_wire);
  CHECK(got.totals.bytes_wire == 2 * 100'000 + vae_size + 14);
  CHECK(got.totals.bytes_fetched == got.totals.bytes_wire);
  CHECK(got.totals.bytes_linked == vae_size + 14);
  CHECK(s.links() == 2);
}

TEST_CASE("the requests of a bundle are those that were made, each once") {
  scene s;
  const auto got = s.with.fetch({all_of("a/one"), all_of("b/two")});
  CHECK(got.totals.requests == s.hub.log().count());
  CHECK(got.parts[0].totals.requests + got.parts[1].totals.requests == got.totals.requests);
}

TEST_CASE("what was read to plan a bundle counts among the bytes that came") {
  scene s;
  auto plan = s.with.plan({all_of("a/one"), all_of("b/two")});
  plan.parts[0].what.bytes_wire = 500;  // as index files and headers do
  const auto got = s.with.run(plan);
  CHECK(got.totals.bytes_wire == s.hub.log().content_bytes_sent() + 500);
}

TEST_CASE("a preview tells what the run then does") {
  scene s;
  const auto plan = s.with.plan({all_of("a/one"), all_of("b/two")});
  const auto shown = preview(plan);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
  const auto got = s.with.run(plan);
  REQUIRE(shown.files.size() == got.files.size());
  for (std::size_t i = 0; i < got.files.size(); ++i) {
    CHECK(shown.files[i].role == got.files[i].role);
    CHECK(shown.files[i].file.path == got.files[i].file.path);
    CHECK(shown.files[i].file.action == got.files[i].file.action);
    CHECK(shown.files[i].file.source == got.files[i].file.source);
  }
  CHECK(shown.totals.bytes_fetched == got.totals.bytes_fetched);
  CHECK(shown.totals.bytes_linked == got.totals.bytes_linked);
  CHECK(shown.dry_run);
  CHECK_FALSE(got.dry_run);
}

TEST_CASE("what is here already costs nothing, in any part") {
  scene s;
  s.with.fetch({all_of("a/one")});
  s.hub.log().clear();
  const auto got = s.with.fetch({all_of("a/one"), all_of("b/two")});
  CHECK(s.holds(got));
  CHECK(s.hub.log().content_bytes_sent() == 100'000);
  CHECK(got.totals.bytes_present == 100'000 + vae_size + 14);
}

TEST_CASE("after a run the sha256 of every file is known, small ones included") {
  scene s;
  const auto plan = s.with.plan({all_of("a/one"), all_of("b/two")});
  CHECK_FALSE(preview(plan).files[0].sha256);
  for (const auto& file : s.with.run(plan).files) {
    const auto served = s.hub.get("a/one").files().at("config.json").content;
    REQUIRE(file.sha256);
    if (file.file.path == "config.json") CHECK(file.sha256->hex() == served.sha256());
    if (file.file.path != "config.json") CHECK(*file.sha256 == file.file.what.name);
  }
}

TEST_CASE("a small file that is not what its name says in the cache is told, not hashed into a lie") {
  scene s;
  s.with.fetch({all_of("a/one")});
  const auto blob = s.here.blob("a/one", s.hub.get("a/one").files().at("config.json").etag());
  std::filesystem::permissions(blob, std::filesystem::perms::owner_all);
  std::ofstream(blob) << "{\"same\": fake}";
  const auto failure = failure_of(s.with, {all_of("a/one")});
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(failure->context().file == blob);
}

TEST_CASE(
    "without the smart cache nothing is shared across repos, but one repo's commits share their blobs") {
  scene s;
  auto newer = s.hub.get("a/one");
  auto files = newer.files();
  files["unet/weights.bin"] = embedded::lfs(generated(9, 50'000));
  const auto old = newer.find("main")->id;
  newer.commit(std::move(files));
  s.hub.put(newer);
  std::vector<wanted_files> wanted{all_of("a/one"), all_of("b/two"), all_of("a/one")};
  wanted[2].options.revision = old;
  for (auto& one : wanted) one.options.smart_cache = false;
  const auto plan = s.with.plan(wanted);
  CHECK(preview(plan).totals.bytes_fetched == 50'000 + vae_size + 14 + 100'000 + vae_size + 14 + 100'000);
  const auto got = s.with.run(plan);
  CHECK(got.totals.bytes_linked == 0);
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::fetched);
  CHECK(action_of(got, 2, "vae/weights.bin") == file_action::present);
  CHECK(s.hub.log().content_bytes_sent() == preview(plan).totals.bytes_fetched);
}

TEST_CASE("wishes for one commit are one part: the files and roles of all") {
  scene s;
  auto first = all_of("a/one"), second = all_of("a/one");
  first.files.resize(1);
  second.files.erase(second.files.begin());
  second.options.revision = s.hub.get("a/one").find("main")->id;
  const auto got = s.with.fetch({second, first});
  REQUIRE(got.parts.size() == 1);
  CHECK(got.files.size() == 3);
  REQUIRE(got.find("component:vae") != nullptr);
  CHECK(got.find("component:vae")->file.path == "vae/weights.bin");
  CHECK(s.holds(got));
  // One of them named the branch, so it is recorded for offline use.
  CHECK(std::filesystem::exists(s.here.repo_dir("a/one") / "refs" / "main"));
}

TEST_CASE("all branches and tags that were asked for name the commit afterwards") {
  scene s;
  auto tagged = s.hub.get("a/one");
  tagged.tag("v1.0", tagged.find("main")->id);
  s.hub.put(tagged);
  std::vector<wanted_files> wanted(3, all_of("a/one"));
  wanted[1].options.revision = "v1.0";
  const auto got = s.with.fetch(wanted);
  CHECK(got.parts.size() == 1);
  s.here.config.offline = true;
  for (const auto* const revision : {"main", "v1.0"}) {
    const auto here = s.here.snapshot("a/one", snapshot_options().with_revision(revision));
    CHECK(here.commit == got.parts[0].commit);
  }
}

TEST_CASE("what one of two wishes for a commit demands is done, and what contradicts is refused") {
  scene s;
  s.with.fetch({all_of("a/one")});
  auto forced = all_of("a/one");
  forced.options.force_download = true;
  CHECK(s.with.fetch({all_of("a/one"), forced}).totals.bytes_present == 0);
  auto linked = all_of("a/one");
  linked.options.links = hubcache::link_kind::copy;
  const auto failure = failure_of(s.with, {all_of("a/one"), linked});
  REQUIRE(failure);
  CHECK(failure->reason() == errc::invalid_argument);
  CHECK(failure->context().repo == "a/one");
}

TEST_CASE("two repos are not mixed in one local folder") {
  scene s;
  auto first = all_of("a/one"), second = all_of("b/two");
  first.options.local_dir = second.options.local_dir = s.here.home / "out";
  const auto failure = failure_of(s.with, {first, second});
  REQUIRE(failure);
  CHECK(failure->reason() == errc::invalid_argument);
  CHECK(failure->context().repo == "b/two");
  CHECK_FALSE(std::filesystem::exists(s.here.home / "out"));
}

TEST_CASE("local folders of their own share what crossed once") {
  scene s;
  auto first = all_of("a/one"), second = all_of("b/two");
  first.options.local_dir = s.here.home / "one";
  second.options.local_dir = s.here.home / "two";
  const auto got = s.with.fetch({first, second});
  CHECK(s.holds(got));
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::linked);
  CHECK(s.hub.log().content_bytes_sent() == 2 * 100'000 + vae_size + 14);
}

TEST_CASE("a gated second repo is linked from the first only for who is let in") {
  auto gated = pipeline("b/two", 2);
  gated.gated = embedded::gate::manual;
  gated.grants = {"hf_member"};
  scene s;
  s.put(gated);
  const auto failure = failure_of(s.with, {all_of("a/one"), all_of("b/two")});
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);
  CHECK(failure->context().repo == "b/two");
  CHECK(s.hub.log().content_bytes_sent() == 0);

  s.here.config.token = hubcache::secret("hf_member");
  const auto got = s.with.fetch({all_of("a/one"), all_of("b/two")});
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::linked);
}

TEST_CASE("the listing on disk of a gated repo opens no gate to what the first part brings") {
  auto gated = pipeline("b/two", 2);
  gated.gated = embedded::gate::manual;
  gated.grants = {"hf_member"};
  scene s;
  s.put(gated);
  s.here.config.token = hubcache::secret("hf_member");
  const auto commit = gated.find("main")->id;
  s.here.snapshot("b/two", snapshot_options().with_files({"config.json"}));
  REQUIRE(std::filesystem::exists(s.here.repo_dir("b/two") / "trees" / (commit + ".json")));
  s.here.config.token = {};
  auto second = all_of("b/two");
  second.options.revision = commit;
  const auto failure = failure_of(s.with, {all_of("a/one"), second});
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);

  s.here.config.token = hubcache::secret("hf_member");
  const auto got = s.with.fetch({all_of("a/one"), second});
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::linked);
}

TEST_CASE("a card in common opens no gate to what the first part brings") {
  constexpr std::uint64_t size = 70'000;
  scene s;
  const auto card = embedded::regular("# The same card");
  embedded::file_map files{{"README.md", card}, {"shared.bin", embedded::regular(std::string(size, 's'))}};
  embedded::repo_model open("a/open"), gated("b/gated");
  open.commit(files);
  gated.commit(files);
  gated.gated = embedded::gate::manual;
  s.hub.put(open);
  s.hub.put(gated);
  wanted_files first, second;
  first.repo = "a/open";
  first.files = {{"README.md", ""}, {"shared.bin", ""}};
  second.repo = "b/gated";
  second.files = {{"README.md", ""}};
  s.here.config.token = hubcache::secret("hf_reader");
  const auto plan = s.with.plan({first, second});
  CHECK_FALSE(plan.parts[1].what.let_in);
  CHECK(action_of(s.with.run(plan), 1, "README.md") == file_action::fetched);
}

TEST_CASE("a known commit of an open repo is linked, too: the Hub is asked whether it is open") {
  scene s;
  const auto commit = s.hub.get("b/two").find("main")->id;
  s.here.snapshot("b/two", snapshot_options().with_files({"config.json"}));
  auto second = all_of("b/two");
  second.options.revision = commit;
  const auto got = s.with.fetch({all_of("a/one"), second});
  CHECK(action_of(got, 1, "vae/weights.bin") == file_action::linked);
  CHECK(got.totals.bytes_fetched == 2 * 100'000 + vae_size);
}

TEST_CASE("when the second part fails, the first is complete") {
  scene s;
  s.hub.inject(
      embedded::fault(embedded::status(404)).on("/b/two/resolve/").repeated(embedded::fault::always));
  const auto failure = failure_of(s.with, {all_of("a/one"), all_of("b/two")});
  REQUIRE(failure);
  CHECK(failure->context().repo == "b/two");
  s.here.config.offline = true;
  CHECK(test::holds(s.here.snapshot("a/one"), s.hub.get("a/one").files()));
}

TEST_CASE("a cancelled bundle keeps what came: the next run fetches the rest") {
  constexpr std::uint64_t big = 3'000'000;
  scene s;
  embedded::file_map files;
  files["big.bin"] = embedded::lfs(generated(3, big));
  embedded::repo_model second("b/big");
  second.commit(files);
  s.hub.put(second);
  wanted_files rest;
  rest.repo = "b/big";
  rest.files = {{"big.bin", ""}};
  const auto plan = s.with.plan({all_of("a/one"), rest});
  s.hub.inject(embedded::fault(embedded::stall_in_body(200'000, std::chrono::minutes(1)))
                   .on(embedded::listener::cdn)
                   .repeated(embedded::fault::always));
  std::uint64_t arrived = 0;
  s.with.on_event = [&](const hubcache::event& e) {
    const auto* news = std::get_if<hubcache::events::advanced>(&e);
    if (news == nullptr || news->file != "big.bin") return;
    arrived += news->bytes;
    s.with.stop.emit(asio::cancellation_type::terminal);
  };
  CHECK_THROWS_AS(s.with.run(plan), hubcache::error);
  CHECK(arrived > 0);
  CHECK(test::read_file((s.here.repo_dir("a/one") / "refs" / "main").string()).size() == 40);
  s.hub.clear_faults();
  s.hub.log().clear();
  s.with.on_event = nullptr;
  const auto got = s.with.run(plan);
  CHECK(s.holds(got));
  CHECK(s.hub.log().content_bytes_sent() == big - arrived);
}

TEST_CASE("an old plan is looked through again before each part") {
  scene s;
  const auto plan = s.with.plan({all_of("a/one"), all_of("b/two")});
  s.here.snapshot("b/two");
  s.hub.log().clear();
  const auto got = s.with.run(plan);
  CHECK(s.holds(got));
  CHECK(s.hub.log().content_bytes_sent() == 100'000);
}
