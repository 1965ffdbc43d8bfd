#include <hubcache/error.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/gc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <stop_token>
#include <string>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>
#include <sys/stat.h>

namespace fs = std::filesystem;
using hubcache::census;
using hubcache::find_targets;
using hubcache::ledger_view;
using hubcache::pin;
using hubcache::removal;
using hubcache::repo;
using hubcache::repo_type;
using test::commit_of;

namespace {

constexpr std::int64_t day = 24LL * 3600 * 1'000'000'000;
const repo llm("acme/llm");
const repo data("acme/data", repo_type::dataset);
const repo legacy("gpt2");

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Content of `kilobytes`, unlike that of any other `fill`.
std::string bytes(std::size_t kilobytes, char fill) { return std::string(kilobytes * 1000, fill); }

struct setting {
  [[nodiscard]] census look() { return hubcache::take_census(hub.path(), pool); }
  [[nodiscard]] hubcache::disk_map map(const census& seen) { return map_disk(seen, pool); }
  /// A ledger's view in which revision `commit` of any repo was used `days` ago.
  void used(ledger_view& book, const census& seen, char commit, int days) const {
    for (std::size_t r = 0; r < seen.repos.size(); ++r) {
      for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
        if (seen.repos[r].revisions[v].commit == commit_of(commit)) book.used[r][v] = now - days * day;
      }
    }
  }

  test::temp_folder home;
  test::hub_cache hub{home / "hub"};
  hubcache::workers pool{2};
  std::int64_t now = now_ns() + 1'000'000'000;
};

/// "label@c" for every revision that goes, in order.
std::string names(const removal& what) {
  std::string result;
  for (const auto& repo : what.repos) {
    for (const auto& revision : repo.revisions)
      result.append(result.empty() ? "" : " ").append(repo.label).append("@").append(revision.commit, 0, 1);
  }
  return result;
}

std::string named(const census& seen, const std::string& target) {
  const auto found = find_targets(seen, {target});
  std::string result;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    if (found.chosen.repos[r]) result += seen.repos[r].label();
    for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
      if (found.chosen.revisions[r][v])
        result += seen.repos[r].label() + "@" + seen.repos[r].revisions[v].commit[0];
    }
  }
  CHECK(found.unknown.size() == (result.empty() ? 1 : 0));
  return result;
}

}  // namespace

TEST_CASE("targets are repos in every usual form, revisions by ref or commit, and lone commits") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}}, "main");
  s.hub.add(llm, commit_of('b'), {{"x", "2"}}, "refs/pr/1");
  s.hub.add(data, commit_of('c'), {{"x", "3"}});
  s.hub.add(legacy, commit_of('c'), {{"x", "4"}});
  const auto seen = s.look();
  for (const auto* text : {"acme/llm", "model/acme/llm", "models/acme/llm", "hf://acme/llm",
                           "hf://models/acme/llm", "hf://model/acme/llm/"}) {
    CHECK(named(seen, text) == "model/acme/llm");
  }
  CHECK(named(seen, "gpt2") == "model/gpt2");
  CHECK(named(seen, "hf://datasets/acme/data") == "dataset/acme/data");
  CHECK(named(seen, "acme/llm@main") == "model/acme/llm@a");
  CHECK(named(seen, "hf://acme/llm@refs/pr/1") == "model/acme/llm@b");
  CHECK(named(seen, "acme/llm@" + std::string(8, 'b')) == "model/acme/llm@b");
  CHECK(named(seen, commit_of('a')) == "model/acme/llm@a");
  CHECK(named(seen, std::string(12, 'b')) == "model/acme/llm@b");
  CHECK(named(seen, "gpt2@" + commit_of('c')) == "model/gpt2@c");
}

TEST_CASE("targets that name nothing, or more than one thing, are unknown") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}});
  s.hub.add(data, commit_of('c'), {{"x", "3"}});
  s.hub.add(legacy, commit_of('c'), {{"x", "4"}});
  const auto seen = s.look();
  for (const auto& text :
       {std::string(), std::string("/"), std::string("@main"), std::string("hf://"), std::string("acme/data"),
        std::string("acme/llm@v2"), std::string("acme/llm@"), std::string("acme/llm@aaaaaaa"),
        std::string(7, 'a'), std::string(41, 'a'), commit_of('c'), commit_of('d'), std::string("../../etc"),
        std::string("acme/llm/config.json"), std::string("\x1b[31m")}) {
    CAPTURE(text);
    CHECK(named(seen, text).empty());
  }
}

