#include <hubcache/plan/bundle.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <store/contents.hpp>
#include <string>
#include <utility>
#include <vector>

using hubcache::bundle_part;
using hubcache::bundle_plan;
using hubcache::file_action;
using hubcache::file_role;
using test::content_of;

namespace {

using files = std::initializer_list<std::pair<std::string, std::string>>;

/// A repo of text files (path, text; sorted) of which nothing is on the machine.
bundle_part part_of(const std::string& repo, files all, std::string commit = "c",
                    hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::sha256) {
  bundle_part part;
  auto& draft = part.what;
  draft.repo = hubcache::repo(repo);
  draft.revision = "main";
  draft.layout = hubcache::hub_layout("/hub", draft.repo);
  draft.listing.commit = std::move(commit);
  draft.view = draft.layout.snapshot(draft.listing.commit);
  draft.target_root = draft.layout.blobs_dir();
  for (const auto& [path, text] : all) {
    hubcache::file_entry entry;
    entry.path = path;
    entry.size = text.size();
    entry.lfs = algorithm == hubcache::digest_algorithm::sha256;
    if (entry.lfs) entry.sha256 = content_of(text).name;
    if (!entry.lfs) entry.blob_id = content_of(text, algorithm).name.hex();
    draft.listing.files.push_back(entry);
  }
  hubcache::plan_lookups machine;
  machine.present = [](const std::string&, const hubcache::content&) { return false; };
  machine.places = [](const hubcache::content&) { return std::vector<hubcache::place>(); };
  make_steps(draft, machine);
  return part;
}

/// The same in a folder of its own.
bundle_part local(bundle_part part, const std::string& folder) {
  part.what.plain_files = true;
  part.what.target_root = part.what.view = part.what.options.local_dir = folder;
  for (auto& step : part.what.steps) step.targets = {step.file};
  return part;
}

bundle_plan plan_of(std::vector<bundle_part> parts) {
  bundle_plan all;
  all.parts = std::move(parts);
  return all;
}

/// What became of the first step of `later`.
hubcache::plan_step shared(const bundle_part& first, bundle_part later, bool let_in = true) {
  const std::vector<bundle_part> earlier{first};
  share_contents(earlier, later.what, let_in);
  return later.what.steps.at(0);
}

std::string blob(const std::string& folder, const std::string& text) {
  return "/hub/" + folder + "/blobs/" + content_of(text).name.hex();
}

}  // namespace

TEST_CASE("What an earlier part fetches, a later one links from the name that it gets") {
  const auto step = shared(part_of("a/a", {{"x", "same"}}), part_of("b/b", {{"y", "same"}}));
  CHECK(step.action == file_action::linked);
  REQUIRE(step.places.size() == 1);
  CHECK(step.places[0].path == blob("models--a--a", "same"));
  CHECK(step.places[0].state == hubcache::trust::claimed);
  CHECK(step.places[0].store == hubcache::mutability::immutable_store);
  CHECK(step.targets == std::vector<std::string>{content_of("same").name.hex()});
}

TEST_CASE("What no earlier part has stays a fetch") {
  const auto step = shared(part_of("a/a", {{"x", "one"}}), part_of("b/b", {{"x", "other"}}));
  CHECK(step.action == file_action::fetched);
  CHECK(step.places.empty());
}

TEST_CASE("What an earlier part has already is shared, too") {
  auto first = part_of("a/a", {{"x", "same"}});
  first.what.steps[0].action = file_action::present;
  first.what.steps[0].targets.clear();
  CHECK(shared(first, part_of("b/b", {{"y", "same"}})).action == file_action::linked);
}

TEST_CASE("Nothing of another repo is shared with who is not let in, or without the smart cache") {
  const auto first = part_of("a/a", {{"x", "same"}});
  CHECK(shared(first, part_of("b/b", {{"y", "same"}}), false).action == file_action::fetched);
  auto second = part_of("b/b", {{"y", "same"}});
  second.what.options.smart_cache = false;
  CHECK(shared(first, second).action == file_action::fetched);
}

TEST_CASE("Two commits of one repo share their blobs, whatever the options and the gate say") {
  auto second = part_of("a/a", {{"y", "same"}}, "d");
  second.what.options.smart_cache = false;
  const auto step = shared(part_of("a/a", {{"x", "same"}}), second, false);
  CHECK(step.action == file_action::present);
  CHECK(step.targets.empty());
  CHECK(step.places.empty());
}

TEST_CASE("Who forces the download gets what another folder will hold once more") {
  auto second = part_of("b/b", {{"y", "same"}});
  second.what.options.force_download = true;
  CHECK(shared(part_of("a/a", {{"x", "same"}}), second).action == file_action::fetched);
}

TEST_CASE("Files of a local folder are shared by their paths, as files that may be edited") {
  const auto step =
      shared(local(part_of("a/a", {{"dir/x", "same"}}), "/out"), part_of("b/b", {{"y", "same"}}));
  REQUIRE(step.places.size() == 1);
  CHECK(step.places[0].path == "/out/dir/x");
  CHECK(step.places[0].store == hubcache::mutability::mutable_store);
}

