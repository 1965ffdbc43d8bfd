// Assembled directories while the disk fails, and when the process is killed.
#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>
#include <store/assembled.hpp>
#include <support/child_process.hpp>
#include <unistd.h>

#include "disk_faults/disk_calls.hpp"
#include "disk_faults/scene.hpp"

using test::disk_call;
namespace fs = std::filesystem;

namespace {

const hubcache::first_of<hubcache::hard_link, hubcache::copy> by_hard_link;
const hubcache::first_of<hubcache::copy> by_symlink;  // large files are not copied

/// A directory that was assembled, and shall be changed.
struct scene : private test::temp_folder, test::assembly_scene {
  explicit scene(const hubcache::link_ref& by) : assembly_scene(path().string()), links(by) {
    run(links);
    before = tree();
    use_other_vae();
    what.files.erase(what.files.begin());
    what.texts = {{"model_index.json", "{\"vae\": [2]}"}};
    what.texts.emplace_back("new/text.json", "{}");
    config.fsync = hubcache::fsync_mode::each;
  }
  using temp_folder::path;

  /// Names that show neither what they did nor what they shall.
  [[nodiscard]] std::set<std::string> wrong() const {
    std::set<std::string> found;
    const auto after = wanted();
    for (const auto& one : tree()) {
      const auto& name = one.first;
      const auto is_in = [&](const auto& state) {
        return state.contains(name) && state.at(name) == one.second;
      };
      if (!name.starts_with(".hubcache-assembly") && !is_in(before) && !is_in(after)) found.insert(name);
    }
    return found;
  }
  /// What is wrong after one more run.
  void check_next_run() {
    run(links);
    CHECK(tree() == wanted());
    CHECK(manifest().size() == 5);
  }

  hubcache::link_ref links;
  std::map<std::string, std::string> before;
};

}  // namespace

TEST_CASE(
    "whenever a run is killed, each file of an assembled directory is the old or the new one, and the next "
    "run goes on") {
  for (const hubcache::link_ref by : {hubcache::link_ref(by_hard_link), hubcache::link_ref(by_symlink)}) {
    std::size_t kills = 0;
    for (std::size_t n = 1;; n = test::next_to_fail(n)) {
      CAPTURE(n);
      scene s(by);
      test::child_process child([&](const auto& tell) {
        std::size_t seen = 0;
        const test::disk_watch watch(s.path().string(), [&](const test::seen_call&) {
          if (++seen == n) ::kill(::getpid(), SIGKILL);
          return test::call_fate();
        });
        s.run(by);
        tell('.');
      });
      if (child.next_signal() == '.') break;
      ++kills;
      CHECK(s.wrong() == std::set<std::string>());
      s.check_next_run();
    }
    MESSAGE("kills: ", kills);
    CHECK(kills > 8);
  }
}

TEST_CASE(
    "whatever call fails while a directory is assembled: a clear error or none, no wrong file, and the next "
    "run goes on") {
  std::size_t count = 0;
  for (const hubcache::link_ref by : {hubcache::link_ref(by_hard_link), hubcache::link_ref(by_symlink)}) {
    for (const auto kind : test::all_disk_calls) {
      for (std::size_t n = 1;; n = test::next_to_fail(n)) {
        const auto name = test::name_of(kind);
        CAPTURE(name);
        CAPTURE(n);
        scene s(by);
        std::optional<hubcache::error> failed;
        bool met = false;
        {
          const test::nth_failure failing(
              s.path().string(), [kind](const test::seen_call& call) { return call.kind == kind; }, n,
              {EIO, false}, false);
          try {
            s.run(by);
          } catch (const hubcache::error& e) {
            failed = e;
          }
          met = failing.met();
        }
        if (!met) break;
        ++count;
        if (failed) {
          INFO(std::string(failed->what()));
          CHECK(test::is_clear(*failed));
        }
        CHECK(s.wrong() == std::set<std::string>());
        s.check_next_run();
      }
    }
  }
  MESSAGE("failed calls: ", count);
  CHECK(count > 60);
}