TEST_CASE("all revisions named mean the repo") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}});
  s.hub.add(llm, commit_of('b'), {{"x", "2"}}, "v2");
  s.home.write("hub/models--acme--llm/blobs/" + std::string(64, '7') + ".68756263.incomplete", "part");
  const auto seen = s.look();
  const auto all = find_targets(seen, {commit_of('a'), "acme/llm@v2"});
  const auto plan = plan_named_removal(seen, s.map(seen), ledger_view(seen), all.chosen);
  CHECK(plan.whole_repos() == 1);
  CHECK(plan.partials() == 1);
}

TEST_CASE("pins protect a repo, a commit, or what a ref names now") {
  setting s;
  const hubcache::ledger book(s.home / "state");
  s.hub.add(llm, commit_of('a'), {{"x", "1"}}, "main");
  s.hub.add(llm, commit_of('b'), {{"x", "2"}}, "");
  const auto seen = s.look();
  const auto refused = [&](const std::string& target, const pin& one) {
    hubcache::pin_list pins;
    pins.pins = {one};
    const auto view = view_ledger(book, pins, seen);
    try {
      static_cast<void>(plan_named_removal(seen, s.map(seen), view, find_targets(seen, {target}).chosen));
      return false;
    } catch (const hubcache::error& e) {
      return e.reason() == hubcache::errc::refused &&
             std::string(e.what()).find("pinned") != std::string::npos;
    }
  };
  const pin whole("", "model/acme/llm", "");
  const pin by_ref("", "model/acme/llm", "main");
  const pin by_commit("", "model/acme/llm", commit_of('b'));
  for (const auto* target : {"acme/llm", "acme/llm@main"}) {
    CHECK(refused(target, whole));
    CHECK(refused(target, by_ref));
  }
  CHECK(refused(commit_of('b'), whole));
  CHECK_FALSE(refused(commit_of('b'), by_ref));
  CHECK(refused(commit_of('b'), by_commit));
  CHECK_FALSE(refused("acme/llm@main", by_commit));
  CHECK(refused("acme/llm", by_commit));
  CHECK_FALSE(refused("acme/llm", pin("", "dataset/acme/llm", "")));
  CHECK_FALSE(refused("acme/llm", pin("", "model/acme/llm", "v9")));
}

TEST_CASE("prune takes detached revisions, but no pinned one and no leased repo") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}}, "main");
  s.hub.add(llm, commit_of('b'), {{"x", "2"}}, "");
  s.hub.add(llm, commit_of('c'), {{"x", "3"}}, "");
  s.hub.add(data, commit_of('d'), {{"x", "4"}}, "");
  s.hub.add(legacy, commit_of('e'), {{"x", "5"}}, "");
  const auto seen = s.look();
  ledger_view book(seen);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    if (seen.repos[r].label() == "model/acme/llm") book.pinned[r][2] = true;
    if (seen.repos[r].label() == "model/gpt2") book.leased[r] = true;
  }
  hubcache::leftover_rule rule;
  rule.now_ns = s.now;
  const auto plan = plan_prune(seen, s.map(seen), book, rule);
  CHECK(names(plan) == "dataset/acme/data@d model/acme/llm@b");
  CHECK(plan.repos[0].whole);
  CHECK_FALSE(plan.repos[1].whole);
  CHECK(plan.notes.size() == 1);
  CHECK(plan.withheld.size() == 1);
}

TEST_CASE("prune takes what no run will go on with: others' partials at once, the rest a day later") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}});
  const auto etag = std::string(64, '7');
  for (const auto* name : {"68756263.incomplete", "incomplete", "0a1b2c3d.incomplete",
                           "68756263.incomplete.0a1b2c3d.incomplete"}) {
    s.home.write("hub/models--acme--llm/blobs/" + etag + "." + name, "part");
  }
  s.home.write("hub/models--acme--llm/blobs/" + std::string(64, '8'), "unused");
  const auto seen = s.look();
  hubcache::leftover_rule rule;
  rule.now_ns = s.now;
  const auto now = plan_prune(seen, s.map(seen), ledger_view(seen), rule);
  REQUIRE(now.repos.size() == 1);
  CHECK(now.repos[0].partials == std::vector<std::string>{etag + ".0a1b2c3d.incomplete",
                                                          etag + ".68756263.incomplete.0a1b2c3d.incomplete"});
  CHECK(now.blobs() == 0);
  CHECK(now.revisions() == 0);
  rule.now_ns = s.now + day;
  const auto later = plan_prune(seen, s.map(seen), ledger_view(seen), rule);
  CHECK(later.partials() == 4);
  CHECK(later.blobs() == 1);
  rule.resumable_for = std::chrono::seconds(0);
  rule.now_ns = s.now;
  CHECK(plan_prune(seen, s.map(seen), ledger_view(seen), rule).partials() == 4);
}

