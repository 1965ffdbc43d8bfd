// What the cache is used for from outside, and what removal does then: assembled directories, mapped files.
#include <hubcache/error.hpp>
#include <hubcache/store/mapped_weights.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/gc.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <store/assembled.hpp>
#include <string>
#include <support/weight_files.hpp>

namespace fs = std::filesystem;
using hubcache::removal_choice;

namespace {

const hubcache::first_of<hubcache::hard_link, hubcache::copy> by_hard_link;
const hubcache::first_of<hubcache::copy> by_symlink;  // large files are not copied

struct scene : private test::temp_folder, test::assembly_scene {
  scene() : assembly_scene(path().string()) {}

  /// What `plan(census, map, view)` says, carried out.
  template <class Plan>
  hubcache::removal_report clean_up(Plan plan) {
    const auto seen = hubcache::take_census(config.cache_dir, pool);
    const hubcache::ledger book(config.state_dir);
    const auto view = view_ledger(book, book.pins(config.cache_dir), seen);
    planned = plan(seen, map_disk(seen, pool), view);
    return carry_out(planned, config.state_dir, index);
  }
  hubcache::removal_report rm(const hubcache::repo& which) {
    return clean_up([&](const auto& seen, const auto& map, const auto& view) {
      return plan_named_removal(seen, map, view, find_targets(seen, {which.id()}).chosen);
    });
  }
  /// Detached revisions, a day from now.
  hubcache::removal_report prune() {
    return clean_up([](const auto& seen, const auto& map, const auto& view) {
      return plan_prune(seen, map, view, tomorrow());
    });
  }
  /// All that may go.
  hubcache::removal_report gc() {
    return clean_up([](const auto& seen, const auto& map, const auto& view) {
      hubcache::gc_goal goal;
      goal.leftovers = tomorrow();
      goal.max_age = std::chrono::seconds(1);
      return plan_gc(seen, map, view, goal).what;
    });
  }
  static hubcache::leftover_rule tomorrow() {
    hubcache::leftover_rule rule;
    const auto then = std::chrono::system_clock::now().time_since_epoch() + std::chrono::hours(25);
    rule.now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(then).count();
    return rule;
  }
  [[nodiscard]] bool has(const hubcache::repo& which, char commit) const {
    return fs::exists(cache.layout(which).snapshot(test::commit_of(commit)));
  }

  hubcache::workers pool{2};
  hubcache::removal planned;
};

}  // namespace

TEST_CASE(
    "an assembled directory of hard links stays whole when its repos go, which frees none of its bytes") {
  scene s;
  const auto wanted = s.wanted();
  s.run(by_hard_link);
  CHECK(s.rm(s.vae).complete());
  CHECK_FALSE(fs::exists(s.cache.layout(s.vae).repo_dir()));
  // The blobs of two commits are gone; that of the one that is not shown was the only name of its bytes.
  CHECK(s.planned.apparent > 200'000);
  CHECK(s.planned.freed >= 100'000);
  CHECK(s.planned.freed < 150'000);
  CHECK(s.gc().complete());
  CHECK_FALSE(s.has(s.pipe, 'a'));
  CHECK(s.planned.freed < 50'000);
  CHECK(s.tree() == wanted);
}

TEST_CASE(
    "a repo that an assembled directory leads to by symlinks cannot be removed, and the reason is told") {
  scene s;
  s.run(by_symlink);
  CHECK_THROWS_WITH_AS(s.rm(s.pipe),
                       doctest::Contains(("model/acme/pipe@" + test::commit_of('a') + " is pinned").c_str()),
                       hubcache::error);
  CHECK(s.prune().complete());
  CHECK(s.gc().complete());
  CHECK(s.has(s.pipe, 'a'));
  CHECK(s.has(s.vae, 'b'));
  CHECK_FALSE(s.has(s.vae, 'c'));
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a repo with a mapped file is not collected, and goes once nobody maps it") {
  scene s;
  s.add("acme/llm", 'd', {{"model.safetensors", test::safetensors_text().tensor("a", {4}).bytes('x')}});
  {
    const auto weights =
        hubcache::mapped_weights::map(s.entry("acme/llm", 'd', "model.safetensors"), s.config);
    (void)s.gc();
    CHECK(s.has("acme/llm", 'd'));
    CHECK_FALSE(s.has(s.pipe, 'a'));
    CHECK(s.rm("acme/llm").repos == 0);
    CHECK(s.has("acme/llm", 'd'));
    CHECK(weights.find("a") != nullptr);
  }
  CHECK(s.gc().complete());
  CHECK_FALSE(s.has("acme/llm", 'd'));
}
