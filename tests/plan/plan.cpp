#include <hubcache/error.hpp>
#include <hubcache/plan/plan.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <map>
#include <set>
#include <store/contents.hpp>
#include <string>
#include <utility>
#include <vector>

using hubcache::content;
using hubcache::errc;
using hubcache::file_action;
using hubcache::place;
using hubcache::plan;
using test::content_of;

namespace {

/// A repo of text files (path, text; sorted), and a machine that has what a test says.
struct fixture {
  fixture(std::initializer_list<std::pair<std::string, std::string>> files) {
    draft.repo = hubcache::repo("acme/llm");
    draft.revision = "main";
    draft.layout = hubcache::hub_layout("/hub", draft.repo);
    draft.view = "/hub/models--acme--llm/snapshots/c";
    draft.target_root = draft.layout.blobs_dir();
    draft.listing.commit = "c";
    for (const auto& [path, text] : files) {
      hubcache::file_entry entry;
      entry.path = path;
      entry.size = text.size();
      entry.lfs = true;
      entry.sha256 = content_of(text).name;
      draft.listing.files.push_back(entry);
    }
  }

  void use_plain_files() {
    draft.plain_files = true;
    draft.target_root = draft.view = draft.options.local_dir = "/out";
  }
  void make() {
    hubcache::plan_lookups machine;
    machine.present = [this](const std::string& target, const content&) {
      return present.count(target) != 0;
    };
    machine.places = [this](const content& what) {
      looked_up.push_back(what);
      const auto at = elsewhere.find(what);
      return at == elsewhere.end() ? std::vector<place>{} : std::vector<place>{at->second};
    };
    make_steps(draft, machine);
  }
  void put_elsewhere(const std::string& text, const std::string& path) {
    place where;
    where.path = path;
    elsewhere[content_of(text)] = where;
  }
  [[nodiscard]] std::vector<std::string> selected() const {
    std::vector<std::string> paths;
    for (const auto* file : select_files(draft.listing, draft.options)) paths.push_back(file->path);
    return paths;
  }

  plan draft;
  std::set<std::string> present;
  std::map<content, place> elsewhere;
  std::vector<content> looked_up;
};

std::string etag(const std::string& text) { return content_of(text).name.hex(); }

using paths = std::vector<std::string>;

}  // namespace

TEST_CASE("Without patterns every file is selected, in the listing's order") {
  const fixture f{{"a", "1"}, {"b/c", "2"}};
  CHECK(f.selected() == paths{"a", "b/c"});
}

TEST_CASE("Patterns allow, then leave out; an empty list allows nothing") {
  fixture f{{"a.json", "1"}, {"b.bin", "2"}, {"unet/c.json", "3"}};
  f.draft.options.allow = {"*.json"};
  CHECK(f.selected() == paths{"a.json", "unet/c.json"});
  f.draft.options.ignore = {"unet/*"};
  CHECK(f.selected() == paths{"a.json"});
  f.draft.options.allow.reset();
  CHECK(f.selected() == paths{"a.json", "b.bin"});
  f.draft.options.allow = paths{};
  CHECK(f.selected().empty());
}

TEST_CASE("Files and folders asked for by name are selected once each, whatever the patterns say") {
  fixture f{{"a", "1"}, {"art/x", "2"}, {"art/y/z", "3"}, {"artful", "4"}};
  f.draft.options.files = {"art/", "a", "art/x", "a"};
  f.draft.options.allow = paths{};
  f.draft.options.ignore = {"*"};
  CHECK(f.selected() == paths{"a", "art/x", "art/y/z"});
}

TEST_CASE("Names are taken literally, not as patterns") {
  fixture f{{"a*", "1"}, {"ab", "2"}};
  f.draft.options.files = {"a*"};
  CHECK(f.selected() == paths{"a*"});
}

TEST_CASE("A file or folder that the commit lacks is an error that names it") {
  fixture f{{"a", "1"}, {"art/x", "2"}};
  for (const char* name : {"A", "art", "none/", "a/", ""}) {
    CAPTURE(name);
    f.draft.options.files = {"a", name};
    try {
      (void)f.selected();
      FAIL("selected");
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == errc::file_not_found);
      CHECK(e.context().file == name);
    }
    CHECK_THROWS_AS(f.make(), hubcache::error);
  }
}

TEST_CASE("Content that is in blobs/ is present: nothing is made, and no other place is looked for") {
  fixture f{{"a", "1"}};
  f.present = {etag("1")};
  f.make();
  REQUIRE(f.draft.steps.size() == 1);
  CHECK(f.draft.steps[0].action == file_action::present);
  CHECK(f.draft.steps[0].targets.empty());
  CHECK(f.looked_up.empty());
}