TEST_CASE("an interrupted first download is not pruned while it can be resumed") {
  setting s;
  s.home.write("hub/models--acme--llm/blobs/" + std::string(64, '7') + ".68756263.incomplete", "part");
  s.home.write("hub/models--acme--llm/blobs/" + std::string(64, '8'), "published");
  fs::create_directories(s.home / "hub/models--acme--llm/snapshots");
  const auto seen = s.look();
  hubcache::leftover_rule rule;
  rule.now_ns = s.now;
  CHECK(plan_prune(seen, s.map(seen), ledger_view(seen), rule).empty());
  rule.now_ns += 2 * day;
  CHECK(plan_prune(seen, s.map(seen), ledger_view(seen), rule).whole_repos() == 1);
}

TEST_CASE("gc removes what was not used for longest until the cache is small enough") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", bytes(400, 'a')}}, "main");
  s.hub.add(llm, commit_of('b'), {{"x", bytes(400, 'b')}}, "v2");
  s.hub.add(data, commit_of('c'), {{"x", bytes(400, 'c')}});
  const auto seen = s.look();
  const auto map = s.map(seen);
  ledger_view book(seen);
  s.used(book, seen, 'a', 3);
  s.used(book, seen, 'b', 9);
  s.used(book, seen, 'c', 6);
  hubcache::gc_goal goal;
  goal.leftovers.now_ns = s.now;
  const auto at_most = [&](std::uint64_t most) {
    goal.max_bytes = most;
    return names(plan_gc(seen, map, book, goal).what);
  };
  CHECK(at_most(2'000'000).empty());
  CHECK(at_most(freeable_bytes(seen, map)).empty());
  CHECK(at_most(1'000'000) == "model/acme/llm@b");
  CHECK(at_most(600'000) == "dataset/acme/data@c model/acme/llm@b");
  CHECK(at_most(0) == "dataset/acme/data@c model/acme/llm@a model/acme/llm@b");

  goal.max_bytes.reset();
  goal.max_age = std::chrono::hours(24 * 5);
  CHECK(names(plan_gc(seen, map, book, goal).what) == "dataset/acme/data@c model/acme/llm@b");
  goal.max_bytes = 0;
  CHECK(plan_gc(seen, map, book, goal).what.whole_repos() == 2);
}

TEST_CASE("gc counts what is really freed: shared content goes only with its last holder") {
  setting s;
  const auto shared = bytes(800, 's');
  s.hub.add(llm, commit_of('a'), {{"x", shared}, {"own", bytes(200, 'o')}});
  fs::create_directories(s.hub.layout(data).blobs_dir());
  fs::create_hard_link(s.hub.blob(llm, shared), s.hub.blob(data, shared));
  s.hub.add(data, commit_of('c'), {{"x", shared}});
  s.hub.add(legacy, commit_of('d'), {{"x", bytes(400, 'd')}});
  const auto seen = s.look();
  const auto map = s.map(seen);
  ledger_view book(seen);
  s.used(book, seen, 'c', 9);
  s.used(book, seen, 'd', 6);
  s.used(book, seen, 'a', 3);
  hubcache::gc_goal goal;
  goal.leftovers.now_ns = s.now;
  goal.max_bytes = 1'100'000;  // of 1.4 MB: the oldest repo alone would free nothing
  const auto some = plan_gc(seen, map, book, goal).what;
  CHECK(names(some) == "model/gpt2@d");
  CHECK(some.freed >= 400'000);
  goal.max_bytes = 100'000;
  const auto all = plan_gc(seen, map, book, goal).what;
  CHECK(all.revisions() == 3);
  CHECK(all.freed == freeable_bytes(seen, map));
}

TEST_CASE("gc takes leftovers first, respects pins and leases, and removes no revision in vain") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", bytes(400, 'a')}});
  s.hub.add(data, commit_of('c'), {{"x", bytes(400, 'c')}});
  s.hub.add(legacy, commit_of('d'), {{"x", bytes(400, 'd')}});
  s.home.write("hub/models--gpt2/blobs/" + std::string(64, '7') + ".0a1b2c3d.incomplete", bytes(400, 'p'));
  const auto seen = s.look();
  const auto map = s.map(seen);
  ledger_view book(seen);
  s.used(book, seen, 'a', 9);
  s.used(book, seen, 'c', 6);
  s.used(book, seen, 'd', 3);
  hubcache::gc_goal goal;
  goal.leftovers.now_ns = s.now;
  goal.max_bytes = 1'300'000;
  const auto first = plan_gc(seen, map, book, goal).what;
  CHECK(names(first).empty());
  CHECK(first.partials() == 1);

  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    if (seen.repos[r].label() == "model/acme/llm") book.pinned[r][0] = true;
    if (seen.repos[r].label() == "dataset/acme/data") book.leased[r] = true;
  }
  goal.max_bytes = 0;
  const auto none = plan_gc(seen, map, book, goal);
  CHECK(names(none.what).empty());
  CHECK(none.what.partials() == 1);
  CHECK(none.out_of_reach.find(" in use by another process, ") != std::string::npos);
  CHECK(none.out_of_reach.ends_with(" pinned."));
  goal.max_age = std::chrono::hours(24 * 2);
  CHECK(names(plan_gc(seen, map, book, goal).what) == "model/gpt2@d");
  goal.max_age.reset();
  goal.max_bytes = 900'000;
  const auto enough = plan_gc(seen, map, book, goal);
  CHECK(names(enough.what) == "model/gpt2@d");
  CHECK(enough.out_of_reach.empty());
}