TEST_CASE("A local folder gets a copy of what the repo's cache will hold") {
  const auto step =
      shared(part_of("a/a", {{"x", "same"}}), local(part_of("a/a", {{"x", "same"}}), "/out"), false);
  CHECK(step.action == file_action::linked);
  REQUIRE(step.places.size() == 1);
  CHECK(step.places[0].path == blob("models--a--a", "same"));
}

TEST_CASE("Costs count every content once, shared or alone") {
  const auto first = part_of("a/a", {{"both", "12345"}, {"mine", "123"}, {"twin", "123"}});
  auto second = part_of("b/b", {{"both", "12345"}, {"other", "1"}});
  const std::vector<bundle_part> earlier{first};
  share_contents(earlier, second.what, true);
  const auto costs = costs_of(plan_of({first, second}));
  REQUIRE(costs.size() == 2);
  CHECK(costs[0].bytes_total == 8);
  CHECK(costs[0].bytes_shared == 5);
  CHECK(costs[0].bytes_alone == 3);
  CHECK(costs[0].bytes_to_fetch == 8);
  CHECK(costs[1].bytes_total == 6);
  CHECK(costs[1].bytes_shared == 5);
  CHECK(costs[1].bytes_alone == 1);
  CHECK(costs[1].bytes_to_fetch == 1);
}

TEST_CASE("The bytes of a plan are sums over its parts") {
  auto second = part_of("b/b", {{"both", "12345"}, {"other", "1"}});
  const std::vector<bundle_part> earlier{part_of("a/a", {{"both", "12345"}, {"mine", "123"}})};
  share_contents(earlier, second.what, true);
  const auto all = plan_of({earlier[0], second});
  CHECK(all.bytes_to_fetch() == 9);
  CHECK(all.bytes(file_action::linked) == 5);
  CHECK(all.bytes(file_action::present) == 0);
}

TEST_CASE("Sizes that no sum holds do not wrap around") {
  auto first = part_of("a/a", {{"x", "one"}}), second = part_of("b/b", {{"y", "two"}});
  const auto most = std::numeric_limits<std::uint64_t>::max();
  first.what.steps[0].what.size = second.what.steps[0].what.size = most - 1;
  const auto all = plan_of({first, second});
  CHECK(all.bytes_to_fetch() == most);
  CHECK(preview(all).totals.bytes_fetched == most);
}

TEST_CASE("A preview has the files of all parts with their roles, and the sums") {
  auto first = part_of("a/a", {{"unet/w", "12345"}, {"x", "1"}});
  first.roles = {file_role("unet/w", "component:unet")};
  first.what.requests = 3;
  first.what.bytes_wire = 9;
  first.what.seconds = 0.5;
  auto second = part_of("b/b", {{"vae/w", "12345"}});
  second.roles = {file_role("vae/w", "component:vae")};
  const std::vector<bundle_part> earlier{first};
  share_contents(earlier, second.what, true);
  const auto shown = preview(plan_of({first, second}));
  CHECK(shown.dry_run);
  REQUIRE(shown.parts.size() == 2);
  REQUIRE(shown.files.size() == 3);
  CHECK(shown.files[1].role.empty());
  const auto* vae = shown.find("component:vae");
  REQUIRE(vae != nullptr);
  CHECK(vae->part == 1);
  CHECK(vae->file.action == file_action::linked);
  CHECK(vae->sha256 == content_of("12345").name);
  CHECK(shown.path_of(*vae) == "/hub/models--b--b/snapshots/c/vae/w");
  CHECK(shown.find("component:text_encoder") == nullptr);
  CHECK(shown.totals.bytes_total == 11);
  CHECK(shown.totals.bytes_fetched == 6);
  CHECK(shown.totals.bytes_linked == 5);
  CHECK(shown.totals.requests == 3);
  CHECK(shown.totals.bytes_wire == 9);
  CHECK(shown.totals.seconds == 0.5);
}

TEST_CASE("A file with two roles is found by either, and moved once") {
  auto first = part_of("a/a", {{"w", "12345"}});
  first.roles = {file_role("w", "draft"), file_role("w", "model")};
  const auto shown = preview(plan_of({first}));
  REQUIRE(shown.files.size() == 2);
  REQUIRE(shown.find("draft") != nullptr);
  REQUIRE(shown.find("model") != nullptr);
  CHECK(shown.find("draft")->file.action == file_action::fetched);
  CHECK(shown.find("model")->file.action == file_action::present);
  CHECK(shown.find("model")->file.what == content_of("12345"));
  CHECK(shown.totals.bytes_total == 5);
}

TEST_CASE("The sha256 of a file that git names is not known before it is here") {
  const auto shown =
      preview(plan_of({part_of("a/a", {{"config.json", "{}"}}, "c", hubcache::digest_algorithm::git_sha1)}));
  REQUIRE(shown.files.size() == 1);
  CHECK_FALSE(shown.files[0].sha256);
}

TEST_CASE("A plan of several repos is printed part by part") {
  auto all = plan_of({part_of("a/a", {{"x", "12"}}), part_of("b/b", {{"y", "345"}})});
  all.warnings = {"One."};
  CHECK(to_string(all) == to_string(all.parts[0].what) + "\n" + to_string(all.parts[1].what) +
                              "\nWarning: One.\nTo fetch in all: 5.0");
}