TEST_CASE("Content that lies elsewhere is linked from there") {
  fixture f{{"a", "1"}};
  f.put_elsewhere("1", "/other/blob");
  f.make();
  REQUIRE(f.draft.steps.size() == 1);
  const auto& step = f.draft.steps[0];
  CHECK(step.action == file_action::linked);
  CHECK(step.what == content_of("1"));
  CHECK(step.file == "a");
  CHECK(step.targets == paths{etag("1")});
  REQUIRE(step.places.size() == 1);
  CHECK(step.places[0].path == "/other/blob");
}

TEST_CASE("Content that is nowhere is fetched") {
  fixture f{{"a", "1"}};
  f.make();
  REQUIRE(f.draft.steps.size() == 1);
  CHECK(f.draft.steps[0].action == file_action::fetched);
  CHECK(f.draft.steps[0].targets == paths{etag("1")});
  CHECK(f.draft.bytes_to_fetch() == 1);
}

TEST_CASE("Files of equal content are one step and one look-up, and keep their entries") {
  fixture f{{"a", "same"}, {"b", "other"}, {"c", "same"}};
  f.make();
  REQUIRE(f.draft.steps.size() == 2);
  CHECK(f.draft.steps[0].file == "a");
  CHECK(f.draft.steps[0].targets.size() == 1);
  REQUIRE(f.draft.entries.size() == 3);
  CHECK(f.draft.entries[0].step == 0);
  CHECK(f.draft.entries[1].step == 1);
  CHECK(f.draft.entries[2].step == 0);
  CHECK(f.draft.entries[2].path == "c");
  CHECK(f.looked_up.size() == 2);
}

TEST_CASE("Plain files get a target each, and one that is there is a place for the others") {
  fixture f{{"a", "same"}, {"b/c", "same"}, {"d", "same"}};
  f.use_plain_files();
  f.present = {"b/c"};
  f.put_elsewhere("same", "/other/blob");
  f.make();
  REQUIRE(f.draft.steps.size() == 1);
  const auto& step = f.draft.steps[0];
  CHECK(step.action == file_action::linked);
  CHECK(step.targets == paths{"a", "d"});
  REQUIRE(step.places.size() == 2);
  CHECK(step.places[0].path == "/out/b/c");
  CHECK(step.places[0].state == hubcache::trust::claimed);
  CHECK(step.places[0].store == hubcache::mutability::mutable_store);
  CHECK(step.places[1].path == "/other/blob");
}

TEST_CASE("Plain files that are all there are present") {
  fixture f{{"a", "same"}, {"b", "same"}};
  f.use_plain_files();
  f.present = {"a", "b"};
  f.make();
  CHECK(f.draft.steps[0].action == file_action::present);
  CHECK(f.looked_up.empty());
}

TEST_CASE("A forced download fetches what is present or elsewhere, too") {
  fixture f{{"a", "1"}, {"b", "2"}};
  f.draft.options.force_download = true;
  f.present = {etag("1")};
  f.put_elsewhere("2", "/other/blob");
  f.make();
  for (const auto& step : f.draft.steps) {
    CHECK(step.action == file_action::fetched);
    CHECK(step.places.empty());
    CHECK(step.targets.size() == 1);
  }
  CHECK(f.looked_up.empty());
}

TEST_CASE("What is not selected is neither looked for nor made") {
  fixture f{{"a.json", "1"}, {"b.bin", "2"}};
  f.draft.options.allow = {"*.json"};
  f.make();
  CHECK(f.draft.steps.size() == 1);
  CHECK(f.draft.entries.size() == 1);
  CHECK(f.looked_up.size() == 1);
}

TEST_CASE("A plan sums each content once, by its action") {
  fixture f{{"a", "four"}, {"b", "four"}, {"c", "seven77"}, {"d", "ten bytes!"}};
  f.present = {etag("seven77")};
  f.put_elsewhere("ten bytes!", "/other");
  f.make();
  CHECK(f.draft.bytes_to_fetch() == 4);
  CHECK(f.draft.bytes(file_action::present) == 7);
  CHECK(f.draft.bytes_to_link() == 10);
}