TEST_CASE("gc goes by what removing the cache would free, not by what other files hold, too") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", bytes(800, 'a')}});
  s.hub.add(data, commit_of('c'), {{"x", bytes(400, 'c')}});
  fs::create_hard_link(s.hub.blob(llm, bytes(800, 'a')), s.home / "ollama");  // the inode is shared
  const auto shared = s.home.write("store/payload", bytes(900, 'd'));
  fs::create_directories(s.hub.layout(legacy).blobs_dir());
  fs::create_symlink(shared, s.hub.blob(legacy, bytes(900, 'd')));
  s.hub.add(legacy, commit_of('d'), {{"x", bytes(900, 'd')}});
  const auto seen = s.look();
  const auto map = s.map(seen);
  const auto total = freeable_bytes(seen, map);
  CHECK(total >= 400'000);
  CHECK(total < 500'000);
  ledger_view book(seen);
  hubcache::gc_goal goal;
  goal.leftovers.now_ns = s.now;
  goal.max_bytes = total;
  CHECK(plan_gc(seen, map, book, goal).what.empty());
  goal.max_bytes = 0;
  const auto plan = plan_gc(seen, map, book, goal);
  CHECK(names(plan.what) == "dataset/acme/data@c");
  CHECK(plan.what.freed == total);
  CHECK(plan.out_of_reach.empty());
}

TEST_CASE("revisions with edited files are withheld, and rm names the files") {
  setting s;
  for (const char commit : {'a', 'b'}) {
    s.hub.add(llm, commit_of(commit), {{"config.json", "{}"}, {"x", bytes(400, commit)}}, "");
  }
  const auto file = s.hub.layout(llm).snapshot(commit_of('a')) + "/config.json";
  fs::remove(file);
  s.home.write("hub/models--acme--llm/snapshots/" + commit_of('a') + "/config.json", "{\"mine\": 1}");
  const auto seen = s.look();
  const auto map = s.map(seen);
  CHECK(edited_files(seen.repos[0], seen.repos[0].revisions[0]) == std::vector<std::string>{"config.json"});
  CHECK(edited_files(seen.repos[0], seen.repos[0].revisions[1]).empty());
  const ledger_view book(seen);
  hubcache::gc_goal goal;
  goal.leftovers.now_ns = s.now;
  goal.max_age = std::chrono::hours(1);
  const auto pruned = plan_prune(seen, map, book, goal.leftovers);
  const auto collected = plan_gc(seen, map, book, goal).what;
  for (const auto& plan : {pruned, collected}) {
    CHECK(names(plan) == "model/acme/llm@b");
    REQUIRE(plan.withheld.size() == 1);
    CHECK(plan.withheld[0].find("holds files that were edited: config.json") != std::string::npos);
  }
  goal.max_bytes = 0;
  CHECK(plan_gc(seen, map, book, goal).out_of_reach.ends_with(" edited."));

  const auto asked = plan_named_removal(seen, map, book, find_targets(seen, {"acme/llm"}).chosen);
  CHECK(asked.whole_repos() == 1);
  REQUIRE(asked.notes.size() == 1);
  CHECK(asked.notes[0].starts_with(file + " was edited"));
}

TEST_CASE("without links, plain files are no edits") {
  setting s;
  s.home.write("hub/models--acme--llm/snapshots/" + commit_of('a') + "/config.json", "{}");
  const auto seen = s.look();
  CHECK(edited_files(seen.repos[0], seen.repos[0].revisions[0]).empty());
}

TEST_CASE("pins that cannot be read refuse all that is not named") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"x", "1"}}, "");
  const auto seen = s.look();
  const auto map = s.map(seen);
  hubcache::pin_list pins;
  pins.problems = {"/state/pins/x.json is damaged."};
  const auto book = view_ledger(hubcache::ledger(s.home / "state"), pins, seen);
  const auto refused = [](auto plan) {
    try {
      plan();
      return false;
    } catch (const hubcache::error& e) {
      return e.reason() == hubcache::errc::refused && e.detail().find("x.json") != std::string::npos;
    }
  };
  CHECK(refused([&] { static_cast<void>(plan_prune(seen, map, book, {})); }));
  CHECK(refused([&] { static_cast<void>(plan_gc(seen, map, book, {})); }));
  CHECK(plan_named_removal(seen, map, book, find_targets(seen, {"acme/llm"}).chosen).whole_repos() == 1);
}