TEST_CASE("A preview tells what each file will cost; its totals add up, a second name costing nothing") {
  fixture f{{"a", "four"}, {"b", "four"}, {"c", "seven77"}, {"d", "ten bytes!"}};
  f.present = {etag("seven77")};
  f.put_elsewhere("ten bytes!", "/other");
  f.draft.requests = 3;
  f.make();
  const auto seen = preview(f.draft);
  CHECK(seen.dry_run);
  CHECK(seen.path == f.draft.view);
  CHECK(seen.commit == "c");
  CHECK(seen.revision == "main");
  REQUIRE(seen.files.size() == 4);
  CHECK(seen.files[0].action == file_action::fetched);
  CHECK(seen.files[1].action == file_action::present);
  CHECK(seen.files[2].action == file_action::present);
  CHECK(seen.files[3].action == file_action::linked);
  CHECK(seen.files[3].source == "/other");
  CHECK(seen.totals.bytes_total == 25);
  CHECK(seen.totals.bytes_fetched == 4);
  CHECK(seen.totals.bytes_present == 11);
  CHECK(seen.totals.bytes_linked == 10);
  CHECK(seen.totals.bytes_total ==
        seen.totals.bytes_present + seen.totals.bytes_linked + seen.totals.bytes_fetched);
  CHECK(seen.totals.requests == 3);
}

TEST_CASE("A preview of nothing is empty") {
  fixture f{};
  f.make();
  CHECK(preview(f.draft).files.empty());
  CHECK(preview(f.draft).totals.bytes_total == 0);
}

TEST_CASE("Content is filled beside the place where it will lie") {
  fixture f{{"a", "1"}};
  CHECK(f.draft.partial_of(content_of("1")) == f.draft.layout.partial(content_of("1").name));
  f.use_plain_files();
  CHECK(f.draft.partial_of(content_of("1")).starts_with("/out/.cache/huggingface/download/" + etag("1")));
}

TEST_CASE("Content is linked as the options say, but for the first rule that matches one of its files") {
  fixture f{{"a.bin", "1"}, {"b/twin.onnx_data", "1"}, {"b/x.bin", "2"}, {"c.json", "3"}};
  f.draft.options.links = hubcache::link_kind::hard_link;
  f.draft.options.link_rules = {{"*.onnx_data", hubcache::link_kind::copy},
                                {"*.bin", hubcache::link_kind::symlink},
                                {"*", hubcache::link_kind::hard_link},
                                {"c*", hubcache::link_kind::copy}};
  f.make();
  REQUIRE(f.draft.steps.size() == 3);
  CHECK(f.draft.steps[0].links == hubcache::link_kinds(hubcache::link_kind::copy));
  CHECK(f.draft.steps[1].links == hubcache::link_kinds(hubcache::link_kind::symlink));
  CHECK(f.draft.steps[2].links == hubcache::link_kinds(hubcache::link_kind::hard_link));
}

TEST_CASE("Without a rule that fits, the options' kinds count") {
  fixture f{{"a.bin", "1"}};
  f.draft.options.links = hubcache::link_kind::reflink;
  f.draft.options.link_rules = {{"*.json", hubcache::link_kind::copy}};
  f.make();
  CHECK(f.draft.steps[0].links == hubcache::link_kinds(hubcache::link_kind::reflink));
}

TEST_CASE("Bytes are inspected for pickles only if that is required") {
  fixture f{{"a", "1"}};
  f.make();
  CHECK_FALSE(f.draft.steps[0].rules.needed());
  fixture strict{{"a", "1"}};
  strict.draft.options.require = hubcache::requirement::safetensors;
  strict.make();
  CHECK(strict.draft.steps[0].rules.pickles);
}

TEST_CASE("Content that git names is inspected for the sha256 of its lock, other content is named by it") {
  fixture f{{"a", "1"}, {"b", "2"}};
  f.draft.listing.files[0].lfs = false;
  f.draft.listing.files[0].sha256.reset();
  f.draft.listing.files[0].blob_id = std::string(40, 'a');
  f.draft.options.lock.emplace();
  f.draft.options.lock->files.emplace_back("a", 1, content_of("1").name);
  f.draft.options.lock->files.emplace_back("b", 1, content_of("2").name);
  f.make();
  CHECK(f.draft.steps[0].rules.sha256 == content_of("1").name);
  CHECK_FALSE(f.draft.steps[1].rules.sha256);
}

TEST_CASE("A plan is printed with what it does with each content, and its warnings") {
  fixture f{{"a.json", "12"}, {"b.bin", "345"}, {"c.bin", "6789"}, {"twin.bin", "345"}};
  f.present = {etag("12")};
  f.put_elsewhere("345", "/models/\x1b[31mb.bin");
  f.make();
  f.draft.listing.commit = std::string(40, 'c');
  f.draft.warnings = {"The Hub is slow."};
  CHECK(to_string(f.draft) ==
        "acme/llm at cccccccccccc: 4 files, 9.0 in all: 2.0 present, 3.0 to link, 4.0 to fetch\n"
        "  present    2.0 a.json\n"
        "  link       3.0 b.bin from /models/ [31mb.bin\n"
        "  fetch      4.0 c.bin\n"
        "  Warning: The Hub is slow.");
}