TEST_CASE("gc plans for thousands of revisions, and stops when told") {
  census seen;
  hubcache::disk_map map;
  constexpr std::size_t revisions = 2'000, each = 40;
  auto& one = seen.repos.emplace_back();
  one.type = "model";
  one.id = "acme/llm";
  one.path = "/hub/models--acme--llm";
  for (std::size_t v = 0; v < revisions; ++v) {
    auto& revision = one.revisions.emplace_back();
    revision.commit = std::to_string(v);
    for (std::size_t i = 0; i < each; ++i) {
      auto& entry = revision.entries.emplace_back();
      entry.path = std::to_string(i);
      entry.content = one.contents.size();
      auto& content = one.contents.emplace_back();
      content.name = std::to_string(v * each + i);
      content.path = content.payload = one.path + "/blobs/" + content.name;
      auto& piece = map.pieces.emplace_back();
      piece.bytes = 1;
      piece.users = {{0, *entry.content}};
    }
  }
  ledger_view book(seen);
  for (std::size_t v = 0; v < revisions; ++v) book.used[0][v] = static_cast<std::int64_t>(v);
  hubcache::gc_goal goal;
  goal.max_bytes = 10 * each;
  const auto plan = plan_gc(seen, map, book, goal);
  CHECK(plan.what.revisions() == revisions - 10);
  CHECK(plan.what.freed == (revisions - 10) * each);

  std::stop_source stop;
  stop.request_stop();
  CHECK(plan_gc(seen, map, book, goal, stop.get_token()).what.revisions() == 0);
}

TEST_CASE("a use is what the ledger recorded; else the last time that the files were read or made") {
  setting s;
  const hubcache::ledger book(s.home / "state");
  s.hub.add(llm, commit_of('a'), {{"x", "1"}});
  const timespec old[2] = {{1'600'000'000, 0}, {1'500'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, s.hub.blob(llm, "1").c_str(), old, 0) == 0);
  REQUIRE(::utimensat(AT_FDCWD, s.hub.layout(llm).snapshot(commit_of('a')).c_str(), old, 0) == 0);
  auto seen = s.look();
  CHECK(view_ledger(book, {}, seen).used[0][0] == 1'600'000'000LL * 1'000'000'000);
  book.note_use(s.hub.path(), llm.folder(), commit_of('a'));
  const auto recorded = view_ledger(book, {}, seen).used[0][0];
  CHECK(recorded > s.now - day);
  seen.repos[0].contents[0].status.accessed_ns = s.now + day;  // `cache verify` read it
  CHECK(view_ledger(book, {}, seen).used[0][0] == recorded);
}

TEST_CASE("a content that others use does not make a revision young") {
  setting s;
  s.hub.add(llm, commit_of('a'), {{"tokenizer.json", "shared"}, {"x", "1"}, {"y", "linked"}}, "v1");
  s.hub.add(llm, commit_of('b'), {{"tokenizer.json", "shared"}}, "main");
  fs::create_directories(s.hub.layout(data).blobs_dir());
  fs::create_hard_link(s.hub.blob(llm, "linked"), s.hub.blob(data, "linked"));
  const timespec old[2] = {{1'600'000'000, 0}, {1'500'000'000, 0}};
  for (const auto& path : {s.hub.blob(llm, "1"), s.hub.layout(llm).snapshot(commit_of('a')),
                           s.hub.layout(llm).snapshot(commit_of('b'))}) {
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), old, 0) == 0);
  }
  const auto seen = s.look();
  const auto used = view_ledger(hubcache::ledger(s.home / "state"), {}, seen).used;
  const auto model = static_cast<std::size_t>(seen.repos[0].label() == "model/acme/llm" ? 0 : 1);
  CHECK(used[model][0] == 1'600'000'000LL * 1'000'000'000);
  CHECK(used[model][1] > s.now - day);  // it has no content of its own
}
